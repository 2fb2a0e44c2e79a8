"""The catalogue of studies. A study is a plan: which prefixes of which runs its panels need.

Notable choices:
- A study is a named function of scale, variant and number of seeds that returns a list of
  `Planned`: a spec, a demand on it, and its role in a panel. Panels share runs by sharing specs.
- Seed i of a study is seed i of the weights and of the randomization.
"""

import functools
import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import ValidationError

from core.catalogue import datasets, models, randomizations
from core.paper.criteria import Criterion, default_criterion
from core.paper.plans import OUTLINE, Plan, Planned, cost, order, planned, seeded
from core.paper.reference import report
from core.paper.reference.paper import TABLE_1, Table1Row
from core.paper.scales import (
    ALL_TENTHS,
    AUGMENTATION,
    DROPOUT,
    INCEPTION,
    MEASURED_MODELS,
    PAPER_HUE,
    SETTINGS,
    WEIGHT_DECAY,
    Fields,
    Scale,
    fields_of,
)
from core.run.demands import Demand
from core.run.errors import InvalidInput, invalid_input
from core.run.spec import (
    BatchNorm,
    Precision,
    RunSpec,
    SpecRequest,
    Variant,
    rounded,
)

WITHOUT_NORM: Fields = {"batch_norm": BatchNorm.NONE, "bn_momentum": None, "bn_eps": None}
"""No batch normalisation, whatever a scale says of its statistics."""

MAX_SEEDS = 10
MAX_GRID = 1000
"""Runs of a custom grid at most."""


class StudyName(StrEnum):
    FIGURE_1A = "figure-1a"
    FIGURE_1BC = "figure-1bc"
    FIGURE_2A = "figure-2a"
    FIGURE_2B = "figure-2b"
    TABLE_1 = "table-1"
    RACE = "race"
    EVERYTHING = "everything"
    CUSTOM = "custom"


TITLES = {
    StudyName.FIGURE_1A: "Figure 1a: loss curves of five randomizations",
    StudyName.FIGURE_1BC: "Figures 1b and 1c: convergence time and test error by corruption",
    StudyName.FIGURE_2A: "Figure 2a: explicit regularisation",
    StudyName.FIGURE_2B: "Figure 2b: batch normalisation",
    StudyName.TABLE_1: "Table 1: final accuracies",
    StudyName.RACE: "The race: true labels against random labels",
    StudyName.EVERYTHING: "All figures, sharing their runs",
    StudyName.CUSTOM: "Custom grid",
}


def figure_1a(scale: Scale, variant: Variant, seeds: int) -> Plan:
    """Training loss of the small Inception on five randomizations."""
    order = (
        "true_labels",
        "random_labels",
        "shuffled_pixels",
        "gaussian",
        "random_pixels",
    )
    demand = Demand(epochs=SETTINGS[scale].horizons["1a"])
    return seeded(
        [
            planned(_spec(INCEPTION, scale, variant, randomization=r), demand, "1a", r)
            for r in order
        ],
        seeds,
    )


class Subject(NamedTuple):
    """Whose curve over p: what is given stands in place of the paper's."""

    model: str | None = None
    dataset: str | None = None
    randomization: str | None = None


PAPERS = Subject()


def figure_1bc(scale: Scale, variant: Variant, seeds: int, subject: Subject = PAPERS) -> Plan:
    """Label corruption p from 0 to 1 for three models, or one's own, each run until it fits."""
    names = MEASURED_MODELS if subject.model is None else (subject.model,)
    entries = [
        replace(_until_fitted(subject._replace(model=model), scale, variant, p), stage=stage)
        for stage, p in enumerate(OUTLINE)
        for model in sorted(names, key=cost)
        if p in SETTINGS[scale].corruptions.get(model, ALL_TENTHS)
    ]
    return seeded(entries, seeds, staged=True)


def race(subject: Subject, scale: Scale, variant: Variant, seeds: int) -> Plan:
    """The ends of the curve in Figure 1b, true labels and random ones.

    Raises:
        InvalidInput: the subject's randomization leaves all labels true, or cannot be trained on.
    """
    given = subject.randomization
    if given is not None and randomizations[given].touches != "labels":
        raise InvalidInput(
            f"randomization {given} is not allowed with study race: it leaves all labels true, use "
            "figure-1bc"
        )
    return seeded([_until_fitted(subject, scale, variant, p) for p in (0.0, 1.0)], seeds)


