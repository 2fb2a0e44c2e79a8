"""docs/api.md and docs/figures.md name every route and every column."""

import re
from pathlib import Path

from fastapi.testclient import TestClient

from backend.figures.tables import COLUMNS
from core.run.metrics import EpochMetrics

DOCS = Path(__file__).parents[2] / "docs"
TEXT = "\n".join((DOCS / name).read_text() for name in ("api.md", "figures.md"))
NAMED = set(re.findall(r"`(GET|POST|DELETE) (/api/v1/[^`]+)`", TEXT))


def test_every_route_is_documented_and_every_documented_one_exists(api: TestClient) -> None:
    paths = api.get("/api/v1/openapi.json").json()["paths"]
    there = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert there - NAMED == set()
    assert {(m, p.split("?")[0]) for m, p in NAMED} - there == set()


def test_every_column_of_a_figure_s_table_is_documented() -> None:
    assert ", ".join(COLUMNS) in TEXT.replace("\n", " ")


def test_every_column_is_documented() -> None:
    columns = ", ".join(EpochMetrics.model_fields)
    assert columns in TEXT.replace("\n", " ")
