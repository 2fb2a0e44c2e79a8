"""Figures 1b and 1c: how much longer corrupted labels take to fit, and what is learnt from them.

Notable choices:
- Time is counted in epochs, never in seconds: a busy machine does not change it.
- Ratios are taken per seed against the same seed's p = 0, then averaged.
- Figure 1c has two test errors, against true labels and against labels corrupted with the same p.
  The published points are of the second: docs/reproduction.md says how that is known.
- A censored run enters as a lower bound and makes its point one. If a p = 0 run of a model is
  censored there is nothing to divide by: that model is incomplete and shows no ratio.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from core.paper.criteria import Fit, FitState
from core.paper.label_noise import noisy_error
from core.paper.labels import label_of
from core.paper.panel import Axis, Fact, Flag, Panel, Series
from core.paper.panels.curves import execution_time, fact
from core.paper.panels.entries import Entry, counts
from core.paper.panels.fits import (
    Fitted,
    by_model,
    censored,
    criteria_words,
    criterion_of,
    fits_of,
    notes_1b,
    notes_1c,
)
from core.paper.panels.fitting import fitted_or_failed
from core.paper.panels.frame import CORRUPTION, Options, frame, plural
from core.paper.panels.levels import Level, Point, lack, of_seed, series_over
from core.paper.reference import paper

Maker = Callable[[str, Fitted, Options], Series]


def figure_1b(entries: Sequence[Entry], options: Options) -> Panel:
    """Relative convergence time against the level of label corruption."""
    fits = fits_of(entries, options)
    series = _series(_ratios, fits, options)
    return _panel(
        "1b",
        entries,
        fits,
        options,
        title="Figure 1b: time to fit, relative to true labels",
        y_axis=Axis(title="Relative time to fit", unit="1"),
        series=series,
        notes=notes_1b(fits, series, options),
    )


def figure_1c(entries: Sequence[Entry], options: Options) -> Panel:
    """Test error against the level of label corruption, once each run has fitted."""
    fits = fits_of(entries, options)
    noisy, true = (_series(make, fits, options) for make in (_noisy_errors, _true_errors))
    return _panel(
        "1c",
        entries,
        fits,
        options,
        title="Figure 1c: test error after fitting",
        y_axis=Axis(title="Test error", unit="fraction"),
        series=noisy + true,
        notes=notes_1c(fits, noisy, options),
        more=_distances(noisy + true) if options.comparable else [],
    )


def _series(make: Maker, fits: Fitted, options: Options) -> list[Series]:
    """The mean of each model and, if asked for, its seeds; none where the mean is incomplete."""
    found = []
    for model, group in by_model(fits).items():
        mean = make(model, group, options)
        found.append(mean)
        if options.individual and mean.state != "incomplete":
            for seed in sorted({entry.role.seed for entry, _ in group}):
                own = [(entry, fit) for entry, fit in group if entry.role.seed == seed]
                alone = make(model, own, options)
                found += [of_seed(alone, seed)] if alone.x else []
    return found


def _panel(
    name: str,
    entries: Sequence[Entry],
    fits: Fitted,
    options: Options,
    *,
    title: str,
    y_axis: Axis,
    series: list[Series],
    notes: list[str],
    more: Sequence[Fact] = (),
) -> Panel:
    groups = by_model(fits)
    return frame(
        name,
        entries,
        options,
        title=title,
        criterion=criteria_words(list(groups), options),
        x_axis=CORRUPTION,
        y_axis=y_axis,
        series=series,
        references=_references(name),
        facts=[
            _epochs_to_fit(model, p, group, options)
            for model, group in groups.items()
            for p in (0.0, 1.0)
        ]
        + [*more, execution_time(name, entries, options.spread)],
        notes=notes,
        networks=fitted_or_failed(entries, options),
        counts=counts(entries).model_copy(update={"censored": censored(fits)}),
    )


def _epochs_to_fit(model: str, p: float, group: Fitted, options: Options) -> Fact:
    """Epochs until the criterion held at this p, over the seeds where it did or was censored."""
    here = [(entry, fit) for entry, fit in group if entry.role.corruption == p]
    known = [fit for _, fit in here if fit.state in (FitState.FITTED, FitState.CENSORED)]
    return fact(
        [entry for entry, _ in here or group[:1]],
        f"epochs_to_fit_p{p:g}",
        f"{label_of(model)}: epochs to {criterion_of(model, options).title} at p = {p:g}",
        [float(fit.epochs) for fit in known],
        options.spread,
        unit="epochs",
        lower_bound=any(fit.is_lower_bound for fit in known),
        diverged=sum(fit.state is FitState.DIVERGED for _, fit in here),
        paper=PAPER_EPOCHS.get(model, {}).get(p),
    )


PAPER_EPOCHS = {
    "inception": {0.0: 10.0, 1.0: 36.0},
    "alexnet": {0.0: 31.0, 1.0: 48.0},
    "mlp-1x512": {0.0: 28.0, 1.0: 55.0},
}
"""Implied by the ratios in the paper's Figure 1b, which are exact fractions of these."""


