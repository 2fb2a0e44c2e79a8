"""Beyond the paper, from the same runs: what is learnt first, and every curve of a study."""

from collections.abc import Sequence

from core.domain.labels import label_of
from core.domain.panels.curves import mean_series
from core.domain.panels.entries import Entry, by_series
from core.domain.panels.frame import X_AXES, Options, frame
from core.domain.panels.model import Axis, MeasureKind, Panel, PanelName

CLEAN_MEASURES = {
    "clean_accuracy": "labels still true",
    "corrupted_accuracy": "wrong labels, as given",
    "corrupted_true_accuracy": "wrong labels, against the true ones",
}


def clean_corrupted(entries: Sequence[Entry], options: Options) -> Panel:
    """Does a network learn the true pattern first? Accuracy on clean and on corrupted labels."""
    half = [e for e in entries if e.role.corruption == 0.5]
    found = []
    for key, group in by_series(half).items():
        for measure, words in CLEAN_MEASURES.items():
            found.append(mean_series(group, measure, options, label=f"{label_of(key)}: {words}"))
    return frame(
        PanelName.CLEAN_CORRUPTED,
        half,
        options,
        title="Accuracy on clean and on corrupted labels while training, p = 0.5",
        x_axis=X_AXES[options.x_kind],
        y_axis=Axis(title="Training accuracy", unit="fraction"),
        series=found,
    )


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
    found = [
        mean_series(group, measure, options, key=name, label=name)
        for name, group in groups.items()
        for measure in measures
    ]
    alone = {entry.role.panel for entry in entries} == {"run"}
    return frame(
        PanelName.ATLAS,
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
    if role.panel in ("custom", "run"):
        return role.series
    level = "" if role.corruption is None else f", p = {role.corruption:g}"
    return f"{role.panel}: {label_of(role.series)}{level}"
