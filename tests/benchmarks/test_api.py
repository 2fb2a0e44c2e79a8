"""A short version of the benchmark, on SQLite and PostgreSQL.

The limits are several times the aims (20 ms for a figure at the 95th percentile, 50 ms for a list),
since other tests may keep the machine busy; `python -m tests.benchmarks.api` prints the numbers.
"""

from pathlib import Path

import pytest

from tests.benchmarks.api import Size, benchmark
from tests.processes import slowness


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "empty_database_url",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)],
    indirect=True,
)
def test_figures_lists_and_long_curves_are_quick(empty_database_url: str, home: Path) -> None:
    size = Size(listed=200, curves=5, epochs=2000, repeats=20)
    with benchmark(empty_database_url, home, size) as bench:
        limit = 100 * slowness()
        for timed in (*bench.figures(), *bench.lists()):
            assert timed.at(50) < limit, timed
        first, again, grown = bench.long_curves()
    assert first.at(50) < 20 * limit
    assert again.at(50) < limit
    assert grown.at(50) < 10 * limit
    assert first.size < 1000 * 2 * size.curves * 20  # 500 points of 20 characters a curve
