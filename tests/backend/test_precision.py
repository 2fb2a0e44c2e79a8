"""What precision a launch gets: the advice of workers that are, were, or will soon be here."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backend.app import create_app
from core.settings import Settings
from core.storage import leases, workers
from core.storage.database import Database
from tests.backend.conftest import TOKEN

BF16 = {"device": "cpu", "precision": "bf16", "precision_reason": "it has bf16 units"}
LAUNCH = {"spec": {"n_train": 1000}}


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    opened = Database(settings.database)
    yield opened
    opened.close()


def register(database: Database, advice: dict[str, Any]) -> None:
    with database.write() as session:
        workers.register(session, "w", host="h", pid=1, capabilities=advice)


def launched(api: TestClient, **spec: Any) -> tuple[str, str]:
    answer = api.post("/api/v1/runs", json={"spec": LAUNCH["spec"] | spec})
    assert answer.status_code == 201, answer.text
    return answer.json()["spec"]["precision"], answer.json()["precision_reason"]


def test_without_any_worker_ever_it_is_fp32_and_says_what_to_do(api: TestClient) -> None:
    precision, reason = launched(api)
    assert precision == "fp32"
    assert "launch again once one is" in reason


def test_when_no_worker_is_there_the_last_one_is_believed(
    api: TestClient, database: Database
) -> None:
    launched(api)
    register(database, BF16)
    with database.write() as session:
        run = leases.claim(session, "w", 60)
        assert run is not None
        leases.record_provenance(session, run.id, run.attempt, BF16)
        workers.leave(session, "w")
    precision, reason = launched(api, seed=1)
    assert (precision, reason.split(" (")[0]) == ("bf16", "it has bf16 units")
    study = api.post("/api/v1/studies", json={"study": "figure-1a", "scale": "smoke"}).json()
    assert study["request"]["precision"] == "bf16"
    register(database, {"precision": "fp32", "precision_reason": "it has none"})
    assert launched(api, seed=2) == ("fp32", "it has none"), "one that is there knows better"


@contextmanager
def started(settings: Settings, **changed: Any) -> Iterator[TestClient]:
    """A signed-in client of a server that waits for its first worker."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    server = create_app(settings.model_copy(update=changed))
    with TestClient(server, base_url="http://127.0.0.1", headers=headers) as api:
        yield api


def test_a_launch_just_after_the_start_waits_for_the_first_worker(
    settings: Settings, database: Database
) -> None:
    timer = threading.Timer(0.5, register, (database, BF16))
    with started(settings, first_worker_seconds=30) as api:
        timer.start()
        assert launched(api) == ("bf16", "it has bf16 units")
        begun = time.monotonic()
        launched(api, seed=1, precision="fp32")
        assert time.monotonic() - begun < 5
    timer.join()


def planned(api: TestClient, **request: Any) -> list[str]:
    answer = api.post("/api/v1/studies/plan", json=request)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["deviations"])


def test_a_plan_just_after_the_start_has_the_precision_of_the_launch(
    settings: Settings, database: Database
) -> None:
    timer = threading.Timer(0.5, register, (database, BF16))
    with started(settings, first_worker_seconds=30) as api:
        begun = time.monotonic()
        assert "bf16" not in " ".join(planned(api, precision="fp32"))
        assert time.monotonic() - begun < 5
        timer.start()
        assert "bf16" in " ".join(planned(api))
    timer.join()


def test_without_any_worker_plans_wait_once(settings: Settings) -> None:
    with started(settings, first_worker_seconds=3) as api:
        begun = time.monotonic()
        assert "bf16" not in " ".join(planned(api))
        assert time.monotonic() - begun > 3
        for _ in range(5):
            planned(api)
        assert time.monotonic() - begun < 6