def _ratios(model: str, fits: Fitted, options: Options) -> Series:
    """Epochs to fit over the same seed's epochs at p = 0."""
    entries = [entry for entry, _ in fits]
    bases = {e.role.seed: (e, fit) for e, fit in fits if e.role.corruption == 0}
    found: dict[Level, Point] = {}
    for entry, fit in fits:
        point = found.setdefault(entry.role.corruption or 0.0, Point(Flag.LOWER_BOUND))
        base = bases[entry.role.seed][1] if entry.role.seed in bases else None
        known = fit.state in (FitState.FITTED, FitState.CENSORED)
        if known and base is not None and base.state is FitState.FITTED:
            words = "censored" if fit.is_lower_bound else ""
            point.add(fit.epochs / base.epochs, words, censored=fit.is_lower_bound)
        else:
            point.leave_out(lack(entry, fit))
    unfit = Counter(_unfit(entry, fit) for entry, fit in bases.values() if _never(fit))
    if not unfit:
        return series_over(found, model, "relative_time", entries, options)
    for point in found.values():
        point.values.clear()
    series = series_over(found, model, "relative_time", entries, options)
    said = "; ".join(f"{plural(n, 'run')} with true labels {how}" for how, n in unfit.items())
    note = f"incomplete: {said}, so there is nothing to divide by"
    return series.model_copy(update={"state": "incomplete", "note": note})


def _never(fit: Fit) -> bool:
    return fit.state in (FitState.CENSORED, FitState.DIVERGED, FitState.NEEDS_EXTENDING)


def _unfit(entry: Entry, fit: Fit) -> str:
    if fit.state is FitState.CENSORED:
        return "did not fit within the epoch limit"
    words = lack(entry, fit)
    return words if words == "diverged" else f"ended before fitting ({words})"


def _noisy_errors(model: str, fits: Fitted, options: Options) -> Series:
    """Against test labels corrupted with the run's p: measured, or expected for older runs."""
    series = _errors(model, "noisy_test_error", fits, options)
    return series.model_copy(update={"label": f"{series.label}, corrupted test labels"})


def _true_errors(model: str, fits: Fitted, options: Options) -> Series:
    """Against true test labels. What is to be said of the runs is said at the other series."""
    series = _errors(model, "test_error", fits, options)
    return series.model_copy(update={"note": "", "label": f"{series.label}, true test labels"})


def _errors(model: str, measure: str, fits: Fitted, options: Options) -> Series:
    """Test error at the epoch that fitted; of a complete run that did not, at its last."""
    found: dict[Level, Point] = {}
    for entry, fit in fits:
        point = found.setdefault(entry.role.corruption or 0.0, Point(Flag.NOT_FITTED))
        if entry.complete and not entry.diverged:
            words = "" if fit.state is FitState.FITTED else "not fitted"
            error = 1 - entry.curve[fit.epochs - 1].test_accuracy
            if measure == "noisy_test_error" and (p := entry.planned.spec.label_corruption):
                measured = entry.curve[fit.epochs - 1].noisy_test_accuracy
                if measured is None:
                    error = noisy_error(error, p, entry.planned.spec.dataset_info.classes)
                    point.plain = Flag.EXPECTED
                else:
                    error = 1 - measured
            point.add(error, words, censored=fit.is_lower_bound)
        else:
            point.leave_out(lack(entry, fit))
    return series_over(found, model, measure, [entry for entry, _ in fits], options)


def _distances(series: Sequence[Series]) -> list[Fact]:
    """How far each curve is from the paper's points: what tells the two kinds of labels apart."""
    found = []
    for ours in series:
        theirs = paper.series("1c", ours.key)
        if theirs is None or ours.kind != "mean":
            continue
        published = {p.x: p.y for p in theirs.points if not p.duplicate}
        gaps = [
            abs(y - published[x]) for x, y in zip(ours.x, ours.y, strict=True) if x in published
        ]
        labels = "true" if ours.measure == "test_error" else "corrupted"
        found.append(
            Fact(
                key=ours.key,
                name=f"largest_distance_{labels}_test_labels",
                label=f"{label_of(ours.key)}: largest distance from the paper's points, "
                f"{labels} test labels",
                value=max(gaps, default=None),
                n=min(ours.n, default=0),
                planned=max(ours.n, default=0),
                unit="fraction",
            )
        )
    return found


def _references(name: str) -> list[Series]:
    found = [_reference(series, "paper", Flag.VALUE) for series in paper.figure(name)]
    if name == "1c":
        derived = paper.true_test_errors()
        found += [_reference(s, "paper, true test labels derived", Flag.DERIVED) for s in derived]
    return found


def _reference(series: paper.ReferenceSeries, source: str, flag: Flag) -> Series:
    return Series(
        key=series.key,
        label=f"{label_of(series.key)} ({source})",
        measure=series.measure,
        source="paper",
        x=[p.x for p in series.points],
        y=[p.y for p in series.points],
        flag=[Flag.DUPLICATE if p.duplicate else flag for p in series.points],
        note=paper.CITATION,
    )
