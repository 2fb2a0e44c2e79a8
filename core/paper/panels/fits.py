"""When each run of Figures 1b and 1c fitted, and what is to be said of those that did not."""

import itertools
from collections.abc import Sequence

from core.paper.criteria import Criterion, Fit, FitState, default_criterion
from core.paper.labels import label_of
from core.paper.panel import Flag, Series
from core.paper.panels.entries import Entry, by_series
from core.paper.panels.frame import Options, plural

Fitted = Sequence[tuple[Entry, Fit]]


def criterion_of(model: str, options: Options) -> Criterion:
    """The one that was chosen, or the model's own."""
    return options.criterion or default_criterion(model)


def criteria_words(models: Sequence[str], options: Options) -> str:
    """Each model's criterion, or the one that was chosen for all."""
    if options.criterion is not None:
        return options.criterion.title
    words: dict[str, list[str]] = {}
    for model in models:
        words.setdefault(criterion_of(model, options).title, []).append(label_of(model))
    return "; ".join(f"{', '.join(names)}: {title}" for title, names in words.items())


def fits_of(entries: Sequence[Entry], options: Options) -> Fitted:
    """Each run with its time to fit, those of a model together, p and seeds in order."""
    return [
        (entry, entry.fit(criterion_of(model, options)))
        for model, group in by_series(entries).items()
        for entry in group
    ]


def by_model(fits: Fitted) -> dict[str, Fitted]:
    """The same for each model."""
    models = itertools.groupby(fits, key=lambda pair: pair[0].role.series)
    return {model: list(pairs) for model, pairs in models}


def censored(fits: Fitted) -> int:
    """Runs that reached their limit without fitting."""
    return sum(fit.is_lower_bound for _, fit in fits)


def notes_1b(fits: Fitted, series: Sequence[Series], options: Options) -> list[str]:
    """What a reader of the ratios in `series` has to know."""
    drawn = sum(sum(s.censored) for s in series if s.kind == "mean")
    hidden = censored(fits) - drawn
    notes = []
    if drawn:
        notes.append(
            f"{plural(drawn, 'run')} of {len(fits)} did not fit within the epoch limit: "
            "drawn as lower bounds."
        )
    if hidden:
        notes.append(
            f"{plural(hidden, 'run')} of {len(fits)} did not fit within the epoch limit: not "
            "drawn, since without a time to fit at p = 0 there is nothing to divide by."
        )
    return notes + _to_extend(fits, options, "left out")


def notes_1c(fits: Fitted, noisy: Sequence[Series], options: Options) -> list[str]:
    """What a reader of the test errors has to know; `noisy`: those against corrupted labels."""
    notes = [PUBLISHED]
    if any(Flag.EXPECTED in series.flag for series in noisy):
        classes = fits[0][0].planned.spec.dataset_info.classes
        notes.append(
            f"Open marks are expected, not measured: 1 - ((1 - p)(1 - e) + p / {classes}) of the "
            "error e against true labels, for runs from before such test labels were drawn."
        )
    if count := censored(fits):
        notes.append(
            f"{plural(count, 'run')} of {len(fits)} did not fit within the epoch limit: "
            "marked with a cross, since the error is that of a network that had not fitted."
        )
    return notes + _to_extend(fits, options, "marked with a cross, as not fitted")


PUBLISHED = (
    "The published points are errors against test labels corrupted with the same p, which the "
    "paper does not say (docs/reproduction.md), and are compared with ours against such labels. "
    "Against true ones the error is lower for p between 0 and 1 and grows almost linearly."
)
"""What was found of Figure 1c; `core.paper.deviations` says how it is known."""


def _to_extend(fits: Fitted, options: Options, shown: str) -> list[str]:
    """Of runs that went as far as the study asked, which was not far enough for the criterion."""
    short = sum(fit.state is FitState.NEEDS_EXTENDING and entry.complete for entry, fit in fits)
    if not short:
        return []
    how = options.extending
    return [
        f"{plural(short, 'run')} ended before fitting by this criterion and must be extended: "
        f"{shown}." + (f" A study by this criterion extends them: `{how}`." if how else "")
    ]
