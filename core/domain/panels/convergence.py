"""Figures 1b and 1c: how much longer corrupted labels take to fit, and what is learnt from them.

Notable choices:
- Time is counted in epochs, never in seconds: a busy machine does not change it.
- Ratios are taken per seed against the same seed's p = 0, then averaged.
- A censored run enters as a lower bound and makes its point one. If a p = 0 run of a model is
  censored there is nothing to divide by: that model is incomplete and shows no ratio.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.domain.criteria import DEFAULT_CRITERIA, Criterion, Fit, FitState
from core.domain.labels import label_of
from core.domain.panels.curves import execution_time, fact
from core.domain.panels.entries import Entry, by_series, counts
from core.domain.panels.frame import CORRUPTION, Options, frame, plural
from core.domain.panels.model import Axis, Fact, Flag, Panel, PanelName, Series
from core.domain.panels.spread import kind_of, summarise
from core.domain.reference import paper
from core.domain.spec import ModelName

Level = float


@dataclass(slots=True)
class Point:
    """The seeds' values at one level of p."""

    values: list[float] = field(default_factory=list)
    censored: int = 0
    diverged: int = 0
    unfitted: int = 0
    missing: int = 0
    flag: Flag = Flag.VALUE


def criterion_of(model: str, options: Options) -> Criterion:
    return options.criterion or DEFAULT_CRITERIA[ModelName(model)]


def criteria_words(models: Sequence[str], options: Options) -> str:
    if options.criterion is not None:
        return options.criterion.title
    words: dict[str, list[str]] = {}
    for model in models:
        words.setdefault(criterion_of(model, options).title, []).append(label_of(model))
    return "; ".join(f"{', '.join(names)}: {title}" for title, names in words.items())


def figure_1b(entries: Sequence[Entry], options: Options) -> Panel:
    """Relative convergence time against the level of label corruption."""
    groups = by_series(entries)
    series = [_ratios(model, group, options) for model, group in groups.items()]
    return _panel(
        PanelName.FIGURE_1B,
        entries,
        options,
        title="Figure 1b: time to fit, relative to true labels",
        y_axis=Axis(title="Relative time to fit", unit="1"),
        series=series,
    )


def figure_1c(entries: Sequence[Entry], options: Options) -> Panel:
    """Test error against the level of label corruption, at the end of each run's demand."""
    groups = by_series(entries)
    series = [_errors(model, group, options) for model, group in groups.items()]
    return _panel(
        PanelName.FIGURE_1C,
        entries,
        options,
        title="Figure 1c: test error after fitting",
        y_axis=Axis(title="Test error", unit="fraction"),
        series=series,
    )


def _panel(
    name: PanelName,
    entries: Sequence[Entry],
    options: Options,
    *,
    title: str,
    y_axis: Axis,
    series: list[Series],
) -> Panel:
    fits = [entry.fit(criterion_of(entry.role.series, options)) for entry in entries]
    censored = sum(fit.state is FitState.CENSORED for fit in fits)
    short = sum(fit.state is FitState.NEEDS_EXTENDING for fit in fits)
    notes = []
    if censored:
        notes.append(
            f"{plural(censored, 'run')} of {len(entries)} did not fit within the epoch limit: "
            "drawn as lower bounds."
        )
    if short:
        notes.append(
            f"{plural(short, 'run')} ended before fitting by this criterion and need extending: "
            "left out."
        )
    return frame(
        name,
        entries,
        options,
        title=title,
        criterion=criteria_words(list(by_series(entries)), options),
        x_axis=CORRUPTION,
        y_axis=y_axis,
        series=series,
        references=_references(name),
        facts=[
            _epochs_to_fit(model, p, group, options)
            for model, group in by_series(entries).items()
            for p in (0.0, 1.0)
        ]
        + [execution_time(name, entries)],
        notes=notes,
        counts=counts(entries).model_copy(update={"censored": censored}),
    )


def _epochs_to_fit(model: str, p: float, entries: Sequence[Entry], options: Options) -> Fact:
    """Epochs until the criterion held at this p, over the seeds where it did or was censored."""
    here = [entry for entry in entries if entry.role.corruption == p] or list(entries[:1])
    criterion = criterion_of(model, options)
    fits = [entry.fit(criterion) for entry in here if entry.role.corruption == p]
    known = [fit for fit in fits if fit.state in (FitState.FITTED, FitState.CENSORED)]
    return fact(
        here,
        f"epochs_to_fit_p{p:g}",
        f"{label_of(model)}: epochs to {criterion.title} at p = {p:g}",
        [float(fit.epochs) for fit in known],
        unit="epochs",
        lower_bound=any(fit.is_lower_bound for fit in known),
        paper=PAPER_EPOCHS.get(model, {}).get(p),
    )


