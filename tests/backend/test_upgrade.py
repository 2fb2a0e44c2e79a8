"""What an upgrade does to a home: the server of the next engine on what this one left.

The next version is a copy of the program with its `ENGINE` raised by one, in a process of its own.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.paper.scales import Scale
from core.paper.studies import StudyName
from core.run.lifecycle import Outcome
from core.run.spec import ENGINE
from core.settings import Settings
from core.storage import leases, runs
from core.storage.database import Database
from tests.backend.conftest import TOKEN
from tests.core.storage.test_runs import epoch
from tests.stored_runs import fill

ROOT = Path(__file__).parents[2]
NEXT = ENGINE + 1
GRID = {
    "study": "custom",
    "grid": {
        "base": {"model": "mlp-1x512", "n_train": 1000, "n_test": 1000},
        "axes": {"learning_rate": [0.01, 0.1]},
        "epochs": 8,
    },
}
SINGLE = {"spec": {"model": "mlp-1x512", "n_train": 500, "seed": 7}, "epochs": 300}
ATLAS = "/api/v1/figures/atlas"

SERVER = """
import json, sys
from pathlib import Path
from fastapi.testclient import TestClient
from backend.app import create_app
from core.run.spec import ENGINE
from core.settings import Settings
from core.storage import leases, upgrades
from core.storage.database import Database

for line in sys.stdin:
    order = json.loads(line)
    settings = Settings(home=Path(order["home"]), token=order["token"])
    database = Database(settings.database)
    if order["do"] == "start":
        answer = [ENGINE, upgrades.meaning(database)]
        with database.write() as session:
            leases.take_back(session, worker_id="w-0-1")
            leases.hold_older(session)
            run = leases.claim(session, "w-0-2", 60)
            answer.append(run and run.id)
    else:
        headers = {"Authorization": "Bearer " + order["token"]}
        app = create_app(settings)
        with TestClient(app, base_url="http://127.0.0.1", headers=headers) as client:
            got = client.request(order["do"], order["path"], json=order["body"])
            answer = [got.status_code, got.json()]
    database.close()
    print(json.dumps(answer), flush=True)
