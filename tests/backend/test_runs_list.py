"""The list of runs is kept as text, and is the same as if it were not, whoever changed a run."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from backend.app import create_app
from backend.runs import service
from backend.runs.schemas import RunPage
from core.paper.studies import grid
from core.run.demands import Demand
from core.run.lifecycle import Outcome
from core.run.metrics import Progress
from core.run.spec import RunSpec
from core.settings import Settings
from core.storage import leases, runs, studies, workers
from core.storage.database import Database
from core.storage.tables import Run
from tests.backend.conftest import TOKEN
from tests.core.storage.test_runs import epoch

LIST = "/api/v1/runs?limit=1000"


@pytest.fixture
def api(database_url: str, home: Path) -> Iterator[TestClient]:
    """A server; the tests change runs behind its back, as workers and other servers do."""
    settings = Settings(home=home, database_url=database_url, token=TOKEN)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(create_app(settings), base_url="http://127.0.0.1", headers=headers) as client:
        yield client


def made_anew(database: Database) -> bytes:
    """The whole list, with nothing kept from before."""
    with database.read() as session:
        found = session.scalars(sa.select(Run).order_by(Run.created_at.desc(), Run.id)).all()
        items = service.views(session, found, Settings())
    page = RunPage(items=items, total=len(items), limit=1000, offset=0)
    return page.model_dump_json().encode()


def submit(session: Any, seed: int, **options: Any) -> str:
    spec = RunSpec(n_train=1000, seed=seed)
    return runs.submit(session, spec, Demand(epochs=5), **options)[0].id


def test_the_kept_list_is_the_one_made_anew_after_every_change(
    api: TestClient, database: Database
) -> None:
    ids: list[str] = []
    attempt = 1

    def by_worker(change: Callable[..., Any], *given: Any) -> Callable[[Any], Any]:
        return lambda session: change(session, ids[0], attempt, *given)

    study = grid({"n_train": 1000}, {"seed": [0, 1, 7]}, Demand(epochs=9))
    trained = {"phase": "training", "epoch": 1, "step": 13}
    changes: dict[str, Callable[[Any], Any]] = {
        "nothing": lambda _: None,
        "runs": lambda s: ids.extend(submit(s, seed, name=f'"{seed}" é') for seed in range(3)),
        "worker": lambda s: workers.register(s, "w", host="h", pid=1, capabilities={}),
        "claim": lambda s: leases.claim(s, "w", 60),
        "progress": by_worker(leases.renew, 60, Progress(**trained)),
        "first epoch": by_worker(leases.record_epochs, [epoch(1)]),
        "lease": by_worker(leases.renew, 60),
        "second epoch": by_worker(leases.record_epochs, [epoch(2, loss=0.5)]),
        "study": lambda s: studies.submit(s, "custom", {}, study),
        "priority": lambda s: runs.set_priority(s, ids[1], 7),
        "priority as before": lambda s: runs.set_priority(s, ids[1], 0),
        "pause": lambda s: runs.pause(s, ids[1]),
        "resume": lambda s: runs.resume(s, ids[1]),
        "wish to cancel": lambda s: runs.pause(s, ids[0]),
        "worker anew": lambda s: workers.register(s, "w", host="i", pid=1, capabilities={}),
        "end": by_worker(leases.finish, Outcome.FAILED, {"message": "no", "detail": "{}"}),
        "worker gone": lambda s: workers.leave(s, "w"),
        "retry": lambda s: runs.retry(s, ids[0]),
        "extend": lambda s: runs.extend(s, ids[2], 50),
        "study cancelled": lambda s: studies.cancel(s, studies.identity({})),
        "study deleted": lambda s: studies.delete(s, studies.identity({})),
        "cancel": lambda s: runs.cancel(s, ids[1]),
        "delete": lambda s: runs.delete(s, ids[1]),
        "the same spec again": lambda s: submit(s, 1),
        "replicate": lambda s: runs.submit(s, RunSpec(n_train=1000, replicate=1), Demand(epochs=1)),
    }
    for name, change in changes.items():
        with database.write() as session:
            change(session)
        answer = api.get(LIST)
        assert answer.content == made_anew(database), name
        assert api.get(LIST).content == answer.content, name
    assert answer.json()["total"] == 5


def test_pages_of_the_list_are_parts_of_it(api: TestClient, database: Database) -> None:
    with database.write() as session:
        for seed in range(7):
            submit(session, seed)
    whole = api.get(LIST).json()["items"]
    pages = [api.get("/api/v1/runs", params={"limit": 3, "offset": i}).json() for i in (0, 3, 6)]
    assert [run for page in pages for run in page["items"]] == whole
    beyond = api.get("/api/v1/runs", params={"limit": 3, "offset": 9}).json()
    assert beyond == {"items": [], "total": 7, "limit": 3, "offset": 9}