PAPER_EPOCHS = {
    "inception": {0.0: 10.0, 1.0: 36.0},
    "alexnet": {0.0: 31.0, 1.0: 48.0},
    "mlp-1x512": {0.0: 28.0, 1.0: 55.0},
}
"""Implied by the ratios in the paper's Figure 1b, which are exact fractions of these."""


def _ratios(model: str, entries: Sequence[Entry], options: Options) -> Series:
    """Epochs to fit over the same seed's epochs at p = 0."""
    criterion = criterion_of(model, options)
    fits = {(e.role.corruption, e.role.seed): e.fit(criterion) for e in entries}
    bases = {seed: fit for (p, seed), fit in fits.items() if p == 0}
    if unfit := [fit for fit in bases.values() if _never(fit)]:
        series = _series(model, "relative_time", {}, entries, options)
        return series.model_copy(
            update={
                "state": "incomplete",
                "note": f"incomplete: {plural(len(unfit), 'run')} with true labels did not fit "
                "by this criterion, so there is nothing to divide by",
            }
        )
    found: dict[Level, Point] = {}
    for (p, seed), fit in sorted(fits.items()):
        point = found.setdefault(p or 0.0, Point())
        base = bases.get(seed)
        if base is None or base.state is not FitState.FITTED:
            point.missing += 1
        elif fit.state is FitState.DIVERGED:
            point.diverged += 1
        elif fit.state in (FitState.FITTED, FitState.CENSORED):
            point.values.append(fit.epochs / base.epochs)
            point.censored += fit.is_lower_bound
        else:
            point.missing += 1
    for point in found.values():
        point.flag = Flag.LOWER_BOUND if point.censored else Flag.VALUE
    return _series(model, "relative_time", found, entries, options)


def _never(fit: Fit) -> bool:
    return fit.state in (FitState.CENSORED, FitState.DIVERGED, FitState.NEEDS_EXTENDING)


def _errors(model: str, entries: Sequence[Entry], options: Options) -> Series:
    """1 − test accuracy after the last epoch of each complete run."""
    criterion = criterion_of(model, options)
    found: dict[Level, Point] = {}
    for entry in entries:
        point = found.setdefault(entry.role.corruption or 0.0, Point())
        if entry.diverged:
            point.diverged += 1
        elif not entry.complete:
            point.missing += 1
        else:
            point.values.append(1 - entry.curve[-1].test_accuracy)
            fit = entry.fit(criterion)
            point.censored += fit.is_lower_bound
            point.unfitted += fit.state is not FitState.FITTED
    for point in found.values():
        point.flag = Flag.NOT_FITTED if point.unfitted else Flag.VALUE
    return _series(model, "test_error", found, entries, options)


def _series(
    model: str,
    measure: str,
    found: dict[Level, Point],
    entries: Sequence[Entry],
    options: Options,
) -> Series:
    """The levels that have values as a series; what has none is said in the note."""
    kind = kind_of(options.spread, max((len(p.values) for p in found.values()), default=0))
    series = Series(key=model, label=label_of(model), measure=measure, spread=kind, x=[], y=[])
    for p, point in sorted(found.items()):
        if not point.values:
            continue
        summary = summarise(point.values, kind)
        series.x.append(p)
        series.y.append(summary.mean)
        series.low.append(summary.low)
        series.high.append(summary.high)
        series.sd.append(summary.sd)
        series.n.append(summary.n)
        series.censored.append(point.censored)
        series.flag.append(point.flag)
    missing = sum(point.missing for point in found.values())
    empty = not series.x
    return series.model_copy(
        update={
            "state": "missing" if empty else "partial" if missing else "complete",
            "note": _note(found, len(entries)),
            "runs": [e.run.id for e in entries if e.run],
        }
    )


def _note(found: dict[Level, Point], planned: int) -> str:
    parts = []
    if missing := sum(point.missing for point in found.values()):
        parts.append(f"{missing} of {plural(planned, 'run')} not there yet")
    for p, point in sorted(found.items()):
        n = len(point.values) + point.diverged
        if point.censored:
            parts.append(f"p = {p:g}: {point.censored} of {plural(n, 'run')} censored")
        if point.diverged:
            parts.append(f"p = {p:g}: {point.diverged} of {plural(n, 'run')} diverged")
    return "; ".join(parts)


def _references(name: PanelName) -> list[Series]:
    return [
        Series(
            key=series.key,
            label=f"{label_of(series.key)} (paper)",
            measure=series.measure,
            source="paper",
            x=[p.x for p in series.points],
            y=[p.y for p in series.points],
            flag=[Flag.DUPLICATE if p.duplicate else Flag.VALUE for p in series.points],
            note=paper.CITATION,
        )
        for series in paper.figure(name)
    ]
