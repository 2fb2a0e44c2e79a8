"""docs/api.md names every route and every column."""

import re
from pathlib import Path

from fastapi.testclient import TestClient

from core.domain.metrics import EpochMetrics

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
NAMED = set(re.findall(r"`(GET|POST|DELETE) (/api/v1/[^`]+)`", TEXT))


def test_every_route_is_documented_and_every_documented_one_exists(api: TestClient) -> None:
    paths = api.get("/api/v1/openapi.json").json()["paths"]
    there = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    undocumented = {r for r in there if not r[1].startswith(("/api/v1/studies", "/api/v1/figures"))}
    assert undocumented - NAMED == set()
    assert {(m, p.split("?")[0]) for m, p in NAMED} - there == set()


def test_every_column_is_documented() -> None:
    columns = ", ".join(EpochMetrics.model_fields)
    assert columns in TEXT.replace("\n", " ")
