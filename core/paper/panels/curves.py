"""Learning curves: the mean over seeds at each epoch, with its spread; Figure 1a."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

from core.paper.criteria import CRITERIA, FitState
from core.paper.labels import label_of
from core.paper.panel import Axis, Fact, Flag, Panel, Series, SpreadKind, XKind
from core.paper.panels.columns import Columns
from core.paper.panels.entries import Entry, by_series
from core.paper.panels.fitting import fitted_or_failed
from core.paper.panels.frame import X_AXES, Options, frame, plural
from core.paper.panels.spread import summarise
from core.paper.reference import paper
from core.paper.reference import report as of_the_report
from core.run.metrics import Epoch

Points = list[tuple[float, float]]


def points(entry: Entry, measure: str, x: XKind) -> Points:
    """(x, y) of each epoch that has the measure."""
    read: Callable[[Epoch], float | None] = attrgetter(measure)
    if x is XKind.SECONDS:
        xs: Iterable[float] = itertools.accumulate(m.train_seconds for m in entry.curve)
    elif x is XKind.STEPS:
        xs = (m.step for m in entry.curve)
    else:
        xs = (m.epoch for m in entry.curve)
    return [(at, y) for at, m in zip(xs, entry.curve, strict=True) if (y := read(m)) is not None]


def mean_series(
    entries: Sequence[Entry],
    measure: str,
    options: Options,
    *,
    label: str | None = None,
    key: str | None = None,
    best: bool = False,
) -> Series:
    """The mean over the entries' seeds at each epoch; with `best`, of the largest so far."""
    curves = [points(entry, measure, options.x_kind) for entry in entries]
    if best:
        curves = [_running_best(curve) for curve in curves]
    key = key or entries[0].role.series
    series = averaged(curves, options.spread)
    return series.model_copy(
        update={
            "key": key,
            "label": label or label_of(key),
            "measure": measure,
            "kind": "running best" if best else "mean",
            "state": state_of(entries),
            "note": note_of(entries),
            "runs": [e.run.id for e in entries if e.run],
            "diverged": sum(e.diverged for e in entries),
        }
    )


def averaged(curves: Sequence[Points], asked: SpreadKind) -> Series:
    """Mean and spread at each index over the curves that reach so far."""
    curves = [curve for curve in curves if curve]
    if len(curves) == 1:
        return _alone(Series(key="", label="", measure="", x=[], y=[]), curves[0])
    columns = Columns(asked)
    for i in range(max(map(len, curves), default=0)):
        here = [curve[i] for curve in curves if i < len(curve)]
        columns.add(sum(x for x, _ in here) / len(here), [y for _, y in here])
    return columns.series(key="", label="", measure="")


def _alone(series: Series, curve: Points) -> Series:
    """One seed's curve as it is."""
    series.x, series.y = [float(x) for x, _ in curve], [y for _, y in curve]
    n = len(curve)
    series.low, series.high, series.sd = [None] * n, [None] * n, [None] * n
    series.n, series.censored, series.flag = [1] * n, [0] * n, [Flag.VALUE] * n
    return series


def _running_best(curve: Points) -> Points:
    best = itertools.accumulate((y for _, y in curve), max)
    return [(x, y) for (x, _), y in zip(curve, best, strict=True)]


def seed_series(
    entries: Sequence[Entry],
    measure: str,
    options: Options,
    *,
    label: str | None = None,
    key: str | None = None,
) -> list[Series]:
    """A series for each seed that has begun."""
    found = []
    for entry in entries:
        curve = points(entry, measure, options.x_kind)
        if curve:
            name, seed = key or entry.role.series, entry.role.seed
            series = averaged([curve], options.spread)
            found.append(
                series.model_copy(
                    update={
                        "key": name,
                        "label": f"{label or label_of(name)}, seed {seed}",
                        "measure": measure,
                        "kind": "seed",
                        "seed": seed,
                        "runs": [entry.run.id] if entry.run else [],
                    }
                )
            )
    return found


def series_of(groups: dict[str, list[Entry]], measure: str, options: Options) -> list[Series]:
    """The mean series of each group and, if asked for, its seeds."""
    found = []
    for entries in groups.values():
        found.append(mean_series(entries, measure, options))
        if options.individual:
            found += seed_series(entries, measure, options)
    return found


def state_of(entries: Sequence[Entry]) -> str:
    if all(entry.complete for entry in entries):
        return "complete"
    return "partial" if any(entry.curve for entry in entries) else "missing"


