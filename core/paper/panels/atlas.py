"""Beyond the paper, from the same runs: what is learnt first, and every curve of a study."""

from collections.abc import Sequence

from core.paper.labels import NAMED, label_in
from core.paper.panel import Axis, MeasureKind, Panel
from core.paper.panels.curves import mean_series, seed_series
from core.paper.panels.entries import Entry
from core.paper.panels.frame import X_AXES, Options, frame

CLEAN_MEASURES = {
    "clean_accuracy": "labels still true",
    "corrupted_accuracy": "wrong labels, as given",
    "corrupted_true_accuracy": "wrong labels, against the true ones",
}

USUAL = 0.5
"""The level of p of the paper's studies that is shown where nothing else was asked for."""


def clean_corrupted(entries: Sequence[Entry], options: Options) -> Panel:
    """Does a network learn the true pattern first? Accuracy on clean and on corrupted labels."""
    levels = options.levels or _usual(entries)
    chosen = [e for e in entries if _level(e) in levels]
    found = []
    for key, group in _grouped(chosen, several=len(levels) > 1).items():
        for measure, words in CLEAN_MEASURES.items():
            label = f"{label_in(group[0].role.panel, key)}: {words}"
            found.append(mean_series(group, measure, options, key=key, label=label))
            if options.individual:
                found += seed_series(group, measure, options, key=key, label=label)
    which = ", ".join(f"{p:g}" for p in levels)
    return frame(
        "clean-corrupted",
        chosen,
        options,
        title=f"Accuracy on clean and on corrupted labels while training, p = {which or 'none'}",
        x_axis=X_AXES[options.x_kind],
        y_axis=Axis(title="Training accuracy", unit="fraction"),
        series=found,
    )


def _usual(entries: Sequence[Entry]) -> tuple[float, ...]:
    """p = 0.5 of the paper's studies, if it is there; else every level above 0."""
    present = {_level(e) for e in entries} - {0.0}
    chosen_by_hand = any(e.role.panel in NAMED for e in entries)
    return (USUAL,) if USUAL in present and not chosen_by_hand else tuple(sorted(present))


def _level(entry: Entry) -> float:
    return entry.planned.spec.label_corruption


def _grouped(entries: Sequence[Entry], *, several: bool) -> dict[str, list[Entry]]:
    """The seeds of each condition; a grid's and a run's names tell the levels apart already."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        role = entry.role
        key = role.series
        if several and role.panel not in NAMED:
            key = f"{label_in(role.panel, key)}, p = {_level(entry):g}"
        groups.setdefault(key, []).append(entry)
    return groups


MEASURES = {
    MeasureKind.ACCURACY: (
        ("train_accuracy", "test_accuracy"),
        Axis(title="Accuracy", unit="fraction"),
    ),
    MeasureKind.LOSS: (("train_loss", "test_loss"), Axis(title="Loss", unit="nats")),
}


def atlas(entries: Sequence[Entry], options: Options) -> Panel:
    """A measure on training and test set, for every condition of a study or for single runs."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(_condition(entry), []).append(entry)
    measures, y_axis = MEASURES[options.measure]
    found = []
    for name, group in groups.items():
        for measure in measures:
            found.append(mean_series(group, measure, options, key=name, label=name))
            if options.individual and len(group) > 1:
                found += seed_series(group, measure, options, key=name, label=name)
    alone = {entry.role.panel for entry in entries} == {"run"}
    return frame(
        "atlas",
        entries,
        options,
        title="Learning curves" if alone else "Learning curves of all runs of the study",
        x_axis=X_AXES[options.x_kind],
        y_axis=y_axis,
        series=found,
    )


def _condition(entry: Entry) -> str:
    """The series' name; in the paper's studies with the panel and p; a grid says it already."""
    role = entry.role
    if role.panel in NAMED:
        return role.series
    level = "" if role.corruption is None else f", p = {role.corruption:g}"
    return f"{role.panel}: {label_in(role.panel, role.series)}{level}"
