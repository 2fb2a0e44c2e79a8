#!/usr/bin/env bash
# WHERE isnan(loss) finds no diverged run in a Parquet file that holds one.
#
# Guess:    a filter gives the same rows whether the table is in memory or was written to Parquet;
#           isnan() above all.
# Happens:  a writer leaves NaN out of the minimum and maximum in the file's footer: losses .2, .3, .5
#           and NaN are announced as "0.2 to 0.5". DuckDB believes it and skips the row group for
#           `loss > 1`, `NOT (loss < 1)` (NaN is its largest number) and even for `isnan(loss)`, while
#           `count(*) FILTER (WHERE isnan(loss))` counts 1 in the same file. NOT isfinite(loss) finds
#           the run. PyArrow's dataset loses it likewise. DuckDB's own writer stores no bounds for
#           such a column: its files are not affected, those of PyArrow, pandas and polars are.
# Version:  duckdb 2.0.1, pyarrow 26.0.1; 2026-11-28.
# Source:   DuckDB's documentation, page "Numeric Types", NaN is greater than all numbers; Apache
#           Parquet's parquet.thrift, comment on ColumnOrder: NaN is not written into min and max, and
#           a reader must not conclude from them that there is none.
# Follows:  look for diverged runs with NOT isfinite(loss), store divergence in a column of its own,
#           or write the column without statistics.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1

venv/bin/python - <<'PYTHON'
import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq

runs = pa.table({"run": [1, 2, 3, 4], "loss": [0.5, 0.3, float("nan"), 0.2]})
pq.write_table(runs, "runs.parquet")
pq.write_table(runs, "bare.parquet", write_statistics=False)
bounds = pq.ParquetFile("runs.parquet").metadata.row_group(0).column(1).statistics
print(f"duckdb {duckdb.__version__}, pyarrow {pa.__version__}")
print(f"footer: {bounds.min} to {bounds.max}")


def found(source, where):
    query = f"select run from {source} where {where}"
    return [row[0] for row in duckdb.sql(query).fetchall()]


held = True
for where, in_file in (
    ("isnan(loss)", []),
    ("loss > 1", []),
    ("NOT (loss < 1)", []),
    ("NOT isfinite(loss)", [3]),
):
    memory, file, bare = (found(s, where) for s in ("runs", "'runs.parquet'", "'bare.parquet'"))
    print(f"DuckDB   {where:18} expected [3]: memory {memory}, file {file}, no statistics {bare}")
    held &= memory == [3] and file == in_file and bare == [3]
count = duckdb.sql("select count(*) filter (where isnan(loss)) from 'runs.parquet'").fetchall()[0][0]
print(f"DuckDB   count(*) FILTER (WHERE isnan(loss)) of the file: {count}")
held &= count == 1

fits = pc.field("loss") < 1
memory = runs.filter(~fits)["run"].to_pylist()
file = pa.dataset.dataset("runs.parquet").to_table(filter=~fits)["run"].to_pylist()
print(f"PyArrow  ~(loss < 1)        expected [3]: memory {memory}, file {file}")
held &= memory == [3] and file == []
raise SystemExit(0 if held else "no longer as stated")
PYTHON