def note_of(entries: Sequence[Entry]) -> str:
    """What is not as planned, in words; empty if nothing."""
    parts = []
    complete = sum(e.complete for e in entries)
    if complete < len(entries) and len(entries) > 1:  # of one the state says as much
        parts.append(f"{complete} of {plural(len(entries), 'seed')} complete")
    parts += [
        f"seed {e.role.seed} diverged in epoch {len(e.curve) + 1}" for e in entries if e.diverged
    ]
    return "; ".join(parts)


SETS = {"train_accuracy": ", training", "test_accuracy": ", test"}


def reference_series(panel: str, options: Options) -> list[Series]:
    """The paper's curves on the chosen x axis; none in seconds, which the paper does not tell."""
    kind = options.x_kind
    if kind is XKind.SECONDS:
        return []
    scale = paper.STEPS_PER_EPOCH if kind is XKind.EPOCHS else 1
    return [
        Series(
            key=series.key,
            label=f"{label_of(series.key)}{SETS.get(series.measure, '')} (paper)",
            measure=series.measure,
            source="paper",
            x=[point.x / scale for point in series.points],
            y=[point.y for point in series.points],
            flag=[Flag.VALUE] * len(series.points),
            note=paper.CITATION,
        )
        for series in paper.figure(panel)
    ]


def steps_to(entries: Sequence[Entry], criterion: str, asked: SpreadKind) -> Fact:
    """Optimiser steps until the criterion holds, over seeds; a censored seed is a lower bound."""
    fits = [(entry, entry.fit(CRITERIA[criterion])) for entry in entries]
    known = [(e, f) for e, f in fits if f.state in (FitState.FITTED, FitState.CENSORED)]
    steps = [float(entry.curve[fit.epochs - 1].step) for entry, fit in known]
    key = entries[0].role.series
    series = paper.series("1a", key)
    threshold = CRITERIA[criterion].threshold
    theirs = next((p.x for p in series.points if p.y < threshold), None) if series else None
    return fact(
        entries,
        f"steps_to_{criterion}",
        f"{label_of(key)}: steps to {CRITERIA[criterion].title}",
        steps,
        asked,
        unit="steps",
        lower_bound=any(f.is_lower_bound for _, f in known),
        diverged=sum(f.state is FitState.DIVERGED for _, f in fits),
        paper=theirs,
    )


def fact(
    entries: Sequence[Entry],
    name: str,
    label: str,
    values: Sequence[float],
    asked: SpreadKind,
    *,
    unit: str,
    lower_bound: bool = False,
    diverged: int = 0,
    paper: float | None = None,
    report: float | None = None,
) -> Fact:
    """A number over seeds; none where no seed has it."""
    found = summarise(values, asked) if values else None
    if found and lower_bound:
        found = found.as_bound()
    return Fact(
        key=entries[0].role.series,
        name=name,
        label=label,
        value=found.mean if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        spread=found.kind if found else "none",
        sd=found.sd if found else None,
        n=len(values),
        planned=len(entries),
        lower_bound=lower_bound,
        diverged=diverged,
        unit=unit,
        paper=paper,
        report=report,
    )


def execution_time(name: str, entries: Sequence[Entry], asked: SpreadKind) -> Fact:
    """Seconds of training and evaluation of a seed's runs, beside the report's for the figure."""
    seeds: dict[int, list[Entry]] = {}
    for entry in entries:
        seeds.setdefault(entry.role.seed, []).append(entry)
    found = fact(
        [runs[0] for runs in seeds.values()],
        "execution_time",
        "Time to train and evaluate its runs, one seed of each",
        [
            sum(m.train_seconds + m.evaluation_seconds for entry in runs for m in entry.curve)
            for runs in seeds.values()
            if all(entry.complete and not entry.diverged for entry in runs)
        ],
        asked,
        unit="seconds",
        report=of_the_report.EXECUTION_SECONDS[name],
    )
    return found.model_copy(update={"key": str(name)})  # not of one condition


def figure_1a(entries: Sequence[Entry], options: Options) -> Panel:
    """Training loss of the small Inception on five randomizations."""
    groups = by_series(entries)
    facts = [
        steps_to(group, name, options.spread)
        for group in groups.values()
        for name in ("loss-0.05", "loss-0.1")
    ]
    facts.append(execution_time("1a", entries, options.spread))
    return frame(
        "1a",
        entries,
        options,
        title="Figure 1a: training loss on true and randomized data, small Inception",
        x_axis=X_AXES[options.x_kind],
        y_axis=Axis(title="Training loss", unit="nats"),
        series=series_of(groups, "train_loss", options),
        references=reference_series("1a", options),
        facts=facts,
        networks=fitted_or_failed(entries, options),
    )
