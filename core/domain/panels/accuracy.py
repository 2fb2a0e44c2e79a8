"""Figures 2a and 2b: training and test accuracy, and what stopping early would have given."""

from collections.abc import Sequence

from core.domain.labels import label_of
from core.domain.panels.curves import (
    execution_time,
    fact,
    mean_series,
    reference_series,
    seed_series,
)
from core.domain.panels.entries import Entry, by_series
from core.domain.panels.frame import X_AXES, Options, frame
from core.domain.panels.model import Axis, Fact, Flag, Panel, PanelName, Series, XKind
from core.domain.reference import paper, report

ACCURACY = Axis(title="Accuracy", unit="fraction")


def figure_2a(entries: Sequence[Entry], options: Options) -> Panel:
    """The small Inception with and without explicit regularisation."""
    return _panel(
        PanelName.FIGURE_2A,
        entries,
        options,
        title="Figure 2a: explicit regularisation, small Inception on CIFAR-10",
        references=_report_2a(entries, options),
        gains=[],
    )


def figure_2b(entries: Sequence[Entry], options: Options) -> Panel:
    """The small Inception with and without batch normalisation."""
    return _panel(
        PanelName.FIGURE_2B,
        entries,
        options,
        title="Figure 2b: batch normalisation, small Inception",
        references=reference_series("2b", options),
        gains=_gains(by_series(entries)),
    )


def _panel(
    name: PanelName,
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
            *(f for group in groups.values() for f in _finals(name, group)),
            execution_time(name, entries),
        ],
    )


def _finals(name: PanelName, entries: Sequence[Entry]) -> list[Fact]:
    """Final and best test accuracy and final training accuracy of the complete runs."""
    done = _done(entries)
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
            unit="fraction",
            paper=last,
        ),
        fact(
            entries,
            "best_test_accuracy",
            f"{label}: best test accuracy, as early stopping would give",
            [max(m.test_accuracy for m in e.curve) for e in done],
            unit="fraction",
            paper=best,
        ),
        fact(
            entries,
            "final_train_accuracy",
            f"{label}: final training accuracy",
            [e.curve[-1].train_accuracy for e in done],
            unit="fraction",
        ),
    ]


OVER = (
    ("with_bn", "without_bn", "over none"),
    ("with_bn_same_setting", "without_bn", "over none, both at the setting of the one without"),
    ("with_bn", "bn_down", "over that in the down modules only"),
)


def _gains(groups: dict[str, list[Entry]]) -> list[Fact]:
    """Final test accuracy that batch normalisation adds, seed by seed."""
    facts = []
    for key, other, words in OVER:
        if not {key, other} <= groups.keys():
            continue
        ends = {e.role.seed: e.curve[-1].test_accuracy for e in _done(groups[other])}
        ours, theirs = (paper.series("2b", name, "test_accuracy") for name in (key, other))
        facts.append(
            fact(
                groups[key],
                f"gain_over_{other}",
                f"Batch norm: gain in final test accuracy {words}",
                [
                    e.curve[-1].test_accuracy - ends[e.role.seed]
                    for e in _done(groups[key])
                    if e.role.seed in ends
                ],
                unit="fraction",
                paper=ours.points[-1].y - theirs.points[-1].y if ours and theirs else None,
                report=report.BATCH_NORM_GAPS[other] if key == "with_bn" else None,
            )
        )
    return facts


def _done(entries: Sequence[Entry]) -> list[Entry]:
    return [e for e in entries if e.complete and not e.diverged]


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
