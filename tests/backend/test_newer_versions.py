"""Rows of another version of Rethink in the database are shown as such and cost nothing else."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from backend.kept import Kept
from backend.runs import service
from core.catalogue import Dataset, datasets
from core.paper.plans import Plan
from core.paper.scales import Scale
from core.paper.studies import StudyName, grid, plan
from core.run.demands import Demand
from core.run.lifecycle import Outcome
from core.run.spec import ENGINE, RunSpec
from core.run.stored import UnknownSpec, read_demand, read_spec
from core.settings import Settings
from core.storage import leases, runs, studies, upgrades, workers
from core.storage.database import Database
from core.storage.tables import DemandRow, Run, Study, StudyRun
from rethink.client import Run as ClientRun
from rethink.commands.runs import _cells, _described
from tests.core.storage.test_runs import epoch

CHANGES: list[dict[str, Any]] = [
    {"engine": ENGINE + 1},
    {"model": "transformer"},
    {"randomization": "shuffled_labels"},
    {"label_smoothing": 0.1},
    {"precision": "fp8"},
    {"engine": ENGINE + 1, "randomization": {"kind": "labels"}, "batch_size": "auto"},
]
NEWER = f"of engine {ENGINE + 1}, newer than this server: update to look at it"


class Lab:
    """A study of two runs, both trained for an epoch; one was then changed to a newer version's."""

    def __init__(self, settings: Settings, change: dict[str, Any], entries: Plan = ()) -> None:
        self.database = Database(settings.database)
        entries = entries or grid(
            {"n_train": 500}, {"learning_rate": [0.01, 0.02]}, Demand(epochs=2), 1
        )
        self.foreign, self.known = (entry.spec.hash()[:16] for entry in entries)
        request = {"seeds": 1, "grid": {"base": {}, "axes": {}, "epochs": 2}}
        with self.database.write() as session:
            self.study = studies.submit(session, "custom", request, entries)[0].id
        for _ in entries:
            with self.database.write() as session:
                run = leases.claim(session, "w", 60)
                assert run is not None
                leases.record_epochs(session, run.id, run.attempt, [epoch(1)])
                leases.finish(session, run.id, run.attempt, Outcome.FAILED)
        with self.database.write() as session:
            run = session.get_one(Run, self.foreign)
            run.spec = run.spec | change
            run.spec_hash = "f" * 64
            if isinstance(model := run.spec["model"], str):
                run.model = model
            row = session.get_one(StudyRun, (self.study, entries[0].role.panel, self.foreign))
            row.spec = row.spec | change

    def queue(self) -> None:
        with self.database.write() as session:
            runs.retry(session, self.foreign)


@pytest.fixture(params=CHANGES, ids="-".join)
def lab(settings: Settings, request: pytest.FixtureRequest) -> Lab:
    return Lab(settings, request.param)


