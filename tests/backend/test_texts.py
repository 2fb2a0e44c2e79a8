"""Names, titles and searches of users, on SQLite and PostgreSQL alike."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backend.app import create_app
from core.settings import Settings
from tests.backend.conftest import TOKEN

RUN: dict[str, Any] = {"spec": {"model": "mlp-1x512", "n_train": 1000}, "epochs": 1}
STUDY: dict[str, Any] = {"study": "figure-1a"}
FREE = "100 % 'Ä' _\\ ; -- \u05d0 \U0001f468\u200d\U0001f52c \U0001f41f"


@pytest.fixture
def api(database_url: str, home: Path) -> Iterator[TestClient]:
    settings = Settings(home=home, database_url=database_url, token=TOKEN)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    app = create_app(settings)
    with TestClient(
        app, base_url="http://127.0.0.1", headers=headers, raise_server_exceptions=False
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "field", "given"),
    [
        ("POST", "runs", "name", lambda text: {"json": RUN | {"name": text}}),
        ("POST", "runs/estimate", "name", lambda text: {"json": RUN | {"name": text}}),
        ("POST", "studies", "title", lambda text: {"json": STUDY | {"title": text}}),
        ("POST", "studies/plan", "title", lambda text: {"json": STUDY | {"title": text}}),
        ("GET", "runs", "q", lambda text: {"params": {"q": text}}),
    ],
)
def test_a_text_with_a_control_character_is_refused(
    api: TestClient, method: str, path: str, field: str, given: Callable[[str], dict[str, Any]]
) -> None:
    for hidden in "\0\n\r\t\x1b\x7f\x85\u2028\u202e\u2066\u200f":
        answer = api.request(method, f"/api/v1/{path}", **given(f"a{hidden}b"))
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        assert error["field"] == field
        assert error["message"].endswith(
            "is not allowed: it should be one line without control characters: "
            f"leave out U+{ord(hidden):04X}"
        )
    assert api.get("/api/v1/runs").json()["total"] == 0


@pytest.mark.parametrize("text", ["\ud800", "x" * 201])
def test_a_text_that_is_none_or_too_long_is_refused(api: TestClient, text: str) -> None:
    for path, body in (("runs", RUN | {"name": text}), ("studies", STUDY | {"title": text})):
        headers = {"Content-Type": "application/json"}
        answer = api.post(f"/api/v1/{path}", content=json.dumps(body), headers=headers)
        assert answer.status_code == 422, answer.text


def test_any_other_text_is_stored_and_found_as_it_is(api: TestClient) -> None:
    run = api.post("/api/v1/runs", json=RUN | {"name": FREE}).json()
    study = api.post("/api/v1/studies", json=STUDY | {"title": FREE}).json()
    assert (run["name"], study["title"]) == (FREE, FREE)
    for part in (FREE, "%", "_\\", "\U0001f41f"):
        found = api.get("/api/v1/runs", params={"q": part}).json()["items"]
        assert [item["id"] for item in found] == [run["id"]], part


def test_the_api_describes_which_texts_it_takes(api: TestClient) -> None:
    schema = api.get("/api/v1/openapi.json").json()
    parts = schema["components"]["schemas"]
    (q,) = (p for p in schema["paths"]["/api/v1/runs"]["get"]["parameters"] if p["name"] == "q")
    for described in (
        parts["RunRequest"]["properties"]["name"],
        parts["StudyRequest"]["properties"]["title"],
        q["schema"],
    ):
        assert described["maxLength"] == 200
        assert re.fullmatch(described["pattern"], FREE)
        assert not re.fullmatch(described["pattern"], "a\nb")
        assert described["default"] == ""
