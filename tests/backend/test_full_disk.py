"""A full disk is told of, before and while it is full, and costs no more than it must."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from core import disk

HEALTH, RUNS, STUDIES = "/api/v1/health", "/api/v1/runs", "/api/v1/studies"


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "REMEMBERED_SECONDS", -1)


def test_health_names_the_free_space(api: TestClient) -> None:
    told = api.get(HEALTH).json()["disk"]
    assert told["ok"]
    assert "MB are free" in told["detail"]


def test_too_little_room_refuses_launches_and_is_told(
    api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(disk.shutil, "disk_usage", lambda _: SimpleNamespace(free=5_000_000))
        health = api.get(HEALTH)
        assert health.status_code == 200
        assert health.json()["status"] == "degraded"
        assert health.json()["disk"]["detail"].startswith("Only 5 MB are free.")
        for path, body in ((RUNS, {}), (STUDIES, {"study": "figure-1a", "scale": "smoke"})):
            answer = api.post(path, json=body)
            assert answer.status_code == 507
            assert "Only 5 MB are free in" in answer.json()["detail"]
        assert "rethink_disk_free_bytes 5e+06" in api.get("/api/v1/metrics").text
    assert api.post(RUNS, json={}).status_code == 201


def test_health_tries_to_write(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    health = api.get(HEALTH)
    assert health.status_code == 503
    assert health.json()["status"] == "degraded"
    assert "cannot write (No space left on device)" in health.json()["disk"]["detail"]
    assert api.post(RUNS, json={}).status_code == 507


def test_a_home_that_is_gone_is_told(api: TestClient) -> None:
    root = api.app.state.parts.settings.root  # type: ignore[attr-defined]
    away = root.rename(root.with_name("away"))
    try:
        health = api.get(HEALTH)
        assert health.status_code == 503
        assert "No such file or directory" in health.json()["disk"]["detail"]
        assert "start the server again" in health.json()["disk"]["detail"]
    finally:
        away.rename(root)


def test_nothing_is_left_of_the_attempt_to_write(api: TestClient) -> None:
    api.get(HEALTH)
    assert not list(api.app.state.parts.settings.root.glob(".probe*"))  # type: ignore[attr-defined]


def test_a_full_database_says_so_and_not_what_failed_after(api: TestClient) -> None:
    engine = api.app.state.parts.database.engine  # type: ignore[attr-defined]
    engine.dispose()

    @sa.event.listens_for(engine, "connect")
    def limit(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]  # as it is

    answers = (api.post(RUNS, json={"spec": {"seed": seed}}) for seed in range(200))
    full = next(answer for answer in answers if answer.status_code != 201)
    assert full.status_code == 507
    assert "database or disk is full" in full.json()["detail"]
    assert "savepoint" not in full.json()["detail"]
    assert "RETHINK_DATABASE_URL" not in full.json()["detail"]
    stored = api.get(RUNS).json()["total"]
    sa.event.remove(engine, "connect", limit)
    engine.dispose()
    assert api.post(RUNS, json={"spec": {"seed": 1000}}).status_code == 201
    assert api.get(RUNS).json()["total"] == stored + 1
