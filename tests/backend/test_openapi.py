"""The API describes itself completely, and keeps to what it says under random requests."""

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    positive_data_acceptance,
    unsupported_method,
)

from backend.app import create_app
from core.settings import Settings
from core.storage.database import migrate
from tests.backend.conftest import TOKEN

UNDESCRIBED = ("Problem", "HTTPValidationError", "ValidationError")


def test_every_route_says_what_it_does_and_how_it_fails(api: TestClient) -> None:
    schema = api.get("/api/v1/openapi.json").json()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["description"], where
            assert all(p["description"] for p in operation.get("parameters", [])), where
            if path not in ("/api/v1/health",):
                assert "401" in operation["responses"], where
                assert "503" in operation["responses"], where
            if "{run_id}" in path:
                assert "404" in operation["responses"], where


def test_every_field_is_described(api: TestClient) -> None:
    schema = api.get("/api/v1/openapi.json").json()
    missing = [
        f"{name}.{field}"
        for name, model in schema["components"]["schemas"].items()
        if name not in UNDESCRIBED
        for field, value in model.get("properties", {}).items()
        if not _described(value)
    ]
    assert missing == []


def _described(value: dict[str, Any]) -> bool:
    return "description" in value


@pytest.mark.parametrize(
    "path",
    [
        *("health", "workers", "capabilities", "metrics", "stream", "studies", "claims"),
        *("runs", "runs/0123456789abcdef", "figures/1a", "figures/1a.csv"),
    ],
)
def test_a_query_parameter_that_is_not_described_is_refused(api: TestClient, path: str) -> None:
    answer = api.get(f"/api/v1/{path}", params={"mdel": "alexnet"})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error == {
        "field": "mdel",
        "value": "'alexnet'",
        "message": "is not a known field: check its spelling",
    }


@pytest.fixture(scope="module", autouse=True)
def _migrated() -> None:
    migrate(FUZZED)


# Collected before any fixture runs, so it has a home of its own.
FUZZED = Settings(home=Path(tempfile.mkdtemp(prefix="rethink-fuzz-")), token=TOKEN)
atexit.register(shutil.rmtree, FUZZED.home, ignore_errors=True)
AUTH = {"Authorization": f"Bearer {TOKEN}", "Host": "127.0.0.1"}
schema = schemathesis.openapi.from_asgi(
    "/api/v1/openapi.json",
    create_app(FUZZED),
    headers=AUTH,
    # The token below is sent with every request, also with one that was to lack it.
    config=schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}}),
).exclude(path="/api/v1/stream")


NOT_PROMISED = [
    positive_data_acceptance,  # rules across fields do not fit into a JSON Schema
    unsupported_method,  # token, origin and body are looked at before the route
    allow_header_conformance,
]


# Named one by one: Schemathesis' own tests share a name, of which pytest-xdist runs only one.
ROUTES = {found.ok().label: found.ok() for found in schema.get_all_operations()}


@pytest.mark.parametrize("route", ROUTES)
def test_answers_are_as_described_whatever_is_asked(route: str) -> None:
    @given(ROUTES[route].as_strategy())
    @hypothesis_settings(
        max_examples=8,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def holds(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=AUTH, excluded_checks=NOT_PROMISED)

    holds()