def _until_fitted(subject: Subject, scale: Scale, variant: Variant, p: float) -> Planned:
    """Level p of the randomization until the model's own criterion holds."""
    model = subject.model or models.default
    fields: Fields = {"randomization": subject.randomization or UNIFORM_NOISE, "corruption": p}
    if "corruption" not in randomizations[fields["randomization"]].uses:
        able = ", ".join(r.name for r in randomizations.values() if "corruption" in r.uses)
        raise InvalidInput(
            f"randomization {subject.randomization} is not allowed: it has no levels, use {able}"
        )
    if subject.dataset is not None:
        fields["dataset"] = subject.dataset
    spec = _spec(model, scale, variant, **fields)
    stop = default_criterion(model).stop_rule
    demand = Demand(epochs=SETTINGS[scale].horizons["1bc"], stop=stop)
    return planned(spec, demand, "1bc", model, corruption=p)


UNIFORM_NOISE = "corrupted_labels"


def figure_2a(scale: Scale, variant: Variant, seeds: int) -> Plan:
    """The small Inception without regulariser, with weight decay, and with all of them."""
    hue = {"hue": PAPER_HUE} if variant is Variant.PAPER else {}
    regularisers: dict[str, Fields] = {
        "none": {},
        "all": {"weight_decay": WEIGHT_DECAY, "dropout": DROPOUT} | AUGMENTATION | hue,
        "weight_decay": {"weight_decay": WEIGHT_DECAY},
    }
    demand = Demand(epochs=SETTINGS[scale].horizons["2a"])
    return seeded(
        [
            planned(_spec(INCEPTION, scale, variant, **fields), demand, "2a", name)
            for name, fields in regularisers.items()
        ],
        seeds,
    )


def figure_2b(scale: Scale, variant: Variant, seeds: int) -> Plan:
    """The small Inception with and without batch normalisation.

    Without it another setting is needed; the network with it is also run at that setting.
    """
    other = SETTINGS[scale].without_bn
    networks: dict[str, Fields] = {
        "with_bn": {},
        "without_bn": other | WITHOUT_NORM,
        "with_bn_same_setting": other,
        "bn_down": SETTINGS[scale].bn_down | {"batch_norm": BatchNorm.DOWN},
    }
    demand = Demand(epochs=SETTINGS[scale].horizons["2b"])
    return seeded(
        [
            planned(_spec(INCEPTION, scale, variant, **fields), demand, "2b", name)
            for name, fields in networks.items()
        ],
        seeds,
    )


def table_1(scale: Scale, variant: Variant, seeds: int) -> Plan:
    """Every row of Table 1: model, random crop, weight decay, and random labels.

    Empty at a scale that has no Table 1; `unavailable` says so in words.
    """
    if not SETTINGS[scale].table_1:
        return ()
    demand = Demand(epochs=SETTINGS[scale].horizons["table-1"])
    rows = sorted(TABLE_1, key=lambda row: (row.weight_decay, row.crop, cost(row.model)))
    entries = []
    for row in rows:
        fields: Fields = {} if row.batch_norm else SETTINGS[scale].without_bn | WITHOUT_NORM
        if row.weight_decay:
            fields["weight_decay"] = WEIGHT_DECAY
        if row.crop:
            fields["random_crop"] = True
        if row.random_labels:
            fields["randomization"] = "random_labels"
        spec = _spec(row.model, scale, variant, **fields)
        entries.append(planned(spec, demand, "table-1", row_key(row)))
    return seeded(entries, seeds)


def everything(scale: Scale, variant: Variant, seeds: int) -> Plan:
    """All figures together; what they share is trained once."""
    panels = (figure_1a, figure_1bc, figure_2a, figure_2b, table_1)
    together = itertools.chain.from_iterable(panel(scale, variant, seeds) for panel in panels)
    return tuple(sorted(together, key=order))


FITTED = frozenset({StudyName.FIGURE_1BC, StudyName.RACE, StudyName.EVERYTHING})
"""The studies with runs that go on until they fit, by a criterion that may be chosen."""

CATALOGUE: dict[StudyName, Callable[[Scale, Variant, int], Plan]] = {
    StudyName.FIGURE_1A: figure_1a,
    StudyName.FIGURE_1BC: figure_1bc,
    StudyName.FIGURE_2A: figure_2a,
    StudyName.FIGURE_2B: figure_2b,
    StudyName.TABLE_1: table_1,
    StudyName.EVERYTHING: everything,
}
"""All but the race, which is of one model, and grids."""


def unavailable(name: StudyName, scale: Scale) -> str | None:
    """Why there is no such study at the scale, and what to use; None if there is."""
    if name is StudyName.TABLE_1 and not SETTINGS[scale].table_1:
        return f"{scale} has no Table 1, use {Scale.QUICK}"
    return None


