"""/api/v1/runs, from a launch to the table of its metrics."""

import csv
import io
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backend.app import create_app
from core.paper.presets import all_presets
from core.run.demands import Demand, StopRule
from core.run.lifecycle import Outcome
from core.run.metrics import EpochMetrics
from core.run.spec import RunSpec
from core.settings import Settings
from core.storage import leases, runs, workers
from core.storage.database import Database
from tests.core.storage.test_runs import epoch

RUNS = "/api/v1/runs"
SMALL = {"spec": {"model": "mlp-1x512", "n_train": 5000}, "epochs": 5}


def launch(api: TestClient, **changes: Any) -> dict[str, Any]:
    answer = api.post(RUNS, json=SMALL | changes)
    assert answer.status_code in (200, 201), answer.text
    run: dict[str, Any] = answer.json()
    return run


def train(settings: Settings, epochs: int, outcome: Outcome | None = None) -> str:
    """What a worker would do to the best waiting run."""
    database = Database(settings.database)
    with database.write() as session:
        workers.register(session, "w-0-1", host="h", pid=1, capabilities={"device": "cpu"})
        run = leases.claim(session, "w-0-1", 60)
        assert run is not None
        leases.record_epochs(session, run.id, run.attempt, [epoch(i + 1) for i in range(epochs)])
        if outcome is not None:
            leases.finish(session, run.id, run.attempt, outcome)
        run_id = run.id
    database.close()
    return run_id


def test_a_launch_stores_a_complete_spec(api: TestClient) -> None:
    answer = api.post(RUNS, json=SMALL | {"name": "first"})
    assert answer.status_code == 201
    run = answer.json()
    assert run["state"] == "QUEUED"
    assert run["name"] == "first"
    assert run["queue_position"] == 1
    assert run["changes"] == {"n_train": 5000, "subset_seed": 0}
    assert run["spec"]["learning_rate"] == 0.01
    assert run["spec_hash"].startswith(run["id"])
    assert run["created_at"].endswith("+00:00")
    assert api.get(f"{RUNS}/{run['id']}").json() == run


def test_a_preset_launches_the_spec_that_it_names(api: TestClient) -> None:
    offered = {p["name"]: p for p in api.get("/api/v1/capabilities").json()["presets"]}
    for preset in all_presets():
        spec = launch(api, **offered[preset.name]["request"])["spec"]
        assert RunSpec.model_validate(spec | {"precision": "fp32"}) == preset.spec
        assert offered[preset.name]["choices"] == preset.choices


def test_launching_the_same_spec_again_returns_its_run(api: TestClient) -> None:
    first = launch(api)
    answer = api.post(RUNS, json=SMALL)
    assert answer.status_code == 200
    assert answer.json()["id"] == first["id"]
    assert api.get(RUNS).json()["total"] == 1


def test_an_empty_request_launches_the_default(api: TestClient) -> None:
    answer = api.post(RUNS, json={})
    assert answer.status_code == 201
    assert answer.json()["epochs"] == 10


