"""Table 1: final training and test accuracy of every model, with and without regularisers."""

from collections.abc import Sequence

from core.domain.labels import label_of
from core.domain.panels.entries import Entry, by_series
from core.domain.panels.frame import Options, frame
from core.domain.panels.model import Axis, Flag, Panel, PanelName, Series, SpreadKind, TableRow
from core.domain.panels.spread import kind_of, summarise
from core.domain.reference.paper import TABLE_1, Table1Row
from core.domain.studies import row_key

MEASURES = ("train_accuracy", "test_accuracy")


def table_1(entries: Sequence[Entry], options: Options) -> Panel:
    """Rows in the paper's order. As series: x is the row's number from 1, one series a measure."""
    groups = by_series(entries)
    finals = {
        (row_key(row), measure): _finals(groups.get(row_key(row), []), measure)
        for row in TABLE_1
        for measure in MEASURES
    }
    rows = [_row(row, *(finals[row_key(row), measure] for measure in MEASURES)) for row in TABLE_1]
    return frame(
        PanelName.TABLE_1,
        entries,
        options,
        title="Table 1: final training and test accuracy",
        x_axis=Axis(title="Row", unit="1"),
        y_axis=Axis(title="Accuracy", unit="fraction"),
        table=rows,
        series=[
            _series(m, [finals[row_key(row), m] for row in TABLE_1], options.spread)
            for m in MEASURES
        ],
        references=[_reference(measure) for measure in MEASURES],
    )


def _finals(entries: Sequence[Entry], measure: str) -> list[float]:
    return [
        getattr(e.curve[-1], measure) for e in entries if e.complete and not e.diverged and e.curve
    ]


def _row(row: Table1Row, train: list[float], test: list[float]) -> TableRow:
    name = label_of(row.model) + ("" if row.batch_norm else " without batch norm")
    return TableRow(
        key=row_key(row),
        model=name,
        crop="yes" if row.crop else "no",
        weight_decay="yes" if row.weight_decay else "no",
        labels="random" if row.random_labels else "true",
        train_accuracy=summarise(train, "none").mean if train else None,
        test_accuracy=summarise(test, "none").mean if test else None,
        n=len(test),
        paper_train_accuracy=row.train_accuracy,
        paper_test_accuracy=row.test_accuracy,
    )


def _series(measure: str, values: list[list[float]], asked: SpreadKind) -> Series:
    kind = kind_of(asked, max(map(len, values), default=0))
    series = Series(
        key=measure, label=measure.replace("_", " "), measure=measure, spread=kind, x=[], y=[]
    )
    for number, seeds in enumerate(values, start=1):
        if seeds:
            found = summarise(seeds, kind)
            series.x.append(number)
            series.y.append(found.mean)
            series.low.append(found.low)
            series.high.append(found.high)
            series.sd.append(found.sd)
            series.n.append(found.n)
            series.censored.append(0)
            series.flag.append(Flag.VALUE)
    return series


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
