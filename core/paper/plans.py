"""A plan: which prefixes of which runs are needed, what for, and in which order.

Each entry has a stage. Workers take lower stages first, whatever the study, so that the outline of
every panel (p = 0, 1, .5, the first seed) is there before the rest is filled in, and two studies
share the workers fairly.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from core.catalogue import models
from core.paper.criteria import default_criterion
from core.paper.extrapolation import depth, epochs_until
from core.paper.scales import SETTINGS, Scale, fields_of
from core.run.demands import Demand, StopRule
from core.run.metrics import Epoch
from core.run.spec import RunSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """What a run is for: a point or a curve of a panel."""

    panel: str
    """1a, 1bc, 2a, 2b, table-1 or custom."""
    series: str
    corruption: float | None = None
    """p, in 1bc."""
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    spec: RunSpec
    demand: Demand
    role: Role
    stage: int
    """Lower stages are trained first."""


Plan = tuple[Planned, ...]

OUTLINE = (0.0, 1.0, 0.5, 0.2, 0.8, 0.3, 0.7, 0.1, 0.9, 0.4, 0.6)
"""The order in which levels of p are run: ends and middle first."""


def planned(
    spec: RunSpec, demand: Demand, panel: str, series: str, *, corruption: float | None = None
) -> Planned:
    role = Role(panel=panel, series=str(series), corruption=corruption)
    return Planned(spec=spec, demand=demand, role=role, stage=0)


def seeded(entries: Iterable[Planned], seeds: int, *, staged: bool = False) -> Plan:
    """The entries for each seed, in stages: by their order unless they have stages already.

    A seed begins after all stages of the one before it, and in every panel at the same stage unless
    the panel is longer than the outline.
    """
    if not staged:
        entries = [replace(entry, stage=i) for i, entry in enumerate(entries)]
    entries = list(entries)
    length = max(len(OUTLINE), 1 + max(entry.stage for entry in entries))
    return tuple(
        sorted(
            (
                replace(
                    entry,
                    spec=_with_seed(entry.spec, seed),
                    role=replace(entry.role, seed=entry.role.seed + seed),
                    stage=entry.stage + seed * length,
                )
                for seed in range(seeds)
                for entry in entries
            ),
            key=order,
        )
    )


def _with_seed(spec: RunSpec, seed: int) -> RunSpec:
    """The spec with its two seeds moved on by `seed`."""
    if not seed:
        return spec
    return spec.replace(seed=spec.seed + seed, data_seed=(spec.data_seed or 0) + seed)


def order(entry: Planned) -> tuple[int, float]:
    """Cheap models first within a stage."""
    return entry.stage, cost(entry.spec.model)


def cost(model: str) -> float:
    return models[model].seconds_per_image


SIZE = ("n_train", "width", "batch_size")


def scale_of(spec: RunSpec) -> Scale:
    """The reduced scale that has as many images, as wide a network and as large a batch, or full.

    So that a run's time to fit can be told without knowing what it is for.
    """
    for scale in (Scale.SMOKE, Scale.QUICK):
        fields = fields_of(spec.model, scale)
        if all(getattr(spec, field) == fields[field] for field in SIZE if field in fields):
            return scale
    return Scale.FULL


def expected_epochs(entry: Planned, curve: Sequence[Epoch] = ()) -> int:
    """Epochs the entry is likely to have in the end: its demand's, or fewer by its stop rule.

    Told by what such runs took to fit, and once the run itself has fitted by its model's own
    criterion, or has outlived what was expected, by its own `curve`.
    """
    spec, limit, stop = entry.spec, entry.demand.epochs, entry.demand.stop
    if stop == StopRule():
        return limit
    usual = _usual_epochs(entry)
    own = default_criterion(spec.model)
    if len(curve) > 1 and (len(curve) >= usual or any(map(own.holds, curve))):
        return math.ceil(min(limit, epochs_until(stop, curve, spec.train_size)))
    return round(min(limit, usual))


def _usual_epochs(entry: Planned) -> float:
    """Epochs in which runs like it meet its stop rule; infinite where that is not known."""
    spec = entry.spec
    ends = SETTINGS[scale_of(spec)].expected_fit.get(spec.model)
    if ends is None:
        return math.inf
    low, high = ends
    # Time to fit rises steeply at small p, then evenly (Figure 1b).
    epochs = low + (high - low) * math.pow(spec.label_corruption, 0.7)
    own = default_criterion(spec.model).stop_rule
    images, classes = spec.train_size, spec.dataset_info.classes
    further = depth(entry.demand.stop, images, classes) / depth(own, images, classes)
    return max(epochs * further, 1.0)
