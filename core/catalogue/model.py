"""A network that can be trained."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from pydantic.dataclasses import dataclass

from core.catalogue.registry import CHECKED, Function, Name, Place


@dataclass(frozen=True, kw_only=True, slots=True, config=CHECKED)
class Model:
    """Describes a network: the spec, the form, plans and estimates learn from it."""

    name: Name
    """In specs, on the command line and in addresses."""
    title: str
    """For people."""
    network: Function
    """`build(spec) -> torch.nn.Module` that takes images (n, channels, crop, crop) to logits
    (n, classes); called by trainers alone, so torch is best imported inside it."""
    defaults: Mapping[str, Any]
    """Fields of the spec that the model settles; `learning_rate` and `batch_size` at least."""
    understands: frozenset[str] = frozenset()
    """Fields of the spec that not every model has and this one reads, such as `batch_norm`."""
    seconds_per_image: float = 1 / 500
    """Training time in fp32 on a CPU core, an order of magnitude: the order of the queue, and
    estimates until epochs were measured."""
    criterion: str = "accuracy-98"
    """When a run counts as fitted, a name in `core.paper.criteria.CRITERIA`."""
    reduced: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Fields of the spec at a reduced scale, by the scale's name, on top of those common to all."""
    color: Place | None = None
    """Place in the palette, from 0; by its place in the figure where it has none."""
