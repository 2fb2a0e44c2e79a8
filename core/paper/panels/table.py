"""Table 1: final training and test accuracy of every model, with and without regularisers."""

from collections.abc import Sequence

from core.paper.labels import label_of
from core.paper.panel import Axis, Flag, Panel, Series, TableRow
from core.paper.panels.columns import Columns
from core.paper.panels.entries import Entry, by_series
from core.paper.panels.fitting import fitted_or_failed
from core.paper.panels.frame import Options, frame, plural
from core.paper.panels.levels import of_seed
from core.paper.panels.spread import summarise
from core.paper.reference.paper import TABLE_1, Table1Row
from core.paper.studies import row_key

MEASURES = ("train_accuracy", "test_accuracy")


def table_1(entries: Sequence[Entry], options: Options) -> Panel:
    """Rows in the paper's order. As series: x is the row's number from 1, one series a measure."""
    groups = by_series(entries)
    rows = [groups.get(row_key(row), []) for row in TABLE_1]
    seeds = sorted({e.role.seed for e in entries}) if options.individual else []
    return frame(
        "table-1",
        entries,
        options,
        title="Table 1: final training and test accuracy",
        x_axis=Axis(title="Row", unit="1"),
        y_axis=Axis(title="Accuracy", unit="fraction"),
        table=[_row(row, group, options) for row, group in zip(TABLE_1, rows, strict=True)],
        series=[_series(measure, rows, options) for measure in MEASURES]
        + [
            of_seed(series, seed)
            for measure in MEASURES
            for seed in seeds
            if (series := _series(measure, [_of(seed, row) for row in rows], options)).x
        ],
        references=[_reference(measure) for measure in MEASURES],
        networks=fitted_or_failed(entries, options),
    )


def _of(seed: int, entries: Sequence[Entry]) -> list[Entry]:
    return [e for e in entries if e.role.seed == seed]


def _finals(entries: Sequence[Entry], measure: str) -> list[float]:
    return [
        getattr(e.curve[-1], measure) for e in entries if e.complete and not e.diverged and e.curve
    ]


def _row(row: Table1Row, entries: Sequence[Entry], options: Options) -> TableRow:
    name = label_of(row.model) + ("" if row.batch_norm else " without batch norm")
    finals = [_finals(entries, measure) for measure in MEASURES]
    train, test = (summarise(v, options.spread) if v else None for v in finals)
    return TableRow(
        key=row_key(row),
        model=name,
        crop="yes" if row.crop else "no",
        weight_decay="yes" if row.weight_decay else "no",
        labels="random" if row.random_labels else "true",
        train_accuracy=train.mean if train else None,
        test_accuracy=test.mean if test else None,
        n=test.n if test else 0,
        spread=test.kind if test else "none",
        train_low=train.low if train else None,
        train_high=train.high if train else None,
        test_low=test.low if test else None,
        test_high=test.high if test else None,
        diverged=sum(e.diverged for e in entries),
        paper_train_accuracy=row.train_accuracy,
        paper_test_accuracy=row.test_accuracy,
    )


def _series(measure: str, rows: Sequence[Sequence[Entry]], options: Options) -> Series:
    columns = Columns(options.spread)
    for number, entries in enumerate(rows, start=1):
        if values := _finals(entries, measure):
            columns.add(number, values)
    everything = [entry for entries in rows for entry in entries]
    whole = all(entry.complete for entry in everything)
    return columns.series(
        key=measure,
        label=measure.replace("_", " "),
        measure=measure,
        state="missing" if not columns.x else "complete" if whole else "partial",
        note=_note(everything),
        runs=[e.run.id for e in everything if e.run],
        diverged=sum(e.diverged for e in everything),
    )


def _note(entries: Sequence[Entry]) -> str:
    open_, diverged = sum(not e.complete for e in entries), sum(e.diverged for e in entries)
    runs = plural(len(entries), "run")
    parts = [f"{open_} of {runs} not complete"] if open_ else []
    return "; ".join(parts + ([f"{diverged} of {runs} diverged"] if diverged else []))


def _reference(measure: str) -> Series:
    return Series(
        key=measure,
        label=f"{measure.replace('_', ' ')} (paper)",
        measure=measure,
        source="paper",
        x=list(range(1, len(TABLE_1) + 1)),
        y=[getattr(row, measure) for row in TABLE_1],
        flag=[Flag.VALUE] * len(TABLE_1),
        note="Zhang et al. 2017, Table 1",
    )
