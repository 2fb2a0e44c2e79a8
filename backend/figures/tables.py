"""A panel as a tidy table: a row a point, every column of one meaning, units beside the numbers."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from core.paper.panel import Panel, Series

COLUMNS: dict[str, str] = {
    "figure": "string",
    "scale": "string",
    "variant": "string",
    "condition": "string",
    "label": "string",
    "source": "string",
    "kind": "string",
    "seed": "int64",
    "measure": "string",
    "x": "double",
    "x_unit": "string",
    "y": "double",
    "y_unit": "string",
    "n": "int64",
    "spread": "string",
    "low": "double",
    "high": "double",
    "sd": "double",
    "censored": "int64",
    "flag": "string",
    "criterion": "string",
}
"""Columns in their order, with their type as Arrow names it. condition is the series' key, or the
row's in Table 1; n and censored count seeds; y_unit fraction means 0 to 1."""


def rows(panel: Panel) -> Iterator[dict[str, Any]]:
    """Ours first, then the references."""
    for series in (*panel.series, *panel.references):
        yield from _rows(panel, series)


def _rows(panel: Panel, series: Series) -> Iterator[dict[str, Any]]:
    for i, (x, y) in enumerate(zip(series.x, series.y, strict=True)):
        condition, label = series.key, series.label
        if panel.kind == "rows":
            row = panel.table[round(x) - 1]
            condition, label = row.key, row.model
        yield {
            "figure": str(panel.name),
            "scale": panel.scale,
            "variant": panel.variant,
            "condition": condition,
            "label": label,
            "source": series.source,
            "kind": series.kind,
            "seed": series.seed,
            "measure": series.measure,
            "x": x,
            "x_unit": panel.x_axis.unit,
            "y": y,
            "y_unit": panel.y_axis.unit,
            "n": series.n[i] if series.n else None,
            "spread": series.spread_at[i] if series.spread_at else series.spread,
            "low": series.low[i] if series.low else None,
            "high": series.high[i] if series.high else None,
            "sd": series.sd[i] if series.sd else None,
            "censored": series.censored[i] if series.censored else None,
            "flag": str(series.flag[i]) if series.flag else "value",
            "criterion": panel.criterion,
        }


def to_csv(panel: Panel) -> bytes:
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows(panel))
    return table.getvalue().encode()


FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def to_parquet(panel: Panel) -> bytes:
    """The same columns; provenance, deviations and verdict as JSON in the file's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in COLUMNS.items()])
    about = panel.model_dump(mode="json", include={"provenance", "deviations", "verdict", "notes"})
    table = pa.Table.from_pylist(list(rows(panel)), schema=schema)
    table = table.replace_schema_metadata({"rethink": json.dumps(about)})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def to_json(panel: Panel) -> bytes:
    return panel.model_dump_json().encode()