def get(api: TestClient, path: str, **params: Any) -> dict[str, Any]:
    answer = api.get(f"/api/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_run_of_another_version_is_shown_as_such(api: TestClient, lab: Lab) -> None:
    listed = {run["id"]: run for run in get(api, "runs")["items"]}
    shown = get(api, f"runs/{lab.foreign}")
    assert listed[lab.known]["unknown_spec"] is None
    for run in (listed[lab.foreign], shown):
        assert "update to look at it" in run["unknown_spec"]
        assert run["spec"]["n_train"] == 500
        assert isinstance(run["spec"]["randomization"], str)
        assert run["steps_per_epoch"] is None
        assert run["fraction"] == 0.5
    assert get(api, f"runs/{lab.foreign}/metrics")["items"][0]["epoch"] == 1
    in_terminal = ClientRun.model_validate(shown)
    assert shown["unknown_spec"] in _described(in_terminal)
    assert lab.foreign in _cells(in_terminal)


def test_it_costs_no_plan_and_no_study(api: TestClient, lab: Lab) -> None:
    lab.queue()
    assert get(api, "studies")["items"][0]["runs"] == 2
    assert get(api, f"studies/{lab.study}")["runs"] == 2
    body: dict[str, Any] = {"study": "figure-1a", "scale": "smoke"}
    answer = api.post("/api/v1/studies/plan", json=body)
    assert answer.status_code == 200, answer.text
    spec = {"model": "mlp-1x512", "n_train": 1000}
    assert api.post("/api/v1/runs/estimate", json={"spec": spec}).status_code == 200
    assert api.post("/api/v1/runs", json={"spec": spec}).status_code == 201
    answer = api.post(f"/api/v1/runs/{lab.foreign}/cancel", params={"everywhere": True})
    assert answer.status_code == 200, answer.text


def test_a_figure_is_drawn_without_it_and_says_so(api: TestClient, lab: Lab) -> None:
    for asked in ({"study": lab.study}, {"run": [lab.foreign, lab.known]}):
        panel = get(api, "figures/atlas", **asked)
        assert [run["id"] for run in panel["provenance"]["runs"]] == [lab.known]
        assert panel["notes"][0].startswith("1 run left out: ")
        assert panel["status"] != "complete"
    answer = api.get("/api/v1/figures/atlas", params={"run": lab.foreign})
    assert answer.status_code == 422
    assert "update to look at it" in answer.json()["detail"]


@pytest.mark.parametrize("change", CHANGES, ids="-".join)
def test_a_figure_of_the_catalogue_is_drawn_without_it(
    api: TestClient, settings: Settings, change: dict[str, Any]
) -> None:
    entries = plan(StudyName.FIGURE_1A, Scale.SMOKE)[:2]
    lab = Lab(settings, change, entries)
    panel = get(api, "figures/1a")
    assert lab.known in [run["id"] for run in panel["provenance"]["runs"]]
    assert len(get(api, "claims")["items"]) > 3
    if change == {"precision": "fp8"}:
        assert panel["notes"][0].startswith("1 run left out: trained by another version")
        assert "fp8" in panel["notes"][0]


def test_a_newer_engine_is_named(api: TestClient, settings: Settings) -> None:
    lab = Lab(settings, CHANGES[0])
    assert get(api, f"runs/{lab.foreign}")["unknown_spec"] == NEWER
    panel = get(api, "figures/atlas", study=lab.study)
    assert panel["notes"][0] == f"1 run left out: {NEWER}."


def test_demands_and_studies_of_another_version_are_shown(
    api: TestClient, settings: Settings
) -> None:
    lab = Lab(settings, CHANGES[0])
    with lab.database.write() as session:
        owner = studies.owner(lab.study, "custom")
        demand = session.get_one(DemandRow, (lab.known, owner))
        demand.stop, demand.epochs = {"test_accuracy": 0.5}, 100_000
        row = session.get_one(StudyRun, (lab.study, "custom", lab.known))
        row.stop, row.epochs = {"test_accuracy": 0.5}, 100_000
        study = session.get_one(Study, lab.study)
        study.name, study.request = "figure-9", {"scale": "vast", "seeds": 1}
    assert get(api, "studies")["items"][0]["study"] == "figure-9"
    assert get(api, f"studies/{lab.study}")["title"] == "figure-9"
    assert get(api, f"runs/{lab.known}")["epochs"] == 100_000
    assert get(api, "runs")["total"] == 2
    answer = api.get("/api/v1/figures/atlas", params={"study": lab.study})
    assert answer.status_code == 422
    assert "another version" in answer.json()["detail"]


def test_what_is_understood_is_read_as_ever() -> None:
    spec = RunSpec(n_train=1000, seed=3)
    assert read_spec(spec.model_dump(mode="json")) == read_spec(spec.model_dump_json()) == spec
    assert read_demand(5, {"train_loss": 0.1}) == Demand.model_validate(
        {"epochs": 5, "stop": {"train_loss": 0.1}}
    )
    assert isinstance(read_spec("[]"), UnknownSpec)
    assert isinstance(read_spec('{"engine": "six"}'), UnknownSpec)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"spec": {"engine": ENGINE + 1}}, NEWER),
        ({"spec": {"model": "resnet"}}, "of model resnet, which is not there: add its plugin"),
        ({"stop": {"test_accuracy": 0.5}}, "another version of Rethink (a stop rule"),
        ({"scale": "vast"}, "another version of Rethink ('vast'"),
    ],
)
def test_a_race_that_is_not_understood_is_passed_over(
    api: TestClient, settings: Settings, change: dict[str, Any], told: str
) -> None:
    bodies = [
        {"study": "race", "scale": scale, "precision": "fp32"} for scale in ("quick", "smoke")
    ]
    older, newer = (api.post("/api/v1/studies", json=body).json()["id"] for body in bodies)
    database = Database(settings.database)
    with database.write() as session:
        study = session.get_one(Study, newer)
        study.created_at += 60
        study.request = study.request | {k: v for k, v in change.items() if k == "scale"}
        for row in session.query(StudyRun).filter_by(study_id=newer):
            row.spec = row.spec | change.get("spec", {})
            row.stop = change.get("stop", row.stop)
    assert get(api, "studies/race")["study"]["id"] == older
    refused = api.get("/api/v1/studies/race", params={"study": newer})
    assert refused.status_code == 422
    assert told in refused.json()["detail"]