"""


class Upgraded:
    """The next version, asked over a pipe."""

    def __init__(self, tree: Path) -> None:
        for folder in ("core", "backend", "alembic", "frontend"):
            shutil.copytree(ROOT / folder, tree / folder)
        spec = tree / "core/run/spec.py"
        before, after = f"\nENGINE = {ENGINE}\n", f"\nENGINE = {NEXT}\n"
        assert spec.read_text().count(before) == 1
        spec.write_text(spec.read_text().replace(before, after))
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            cwd=tree,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.home = Path()

    def _ask(self, do: str, path: str = "", body: Any = None) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        order = {"home": str(self.home), "token": TOKEN, "do": do, "path": path, "body": body}
        print(json.dumps(order), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def start(self, home: Path) -> tuple[list[str], str | None]:
        """Start on the home. What is said of it, and the run that a worker takes at once."""
        self.home = home
        engine, said, claimed = self._ask("start")
        assert engine == NEXT
        return said, claimed

    def get(self, path: str) -> Any:
        return self._done("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self._done("POST", path, body)

    def refused(self, path: str, body: Any = None) -> str:
        status, problem = self._ask("POST", path, body)
        assert status == 409, problem
        return str(problem["detail"])

    def _done(self, do: str, path: str, body: Any = None) -> Any:
        status, answer = self._ask(do, path, body)
        assert status in (200, 201), answer
        return answer


@pytest.fixture(scope="module")
def next_version(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    upgraded = Upgraded(tmp_path_factory.mktemp("next"))
    yield upgraded
    upgraded.process.communicate(timeout=30)
    assert upgraded.process.returncode == 0


class Left:
    """What this version leaves behind: a finished study, a run in training and a paused one."""

    def __init__(self, api: TestClient, settings: Settings) -> None:
        self.study: str = api.post("/api/v1/studies", json=GRID).json()["id"]
        self.finished = [_train(settings, 8, Outcome.COMPLETED) for _ in range(2)]
        self.paused: str = api.post("/api/v1/runs", json=SINGLE).json()["id"]
        _train(settings, 16, None)
        api.post(f"/api/v1/runs/{self.paused}/pause")
        _finish(settings, self.paused, Outcome.PAUSED)
        running = {**SINGLE, "spec": {**SINGLE["spec"], "seed": 8}}  # type: ignore[dict-item]
        self.running: str = api.post("/api/v1/runs", json=running).json()["id"]
        assert _train(settings, 130, None) == self.running


def _train(settings: Settings, epochs: int, outcome: Outcome | None) -> str:
    database = Database(settings.database)
    with database.write() as session:
        run = leases.claim(session, "w-0-1", 60)
        assert run is not None
        leases.record_epochs(session, run.id, run.attempt, [epoch(i + 1) for i in range(epochs)])
        if outcome is not None:
            leases.finish(session, run.id, run.attempt, outcome)
    database.close()
    return run.id


def _finish(settings: Settings, run_id: str, outcome: Outcome) -> None:
    database = Database(settings.database)
    with database.write() as session:
        leases.finish(session, run_id, runs.get(session, run_id).attempt, outcome)
    database.close()


@pytest.fixture
def left(api: TestClient, settings: Settings) -> Left:
    return Left(api, settings)


@pytest.fixture
def upgraded(next_version: Upgraded, left: Left, settings: Settings) -> Upgraded:  # noqa: ARG001
    """The next version, started on what this one left."""
    _, claimed = next_version.start(settings.root)
    assert claimed is None, "a run of an earlier engine was taken"
    return next_version


@pytest.mark.usefixtures("left")
def test_the_start_says_what_the_upgrade_means_until_it_is_known(
    next_version: Upgraded, settings: Settings
) -> None:
    said, _ = next_version.start(settings.root)
    assert said == [
        f"4 runs of engine {ENGINE}: 2 that ended stay in figures; 2 unfinished cannot go on under "
        f"engine {NEXT}: paused, with all that was measured; to be launched again if still wanted."
    ]
    next_version.post("/api/v1/runs", {**SINGLE, "epochs": 1})
    assert next_version.start(settings.root)[0] == []


@pytest.mark.parametrize(("which", "epochs"), [("running", 130), ("paused", 16)])
def test_an_unfinished_run_keeps_what_it_has_and_says_why_it_stands_still(
    upgraded: Upgraded, left: Left, which: str, epochs: int
) -> None:
    run = upgraded.get(f"/api/v1/runs/{getattr(left, which)}")
    assert (run["state"], run["epochs_done"], run["outcome"]) == ("PAUSED", epochs, None)
    assert f"is of engine {ENGINE}" in run["error"]["message"]
    assert "Launch its spec again" in run["error"]["message"]


@pytest.mark.parametrize(
    ("which", "change", "body"),
    [
        ("paused", "resume", None),
        ("running", "resume", None),
        ("running", "retry", None),
        ("paused", "extend", {"epochs": 400}),
        ("finished", "extend", {"epochs": 12}),
        ("finished", "retry", None),
    ],
)
def test_to_go_on_with_a_run_of_an_earlier_engine_is_refused_and_leaves_it_as_it_was(
    upgraded: Upgraded, left: Left, which: str, change: str, body: Any
) -> None:
    run_id = getattr(left, which)
    path = f"/api/v1/runs/{run_id if isinstance(run_id, str) else run_id[0]}"
    before = upgraded.get(path)
    sentence = upgraded.refused(f"{path}/{change}", body)
    assert f"is of engine {ENGINE} of the training code, and this is {NEXT}" in sentence
    assert "Launch its spec again to train it anew" in sentence
    assert upgraded.get(path) == before


def test_a_plan_of_the_same_study_trains_nothing(upgraded: Upgraded, left: Left) -> None:
    plan = upgraded.post("/api/v1/studies/plan", GRID)
    assert (plan["reused"], plan["extended"], plan["new"]) == (2, 0, 0)
    assert {run["run_id"] for run in plan["runs"]} == set(left.finished)


def test_a_study_launched_again_keeps_its_runs(upgraded: Upgraded, left: Left) -> None:
    study = upgraded.post("/api/v1/studies", GRID)
    assert (study["id"], study["state"], study["complete"]) == (left.study, "complete", 2)
    assert set(study["run_ids"]) == set(left.finished)
    panel = upgraded.get(f"{ATLAS}?study={left.study}")
    assert panel["status"] == "complete"
    assert panel["provenance"]["engines"] == [ENGINE]
    assert not panel["provenance"]["mixed"]


def test_what_a_study_had_not_finished_is_trained_anew_and_the_panel_says_mixed(
    upgraded: Upgraded,
) -> None:
    more = {**GRID, "grid": GRID["grid"] | {"axes": {"learning_rate": [0.01, 0.2]}}}  # type: ignore[operator]
    study = upgraded.post("/api/v1/studies", more)
    assert (study["state"], study["complete"], study["runs"]) == ("waiting", 1, 2)
    panel = upgraded.get(f"{ATLAS}?study={study['id']}")
    assert panel["provenance"]["engines"] == [ENGINE, NEXT]
    assert panel["provenance"]["mixed"]
    assert any(f"Engines: {ENGINE}, {NEXT}." in note for note in panel["notes"])


def test_training_anew_is_asked_for(upgraded: Upgraded, left: Left) -> None:
    fresh = {**GRID, "engine": NEXT}
    assert upgraded.post("/api/v1/studies/plan", fresh)["new"] == 2
    study = upgraded.post("/api/v1/studies", fresh)
    assert study["id"] != left.study
    assert set(study["run_ids"]).isdisjoint(left.finished)
    assert upgraded.get(f"/api/v1/studies/{left.study}")["complete"] == 2


def test_a_launch_is_of_its_own_spec_and_the_estimate_names_the_answer(
    upgraded: Upgraded, left: Left
) -> None:
    old = upgraded.get(f"/api/v1/runs/{left.finished[0]}")
    spec = {k: v for k, v in old["spec"].items() if k != "engine" and v is not None}
    estimate = upgraded.post("/api/v1/runs/estimate", {"spec": spec, "epochs": 8})
    assert (estimate["run_id"], estimate["answered_by"]) == (None, left.finished[0])
    run = upgraded.post("/api/v1/runs", {"spec": spec, "epochs": 8})
    assert (run["spec"]["engine"], run["state"], run["epochs_done"]) == (NEXT, "QUEUED", 0)


def test_a_figure_of_the_catalogue_stays_complete(
    next_version: Upgraded, settings: Settings
) -> None:
    fill(settings, StudyName.FIGURE_1A, Scale.SMOKE)
    next_version.start(settings.root)
    panel = next_version.get("/api/v1/figures/1a?scale=smoke")
    assert panel["status"] == "complete"
    assert panel["provenance"]["engines"] == [ENGINE]
