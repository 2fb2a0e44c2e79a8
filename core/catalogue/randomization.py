"""A randomization test: what is replaced by chance before training, once per data seed."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from core.catalogue.registry import CHECKED, Function, Name, Place

Use = Annotated[str, Field(pattern="^(corruption|variant|data_seed)$")]


@dataclass(frozen=True, kw_only=True, slots=True, config=CHECKED)
class Randomization:
    """Describes a randomization: the spec, the form, trainers and figures learn from it."""

    name: Name
    """In specs, on the command line and in addresses."""
    title: str
    """For people, in lower case, as in "MLP 1×512, random labels"."""
    touches: Literal["nothing", "labels", "pixels"]
    """Pixels that are randomized stay fixed, so that augmentation is not allowed with them."""
    apply: Function | None = None
    """Of labels: `f(labels) -> int64 (n,)`, of a `worker.training.randomize.Labels`. Of pixels:
    `f(spec, batch) -> images`, of a `Batch` there, uint8 as its `pixels`."""
    uses: frozenset[Use] = frozenset({"data_seed"})
    """Which of `corruption`, `variant` and `data_seed` it reads; the others have no effect."""
    replaced: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Probability that a training label is replaced, if that is not the spec's `corruption`."""
    ends: Mapping[float | None, str] = field(default_factory=dict)
    """Levels of `corruption` at which it is another randomization, such as 0: true labels."""
    dataset: str | None = None
    """The only dataset it is for, if it is not for any."""
    color: Place | None = None
    """Place in the palette, from 0; by its place in the figure where it has none."""