def test_a_spec_is_understood_once_its_dataset_is_there(
    api: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The fixture gives every spec one hash, by which they are kept.
    monkeypatch.setattr(service, "SPECS", Kept[Any](10))
    lab = Lab(settings, {"dataset": "mine@00000000"})
    told = get(api, f"runs/{lab.foreign}")["unknown_spec"]
    assert told.startswith("of dataset mine@00000000, which is not there: `rethink data add` it")
    assert get(api, "runs")["total"] == 2
    sizes = {"channels": 3, "height": 32, "width": 32, "train_size": 50_000, "test_size": 10_000}
    named = {"name": "mine@00000000", "title": "Mine", "class_names": ("a", "b")}
    datasets.add(Dataset(**named | sizes))
    try:
        assert get(api, f"runs/{lab.foreign}")["unknown_spec"] is None
        assert {run["unknown_spec"] for run in get(api, "runs")["items"]} == {None}
    finally:
        datasets.remove("mine@00000000")


@pytest.mark.parametrize("lost", ["model", "engine", "dataset"])
def test_a_queued_run_whose_spec_lacks_a_field_is_listed(
    api: TestClient, settings: Settings, lost: str
) -> None:
    lab = Lab(settings, {})
    lab.queue()
    with lab.database.write() as session:
        run = session.get_one(Run, lab.foreign)
        run.spec = {name: value for name, value in run.spec.items() if name != lost}
        able = {"model": ["mlp-1x512"], "randomization": ["none"]}
        workers.register(session, "w-1", host="h", pid=1, capabilities={"able": able})
        workers.beat(session, "w-1", None, {"datasets": ["cifar10"]})
    assert get(api, f"runs/{lab.foreign}")["unknown_spec"] is None or lost == "model"
    assert lab.foreign in [run["id"] for run in get(api, "runs")["items"]]
    assert upgrades.meaning(lab.database) == []


def test_progress_of_another_version_is_not_shown(api: TestClient, settings: Settings) -> None:
    lab = Lab(settings, {})
    with lab.database.write() as session:
        run = session.get_one(Run, lab.foreign)
        run.state, run.progress = "RUNNING", {"phase": 3, "fraction": "half"}
    assert {run["progress"] for run in get(api, "runs")["items"]} == {None}
    assert get(api, f"runs/{lab.foreign}")["progress"] is None


def test_workers_of_another_version_are_shown(api: TestClient, settings: Settings) -> None:
    with Database(settings.database).write() as session:
        for number, told in enumerate([{}, {"models": ["mlp"], "threads": "all"}]):
            workers.register(session, f"w-{number}", host="h", pid=number, capabilities=told)
            workers.beat(session, f"w-{number}", None, {"memory_bytes": "much"})
    listed = get(api, "capabilities")["workers"]
    assert [worker["id"] for worker in listed] == ["w-0", "w-1"]
    for worker in listed:
        assert (worker["models"], worker["threads"], worker["memory_bytes"]) == ({}, None, None)
