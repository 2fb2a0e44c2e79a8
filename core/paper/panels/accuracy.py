"""Figures 2a and 2b: training and test accuracy, and what stopping early would have given."""

from collections.abc import Sequence

from core.paper.labels import label_of
from core.paper.panel import (
    Axis,
    Fact,
    Flag,
    Panel,
    Series,
    SpreadKind,
    XKind,
)
from core.paper.panels.curves import (
    execution_time,
    fact,
    mean_series,
    reference_series,
    seed_series,
)
from core.paper.panels.entries import Entry, by_series
from core.paper.panels.fitting import fitted_or_failed
from core.paper.panels.frame import X_AXES, Options, frame
from core.paper.reference import paper, report

ACCURACY = Axis(title="Accuracy", unit="fraction")


def figure_2a(entries: Sequence[Entry], options: Options) -> Panel:
    """The small Inception with and without explicit regularisation."""
    return _panel(
        "2a",
        entries,
        options,
        title="Figure 2a: explicit regularisation, small Inception on CIFAR-10",
        references=_report_2a(entries, options),
        gains=[],
    )


def figure_2b(entries: Sequence[Entry], options: Options) -> Panel:
    """The small Inception with and without batch normalisation."""
    groups = by_series(entries)
    gains = [
        _gain(key, other, words, groups, options.spread)
        for key, other, words in OVER
        if key in groups
    ]
    return _panel(
        "2b",
        entries,
        options,
        title="Figure 2b: batch normalisation, small Inception",
        references=reference_series("2b", options),
        gains=gains,
    )


def _panel(
    name: str,
    entries: Sequence[Entry],
    options: Options,
    *,
    title: str,
    references: list[Series],
    gains: list[Fact],
) -> Panel:
    groups = by_series(entries)
    found = []
    for group in groups.values():
        label = label_of(group[0].role.series)
        found += [
            mean_series(group, "train_accuracy", options, label=f"{label}, training"),
            mean_series(group, "test_accuracy", options, label=f"{label}, test"),
            mean_series(
                group, "test_accuracy", options, label=f"{label}, best test so far", best=True
            ),
        ]
        if options.individual:
            found += seed_series(group, "train_accuracy", options)
            found += seed_series(group, "test_accuracy", options)
    return frame(
        name,
        entries,
        options,
        title=title,
        x_axis=X_AXES[options.x_kind],
        y_axis=ACCURACY,
        series=found,
        references=references,
        facts=[
            *gains,
            *(f for group in groups.values() for f in _finals(name, group, options.spread)),
            execution_time(name, entries, options.spread),
        ],
        networks=fitted_or_failed(entries, options),
    )


def _finals(name: str, entries: Sequence[Entry], asked: SpreadKind) -> list[Fact]:
    """Final and best test accuracy and final training accuracy of the complete runs."""
    done = [e for e in entries if e.complete and not e.diverged]
    diverged = sum(e.diverged for e in entries)
    key, label = entries[0].role.series, label_of(entries[0].role.series)
    theirs = paper.series(name, key, "test_accuracy")
    last = theirs.points[-1].y if theirs else None
    best = max(p.y for p in theirs.points) if theirs else None
    return [
        fact(
            entries,
            "final_test_accuracy",
            f"{label}: final test accuracy",
            [e.curve[-1].test_accuracy for e in done],
            asked,
            unit="fraction",
            diverged=diverged,
            paper=last,
        ),
        fact(
            entries,
            "best_test_accuracy",
            f"{label}: best test accuracy, as early stopping would give",
            [max(m.test_accuracy for m in e.curve) for e in done],
            asked,
            unit="fraction",
            diverged=diverged,
            paper=best,
        ),
        fact(
            entries,
            "final_train_accuracy",
            f"{label}: final training accuracy",
            [e.curve[-1].train_accuracy for e in done],
            asked,
            unit="fraction",
            diverged=diverged,
        ),
    ]


OVER = (
    ("with_bn", "without_bn", "over none"),
    ("with_bn_same_setting", "without_bn", "over none, both at its setting"),
    ("with_bn", "bn_down", "over batch norm in the down modules only"),
)
"""Which two conditions of 2b are compared, and in what words."""


def _gain(
    key: str, other: str, words: str, groups: dict[str, list[Entry]], asked: SpreadKind
) -> Fact:
    """Final test accuracy over that of the same seed in another condition."""
    base = {e.role.seed: e for e in groups.get(other, [])}
    pairs = [(e, base[e.role.seed]) for e in groups[key] if e.role.seed in base]
    series = [paper.series("2b", name, "test_accuracy") for name in (key, other)]
    ours, theirs = (one.points[-1].y if one else None for one in series)
    return fact(
        groups[key],
        f"gain_over_{other}",
        f"{label_of(key)}: gain in final test accuracy {words}",
        [
            e.curve[-1].test_accuracy - w.curve[-1].test_accuracy
            for e, w in pairs
            if e.complete and w.complete and not (e.diverged or w.diverged)
        ],
        asked,
        unit="fraction",
        diverged=sum(e.diverged or w.diverged for e, w in pairs),
        paper=None if ours is None or theirs is None else ours - theirs,
        report=report.BATCH_NORM_GAPS[other] if key == "with_bn" else None,
    )


def _report_2a(entries: Sequence[Entry], options: Options) -> list[Series]:
    """The report's two numbers, after 50 epochs; the paper's own panel shows ImageNet."""
    if options.x_kind is XKind.SECONDS:
        return []
    steps = entries[0].planned.spec.steps_per_epoch if options.x_kind is XKind.STEPS else 1
    return [
        Series(
            key=series.key,
            label=f"{label_of(series.key)}, test (report)",
            measure=series.measure,
            source="report",
            x=[p.x * steps for p in series.points],
            y=[p.y for p in series.points],
            flag=[Flag.VALUE] * len(series.points),
            note=f"{report.CITATION}: after 50 epochs",
        )
        for series in report.FIGURE_2A
    ]