def test_metrics_come_as_json_and_as_a_table(api: TestClient, settings: Settings) -> None:
    run_id = launch(api)["id"]
    train(settings, 3)
    items = api.get(f"{RUNS}/{run_id}/metrics").json()["items"]
    assert [EpochMetrics(**item) for item in items] == [epoch(1), epoch(2), epoch(3)]
    answer = api.get(f"{RUNS}/{run_id}/metrics", params={"format": "csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].endswith(f'{run_id}.csv"')
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    expected = ["epoch", "step", "train_loss", "train_accuracy", "test_loss", "test_accuracy"]
    assert list(rows[0])[:6] == expected
    assert [float(row["train_loss"]) for row in rows] == [1.0, 1.0, 1.0]
    assert rows[0]["clean_accuracy"] == ""
    later = api.get(f"{RUNS}/{run_id}/metrics", params={"first": 3}).json()["items"]
    assert [item["epoch"] for item in later] == [3]


def test_a_running_run_tells_how_far_it_is(api: TestClient, settings: Settings) -> None:
    run_id = launch(api)["id"]
    train(settings, 2)
    run = api.get(f"{RUNS}/{run_id}").json()
    assert run["state"] == "RUNNING"
    assert run["worker"] == {"id": "w-0-1", "host": "h", "device": "cpu"}
    assert run["fraction"] == pytest.approx(2 / 5)
    assert run["eta_seconds"] == pytest.approx(3 * 1.5)
    assert run["latest"]["epoch"] == 2
    assert run["attempts"][0]["worker_id"] == "w-0-1"


def test_a_demand_whose_stop_rule_held_asks_for_no_more(
    api: TestClient, settings: Settings
) -> None:
    """As in Figure 1b, whose runs end once they fit, while Table 1 asks for a fixed number."""
    run = launch(api)
    until_fitted = Demand(epochs=50, stop=StopRule(train_accuracy=0.5))
    with closing(Database(settings.database)) as database, database.write() as session:
        runs.submit(session, RunSpec(**run["spec"]), until_fitted, owner="study:s:1bc")
    assert api.get(f"{RUNS}/{run['id']}").json()["epochs"] == 50
    train(settings, 2)
    with closing(Database(settings.database)) as database, database.write() as session:
        falls = epoch(3).model_copy(update={"train_accuracy": 0.4})
        leases.record_epochs(session, run["id"], 1, [falls])
    shown = api.get(f"{RUNS}/{run['id']}").json()
    assert shown["epochs"] == 5, "though the rule holds no longer, it has held"
    assert shown["eta_seconds"] == pytest.approx(2 * 1.5)
    assert api.get(RUNS).json()["items"] == [shown | {"attempts": []}]


def test_the_list_is_filtered_and_paged(api: TestClient) -> None:
    for seed in range(3):
        launch(api, spec={"model": "mlp-1x512", "seed": seed}, name=f"run {seed}")
    launch(api, spec={"model": "alexnet"})
    assert api.get(RUNS, params={"model": "alexnet"}).json()["total"] == 1
    page = api.get(RUNS, params={"q": "run", "sort": "name", "limit": 2, "offset": 1}).json()
    assert [run["name"] for run in page["items"]] == ["run 1", "run 2"]
    assert page["total"] == 3
    assert api.get(RUNS, params={"state": ["RUNNING", "FAILED"]}).json()["items"] == []


def test_a_run_is_steered(api: TestClient, settings: Settings) -> None:
    run_id = launch(api)["id"]

    def post(what: str, body: object = None) -> dict[str, Any]:
        answer = api.post(f"{RUNS}/{run_id}/{what}", json=body)
        assert answer.status_code == 200, answer.text
        run: dict[str, Any] = answer.json()
        return run

    assert post("priority", {"priority": 7})["priority"] == 7
    assert post("pause")["state"] == "PAUSED"
    assert post("resume")["state"] == "QUEUED"
    assert post("cancel")["state"] == "CANCELLED"
    assert post("retry")["state"] == "QUEUED"
    train(settings, 5, Outcome.COMPLETED)
    extended = post("extend", {"epochs": 9})
    assert (extended["state"], extended["epochs"]) == ("QUEUED", 9)
    assert api.delete(f"{RUNS}/{run_id}").status_code == 204
    assert api.get(f"{RUNS}/{run_id}").status_code == 404


def test_a_request_that_does_not_fit_the_state_is_refused(
    api: TestClient, settings: Settings
) -> None:
    run_id = launch(api)["id"]
    train(settings, 5, Outcome.COMPLETED)
    for what, body in (("cancel", None), ("pause", None), ("resume", None), ("retry", None)):
        answer = api.post(f"{RUNS}/{run_id}/{what}", json=body)
        assert answer.status_code == 409
        assert run_id in answer.json()["detail"]
    answer = api.post(f"{RUNS}/{run_id}/extend", json={"epochs": 5})
    assert answer.status_code == 409
    assert "has 5 already" in answer.json()["detail"]


def test_an_estimate_is_unknown_until_a_run_was_measured(
    api: TestClient, settings: Settings
) -> None:
    unknown = api.post(f"{RUNS}/estimate", json=SMALL).json()
    assert unknown["seconds"] is None
    assert unknown["basis"].startswith("unknown yet")
    assert api.get(RUNS).json()["total"] == 0  # an estimate stores nothing
    launch(api)
    train(settings, 5, Outcome.COMPLETED)
    known = api.post(f"{RUNS}/estimate", json=SMALL | {"epochs": 25}).json()
    assert known["existing_epochs"] == 5
    assert known["epochs"] == 20
    assert known["images"] == 20 * 5000
    # 1.5 s an epoch were measured on 5,000 + 10,000 images.
    assert known["low_seconds"] <= known["seconds"] <= known["high_seconds"]
    assert known["seconds"] == pytest.approx(20 * 1.5, rel=0.1)
    done = api.post(f"{RUNS}/estimate", json=SMALL).json()
    assert done["epochs"] == 0


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"spec": {"model": "resnet"}}, "spec.model", "inception, alexnet"),
        (
            {"spec": {"randomization": "corrupted_labels", "corruption": 1.5}},
            "spec.corruption",
            "less than or equal to 1",
        ),
        ({"spec": {"batch_size": 0}}, "spec.batch_size", "greater than or equal to 1"),
        ({"epochs": 10**9}, "epochs", "less than or equal to 10000"),
        ({"spec": {"batch_norm": "all"}}, "spec.batch_norm", "only inception"),
        ({"spec": {"droput": 0.1}}, "spec.droput", "check its spelling"),
        ({"stop": {"train_loss": -1}}, "stop.train_loss", "greater than 0"),
        ({"name": "x" * 201}, "name", "at most 200 characters"),
        ({"priority": 101}, "priority", "less than or equal to 100"),
    ],
)
def test_bad_input_is_answered_with_the_field_the_value_and_what_is_allowed(
    api: TestClient, body: object, field: str, words: str
) -> None:
    answer = api.post(RUNS, json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert [error["field"] for error in problem["errors"]] == [field]
    assert words in problem["errors"][0]["message"]
    assert field in problem["detail"]
    assert api.get(RUNS).json()["total"] == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"spec": {"learning_rate": NaN}}', 422),
        ('{"spec": {"learning_rate": 1e999}}', 422),
        ('{"spec": {"batch_size": 1e999}}', 422),
        ('{"epochs": ', 400),
        ("[" * 50_000, 400),
        ("[]", 422),
        ("null", 422),
    ],
)
def test_broken_json_is_refused(api: TestClient, body: str, status: int) -> None:
    answer = api.post(RUNS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_full_queue_is_said_so(settings: Settings, api: TestClient) -> None:
    tight = settings.model_copy(update={"max_queued": 1})
    parts = api.app.state.parts  # type: ignore[attr-defined]
    api.app.state.parts = replace(parts, settings=tight)  # type: ignore[attr-defined]
    launch(api)
    answer = api.post(RUNS, json=SMALL | {"spec": {"seed": 1}})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "5"
    assert "RETHINK_MAX_QUEUED" in answer.json()["detail"]


def test_deleting_a_run_removes_its_checkpoints_wherever_they_are(
    settings: Settings, tmp_path: Path
) -> None:
    shared = settings.model_copy(update={"artifacts": tmp_path / "shared"})
    with TestClient(
        create_app(shared),
        base_url="http://127.0.0.1",
        headers={"Authorization": f"Bearer {settings.token}"},
    ) as api:
        run_id = launch(api)["id"]
        (tmp_path / "shared" / run_id).mkdir(parents=True)
        (tmp_path / "shared" / run_id / "0001-0000000010.pt").write_bytes(b"weights")
        assert api.delete(f"{RUNS}/{run_id}").status_code == 204
        assert list((tmp_path / "shared").iterdir()) == []
        run_id = launch(api)["id"]
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "file").write_text("kept")
        (tmp_path / "shared" / run_id).symlink_to(tmp_path / "elsewhere")
        assert api.delete(f"{RUNS}/{run_id}").status_code == 204
    assert list((tmp_path / "shared").iterdir()) == []
    assert (tmp_path / "elsewhere" / "file").read_text() == "kept"