@functools.lru_cache(maxsize=64)
def plan(
    name: StudyName,
    scale: Scale,
    variant: Variant = Variant.PAPER,
    seeds: int = 1,
    precision: Precision = Precision.FP32,
    criterion: Criterion | None = None,
    subject: Subject = PAPERS,
) -> Plan:
    """The plan of a study of the catalogue, in the order in which it is to be run.

    With a `criterion` the runs of Figures 1b and 1c go on until it holds, in place of each
    model's own: one stricter than that extends them. They and the race may have a `subject`.
    """
    if not 1 <= seeds <= MAX_SEEDS:
        raise InvalidInput(f"seeds {seeds} is not allowed: use 1 to {MAX_SEEDS}")
    if name is StudyName.RACE:
        entries = race(subject, scale, variant, seeds)
    elif name is StudyName.FIGURE_1BC:
        entries = figure_1bc(scale, variant, seeds, subject)
    else:
        entries = CATALOGUE[name](scale, variant, seeds)
    if criterion is not None:
        entries = tuple(_until(criterion, entry) for entry in entries)
    if precision is Precision.FP32:
        return entries
    return tuple(replace(e, spec=e.spec.replace(precision=precision)) for e in entries)


def _until(criterion: Criterion, entry: Planned) -> Planned:
    if entry.role.panel != "1bc":
        return entry
    return replace(entry, demand=Demand(epochs=entry.demand.epochs, stop=criterion.stop_rule))


def grid(
    base: dict[str, Any],
    axes: dict[str, list[Any]],
    demand: Demand,
    seeds: int = 1,
    precision: Precision = Precision.FP32,
) -> Plan:
    """Every combination of the axes' values on top of `base`, for each seed.

    The seeds count from those in `base` on. `precision` stands in where it is left out or auto.

    Raises:
        InvalidInput: a combination is not a valid spec, or there are too many.
    """
    sizes = [len(values) for values in axes.values()]
    total = seeds * functools.reduce(lambda a, b: a * b, sizes, 1)
    if not 1 <= total <= MAX_GRID:
        raise InvalidInput(
            f"axes is not allowed: it makes {total} runs, use values that make 1 to {MAX_GRID}"
        )
    if seeds > 1 and (seed := next((name for name in axes if name in SEEDS), None)):
        raise InvalidInput(
            f"seeds {seeds} is not allowed with an axis {seed}: it moves {' and '.join(SEEDS)} on, "
            "use one of the two"
        )
    try:
        entries = [
            _of_grid(base, dict(zip(axes, values, strict=True)), demand, precision)
            for values in itertools.product(*axes.values())
        ]
        return _unique(seeded(entries, seeds))
    except ValidationError as error:
        raise invalid_input(error, prefix=("spec",)) from error


SEEDS = ("seed", "data_seed")


def _of_grid(
    base: dict[str, Any], chosen: dict[str, Any], demand: Demand, precision: Precision
) -> Planned:
    spec = SpecRequest.model_validate(base | chosen).resolve(precision)
    name = ", ".join(f"{field} = {rounded(value)}" for field, value in chosen.items()) or "base"
    entry = planned(spec, demand, "custom", name, corruption=spec.corruption)
    return replace(entry, role=replace(entry.role, seed=spec.seed))


def _unique(entries: Iterable[Planned]) -> Plan:
    """Without the combinations that are the same run, such as another p for true labels."""
    return tuple({entry.spec.hash(): entry for entry in reversed(tuple(entries))}.values())[::-1]


def row_key(row: Table1Row) -> str:
    """Name of a row of Table 1, such as inception+crop+weight_decay."""
    parts = [row.model if row.batch_norm else f"{row.model}-without-bn"]
    parts += ["crop"] * row.crop + ["weight_decay"] * row.weight_decay
    return "+".join(parts + ["random_labels"] * row.random_labels)


def _spec(model: str, scale: Scale, variant: Variant, **fields: Any) -> RunSpec:
    chosen: Fields = {"model": model, "variant": variant}
    if variant is Variant.REPORT:
        chosen["batch_size"] = report.BATCH_SIZE
    chosen |= fields_of(model, scale) | fields
    info = datasets[chosen.get("dataset", datasets.default)]
    for size, whole in (("n_train", info.train_size), ("n_test", info.test_size)):
        if chosen.get(size, 0) >= whole:
            del chosen[size]
    batch_size = chosen.get("batch_size", models[model].defaults["batch_size"])
    chosen["batch_size"] = min(batch_size, chosen.get("n_train", info.train_size))
    try:
        return RunSpec.model_validate(chosen)
    except ValidationError as error:
        raise invalid_input(error) from error
