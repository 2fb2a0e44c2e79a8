"""/api/v1/studies: plan, launch, follow, cancel, delete."""

import re
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from core.paper.scales import Scale
from core.paper.studies import StudyName
from core.run.lifecycle import Outcome
from core.settings import Settings
from core.storage import leases, workers
from core.storage.database import Database
from core.storage.tables import Run
from tests.core.hand_made import metrics
from tests.core.storage.test_runs import epoch
from tests.stored_runs import fill

STUDIES = "/api/v1/studies"
SMOKE_1A = {"study": "figure-1a", "scale": "smoke"}
GRID = {
    "study": "custom",
    "grid": {
        "base": {"model": "mlp-1x512", "n_train": 1000, "n_test": 1000},
        "axes": {"learning_rate": [0.01, 0.1]},
        "epochs": 3,
    },
}


def post(api: TestClient, body: dict[str, Any], path: str = "") -> dict[str, Any]:
    answer = api.post(STUDIES + path, json=body)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


def train_all(settings: Settings, epochs: int) -> int:
    """What workers would do with all that waits. Returns how many runs they took."""
    database = Database(settings.database)
    for count in range(1000):
        with database.write() as session:
            run = leases.claim(session, "w-0-1", 60)
            if run is None:
                database.close()
                return count
            new = [epoch(i) for i in range(run.epochs_done + 1, epochs + 1)]
            leases.record_epochs(session, run.id, run.attempt, new)
            leases.finish(session, run.id, run.attempt, Outcome.COMPLETED)
    raise AssertionError("runs keep waiting")


def test_a_plan_counts_and_stores_nothing(api: TestClient) -> None:
    plan = post(api, {"study": "everything", "scale": "full"}, "/plan")
    assert plan["runs_needed"] == plan["new"] == 52
    assert plan["reused"] == plan["extended"] == 0
    assert plan["sharing"]["runs"] == 12
    assert plan["sharing"]["seconds"] > 0
    assert plan["low_seconds"] < plan["seconds"] < plan["high_seconds"]
    assert "reference machine" in plan["basis"]
    assert plan["images"] > plan["epochs"] * 10_000
    assert [run["action"] for run in plan["runs"]] == ["new"] * 52
    assert api.get(STUDIES).json()["total"] == 0
    assert api.get("/api/v1/runs").json()["total"] == 0


def test_a_study_is_launched_once_however_often_it_is_asked_for(api: TestClient) -> None:
    first = api.post(STUDIES, json=SMOKE_1A)
    assert first.status_code == 201
    study = first.json()
    assert (study["runs"], study["complete"], study["state"]) == (5, 0, "waiting")
    assert study["panels"] == [{"panel": "1a", "runs": 5, "complete": 0}]
    again = api.post(STUDIES, json=SMOKE_1A | {"title": "mine", "priority": 3})
    assert again.status_code == 200
    assert again.json()["id"] == study["id"]
    assert api.get(STUDIES).json()["total"] == 1
    assert api.get("/api/v1/runs").json()["total"] == 5
    assert api.get(f"{STUDIES}/{study['id']}").json()["run_ids"] == study["run_ids"]


def test_what_exists_is_reused_and_what_is_too_short_extended(
    api: TestClient, settings: Settings
) -> None:
    study = post(api, GRID)
    assert train_all(settings, 3) == 2
    done = api.get(f"{STUDIES}/{study['id']}").json()
    assert (done["state"], done["fraction"], done["epochs_done"]) == ("complete", 1.0, 6)
    again = post(api, GRID, "/plan")
    assert (again["reused"], again["new"], again["epochs"], again["seconds"]) == (2, 0, 0, 0)
    assert again["basis"] == "nothing is left to train"
    longer: dict[str, Any] = {**GRID, "grid": {**GRID["grid"], "epochs": 5}}  # type: ignore[dict-item]
    longer["grid"]["axes"] = {"learning_rate": [0.01, 0.2]}
    plan = post(api, longer, "/plan")
    assert (plan["extended"], plan["new"], plan["epochs"]) == (1, 1, 2 + 5)
    assert plan["basis"].startswith("epochs measured here")
    # 1.5 s an epoch of 1,000 + 2,000 images were measured.
    assert plan["seconds"] == pytest.approx(7 * 1.5 + 2, rel=0.2)
    post(api, GRID)
    assert train_all(settings, 3) == 0


def test_workers_share_the_work_of_a_plan(api: TestClient, settings: Settings) -> None:
    alone = post(api, SMOKE_1A, "/plan")
    database = Database(settings.database)
    with database.write() as session:
        for i in range(4):
            workers.register(session, f"w-{i}-1", host="h", pid=1, capabilities={})
    database.close()
    together = post(api, SMOKE_1A, "/plan")
    assert together["workers"] == 4
    assert together["seconds"] == pytest.approx(alone["seconds"] / 4)


def test_more_workers_than_runs_do_not_divide_a_run(api: TestClient, settings: Settings) -> None:
    alone = post(api, SMOKE_1A, "/plan")
    database = Database(settings.database)
    with database.write() as session:
        for i in range(20):
            workers.register(session, f"w-{i}-1", host="h", pid=1, capabilities={})
    database.close()
    together = post(api, SMOKE_1A, "/plan")
    assert together["seconds"] == max(run["seconds"] for run in alone["runs"])
    assert together["low_seconds"] < together["seconds"] < together["high_seconds"]


def test_runs_that_wait_before_a_plan_are_counted_in_its_time(api: TestClient) -> None:
    alone = post(api, SMOKE_1A, "/plan")
    assert alone["ahead"] == 0
    for seed, priority in ((1, 0), (2, 5), (3, -50)):
        body = {"spec": {"model": "mlp-1x512", "seed": seed}, "epochs": 3, "priority": priority}
        assert api.post("/api/v1/runs", json=body).status_code == 201
    later = post(api, SMOKE_1A, "/plan")
    assert later["ahead"] == 2, "the last waits behind all stages of the plan"
    assert later["seconds"] > alone["seconds"]
    assert "with 2 runs ahead in the queue" in later["basis"]
    post(api, SMOKE_1A)
    assert post(api, SMOKE_1A, "/plan")["seconds"] == later["seconds"], "its own are no others"


def test_precision_is_what_all_workers_recommend(api: TestClient, settings: Settings) -> None:
    database = Database(settings.database)
    with database.write() as session:
        advice = {"precision": "bf16", "precision_reason": "it has bf16 units"}
        workers.register(session, "w-0-1", host="h", pid=1, capabilities=advice)
    database.close()
    study = post(api, SMOKE_1A)
    assert study["request"]["precision"] == "bf16"
    run = api.get(f"/api/v1/runs/{study['run_ids'][0]}").json()
    assert (run["spec"]["precision"], run["precision_reason"]) == ("bf16", "it has bf16 units")
    plan = post(api, SMOKE_1A, "/plan")
    assert any("bf16 matrix products" in sentence for sentence in plan["deviations"])


def test_a_run_is_taken_out_of_the_study_that_wants_it(api: TestClient) -> None:
    study = post(api, SMOKE_1A)
    path = f"/api/v1/runs/{study['run_ids'][0]}"
    refused = api.post(f"{path}/cancel")
    assert refused.status_code == 409
    assert study["id"] in refused.json()["detail"]
    assert api.get(path).json()["state"] == "QUEUED"
    ended = api.post(f"{path}/cancel", params={"everywhere": True})
    assert (ended.status_code, ended.json()["state"]) == (200, "CANCELLED")
    left = api.get(f"{STUDIES}/{study['id']}").json()
    assert (left["state"], left["failed"], left["runs"]) == ("waiting", 1, 5)


def test_cancelling_a_study_leaves_runs_that_others_demand(api: TestClient) -> None:
    first = post(api, SMOKE_1A)
    other = post(api, {"study": "figure-1bc", "scale": "smoke"})
    cancelled = post(api, {}, f"/{first['id']}/cancel")
    assert cancelled["state"] == "cancelled"
    states = {i: api.get(f"/api/v1/runs/{i}").json()["state"] for i in first["run_ids"]}
    shared = set(first["run_ids"]) & set(other["run_ids"])
    assert len(shared) == 2
    assert {i for i, state in states.items() if state == "QUEUED"} == shared
    assert post(api, SMOKE_1A)["state"] == "waiting"


def test_paused_runs_of_a_study_are_counted_until_they_are_resumed(
    api: TestClient, settings: Settings
) -> None:
    study = post(api, GRID)
    path = f"{STUDIES}/{study['id']}"
    assert study["paused"] == 0
    paused = study["run_ids"][0]
    api.post(f"/api/v1/runs/{paused}/pause")
    train_all(settings, 3)
    shown = api.get(path).json()
    assert (shown["state"], shown["complete"], shown["paused"]) == ("waiting", 1, 1)
    api.post(f"/api/v1/runs/{paused}/resume")
    assert api.get(path).json()["paused"] == 0
    api.post(f"/api/v1/runs/{paused}/pause")
    api.post(f"{path}/cancel")
    assert api.get(path).json()["paused"] == 0, "it has ended"


def test_deleting_a_study(api: TestClient, settings: Settings) -> None:
    study = post(api, GRID)
    train_all(settings, 3)
    assert api.delete(f"{STUDIES}/{study['id']}").status_code == 204
    assert api.get(f"{STUDIES}/{study['id']}").status_code == 404
    assert api.get("/api/v1/runs").json()["total"] == 2
    study = post(api, GRID)
    answer = api.delete(f"{STUDIES}/{study['id']}", params={"runs": True})
    assert answer.status_code == 204
    assert api.get("/api/v1/runs").json()["total"] == 0


def test_deleted_runs_leave_a_study_and_its_figure_incomplete(
    api: TestClient, settings: Settings
) -> None:
    study_id = fill(settings, StudyName.FIGURE_1A, Scale.SMOKE)
    path = f"{STUDIES}/{study_id}"
    whole = api.get(path).json()
    assert (whole["state"], whole["complete"], whole["missing"]) == ("complete", 5, 0)
    api.post(f"{path}/cancel")
    for run_id in whole["run_ids"][:3]:
        assert api.delete(f"/api/v1/runs/{run_id}").status_code == 204
    shown = api.get(path).json()
    assert (shown["state"], shown["runs"], shown["complete"]) == ("cancelled", 5, 2)
    assert (shown["missing"], shown["failed"], shown["fraction"]) == (3, 0, 0.4)
    assert shown["panels"] == [{"panel": "1a", "runs": 5, "complete": 2}]
    for whose in ({"study": study_id}, {"scale": "smoke"}):
        panel = api.get("/api/v1/figures/1a", params=whose).json()
        assert (panel["status"], panel["counts"]["missing"]) == ("partial", 3), whose


def test_a_study_whose_runs_ended_or_were_deleted_is_incomplete(
    api: TestClient, settings: Settings
) -> None:
    study = post(api, GRID)
    train_all(settings, 3)
    database = Database(settings.database)
    with database.write() as session:
        session.execute(sa.delete(Run).where(Run.id == study["run_ids"][0]))
    database.close()
    shown = api.get(f"{STUDIES}/{study['id']}").json()
    assert (shown["state"], shown["complete"], shown["missing"]) == ("failed", 1, 1)
    assert post(api, GRID)["state"] == "waiting", "launched again it trains them anew"


def test_deleting_a_study_with_its_runs_keeps_those_that_another_study_uses(
    api: TestClient,
) -> None:
    first = post(api, SMOKE_1A)
    other = post(api, {"study": "figure-1bc", "scale": "smoke"})
    answer = api.delete(f"{STUDIES}/{first['id']}", params={"runs": True})
    assert answer.status_code == 204
    listed = api.get("/api/v1/runs", params={"limit": 1000}).json()["items"]
    assert {run["id"] for run in listed} == set(other["run_ids"])
    assert {run["state"] for run in listed} == {"QUEUED"}
    again = api.delete(f"{STUDIES}/{other['id']}", params={"runs": True})
    assert again.status_code == 204
    assert api.get("/api/v1/runs").json()["total"] == 0


def test_running_everything_again_trains_nothing(api: TestClient, settings: Settings) -> None:
    fill(settings, StudyName.EVERYTHING, Scale.SMOKE)
    before = api.get("/api/v1/runs").json()["total"]
    body = {"study": "everything", "scale": "smoke"}
    plan = post(api, body, "/plan")
    assert (plan["reused"], plan["extended"], plan["new"]) == (before, 0, 0)
    assert (plan["epochs"], plan["seconds"]) == (0, 0)
    study = post(api, body)
    assert (study["state"], study["complete"]) == ("complete", before)
    assert {panel["panel"] for panel in study["panels"]} == {"1a", "1bc", "2a", "2b"}
    assert train_all(settings, 100) == 0, "no worker finds anything to do"
    assert api.get("/api/v1/runs").json()["total"] == before


def train_on(settings: Settings, curve: list[tuple[float, float]]) -> int:
    """Give every run that waits the next epochs, as (loss, accuracy). Returns how many waited."""
    database = Database(settings.database)
    for count in range(1000):
        with database.write() as session:
            run = leases.claim(session, "w-0-1", 60)
            if run is None:
                database.close()
                return count
            new = [
                metrics(run.epochs_done + i, loss, accuracy=accuracy)
                for i, (loss, accuracy) in enumerate(curve, start=1)
            ]
            leases.record_epochs(session, run.id, run.attempt, new)
            leases.finish(session, run.id, run.attempt, Outcome.COMPLETED)
    raise AssertionError("runs keep waiting")


def test_a_stricter_criterion_extends_the_runs_and_the_figure_finds_them(
    api: TestClient, settings: Settings
) -> None:
    body = {"study": "figure-1bc", "scale": "smoke"}
    strict = body | {"criterion": "accuracy-100"}
    study = post(api, body)
    assert "criterion" not in study["request"], "it is the study it was before there were any"
    sentence = "Criterion: training accuracy of 100 %, in place of each model's own."
    assert sentence in post(api, strict, "/plan")["deviations"]
    assert sentence not in post(api, body, "/plan")["deviations"]
    assert train_on(settings, [(1.0, 0.5), (0.04, 0.985)]) == 17
    query = {"scale": "smoke", "criterion": "accuracy-100"}
    figure = "/api/v1/figures/1b"
    short = api.get(figure, params=query).json()
    command = (
        "rethink study run figure-1bc --scale smoke --variant paper --seeds 1 "
        "--criterion accuracy-100 --precision fp32"
    )
    assert short["counts"]["short"] == 17
    assert f"`{command}` extends them" in short["notes"][0]
    plan = post(api, strict, "/plan")
    assert (plan["reused"], plan["extended"], plan["new"]) == (0, 17, 0)
    assert plan["epochs"] > 17
    longer = post(api, strict)
    assert longer["id"] != study["id"]
    assert train_on(settings, [(0.03, 0.99), (0.01, 1.0)]) == 17
    for params in (query, {"study": longer["id"]}):
        found = api.get(figure, params=params).json()
        assert (found["status"], found["notes"]) == ("complete", [])
        assert found["criterion"] == "training accuracy of 100 %"
        facts = {f["name"]: f["value"] for f in found["facts"] if f["key"] == "inception"}
        assert facts == {"epochs_to_fit_p0": 4, "epochs_to_fit_p1": 4}
        assert found["provenance"]["command"] == command
    for params in ({"scale": "smoke"}, {"study": longer["id"], "criterion": "default"}):
        usual = api.get(figure, params=params).json()
        assert {f["value"] for f in usual["facts"] if f["unit"] == "epochs"} == {2}


def test_a_plan_that_extends_draws_the_curves_on_and_is_wide(
    api: TestClient, settings: Settings
) -> None:
    body = {"study": "figure-1bc", "scale": "smoke"}
    post(api, body)
    curve = [(2 * 0.8**i, 1 - 0.5 * 0.8**i) for i in range(1, 18)]
    assert train_on(settings, curve) == 17
    assert post(api, body, "/plan")["reused"] == 17
    plan = post(api, body | {"criterion": "accuracy-100"}, "/plan")
    # No image is wrong after 35 epochs of 2,000 images (11 runs), after 26 of 300 (6 runs).
    assert plan["epochs"] == pytest.approx(11 * (35 - 17) + 6 * (26 - 17), rel=0.1)
    assert plan["low_seconds"] < plan["seconds"] / 2, "they may fit at once"
    assert plan["high_seconds"] > 2 * plan["seconds"], "or take all that they may"


@pytest.mark.parametrize("study", ["figure-1bc", "everything"])
def test_the_command_that_a_figure_names_extends_the_study_s_runs_and_trains_none_anew(
    api: TestClient, settings: Settings, study: str
) -> None:
    # No worker is there: left out, the precision would be fp32.
    made = post(api, {"study": study, "scale": "smoke", "seeds": 2, "precision": "bf16"})
    train_on(settings, [(1.0, 0.5), (0.04, 0.985)])
    query = {"study": made["id"], "criterion": "accuracy-100"}
    for figure in ("1b", "1c"):
        notes = " ".join(api.get(f"/api/v1/figures/{figure}", params=query).json()["notes"])
        assert "34 runs ended before fitting by this criterion and must be extended" in notes
        (command,) = re.findall(r"A study by this criterion extends them: `rethink (.*?)`", notes)
        words = command.split()
        assert words[:3] == ["study", "run", "figure-1bc"]
        options = dict(zip(words[3::2], words[4::2], strict=True))
        asked = {option.removeprefix("--"): value for option, value in options.items()}
        assert asked["criterion"] == "accuracy-100"
        plan = post(api, {"study": words[2], **asked, "seeds": int(asked["seeds"])}, "/plan")
        assert (plan["extended"], plan["new"]) == (34, 0)


def test_a_run_of_a_study_names_it(api: TestClient) -> None:
    study = post(api, SMOKE_1A)
    run = api.get(f"/api/v1/runs/{study['run_ids'][0]}").json()
    assert [d["owner"] for d in run["demands"]] == [f"study:{study['id']}:1a"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"study": "figure-3"}, "study"),
        ({"scale": "huge"}, "scale"),
        ({"seeds": 11}, "seeds"),
        ({"seeds": 0}, "seeds"),
        ({"study": "custom"}, "grid"),
        ({"study": "figure-1bc", "criterion": "loss-9"}, "criterion"),
        ({"study": "figure-2a", "criterion": "loss-0.1"}, "criterion"),
        ({"study": "custom", "grid": {}, "criterion": "loss-0.1"}, "criterion"),
        ({"study": "figure-1a", "grid": {}}, "grid"),
        ({"study": "figure-1a", "epochs": 5}, "epochs"),
        ({"study": "figure-1a", "model": "alexnet"}, "model"),
        ({"study": "race", "seeds": 2}, "seeds"),
        ({"study": "custom", "grid": {}, "scale": "full"}, "scale"),
        ({"study": "table-1"}, "scale"),
        ({"study": "custom", "grid": {}, "scale": "smoke"}, "scale"),
        ({"study": "custom", "grid": {}, "variant": "report"}, "variant"),
        ({"study": "custom", "grid": {"axes": {"droput": [0.1]}}}, "spec.droput"),
        ({"study": "custom", "grid": {"axes": {"batch_size": [0]}}}, "spec.batch_size"),
        ({"study": "custom", "grid": {"axes": {"batch_size": []}}}, "grid.axes.batch_size"),
        (
            {
                "study": "custom",
                "grid": {"axes": {f: list(range(60)) for f in ("seed", "data_seed")}},
            },
            None,
        ),
    ],
)
@pytest.mark.parametrize("path", ["", "/plan"])
def test_bad_requests_name_the_field(
    api: TestClient, path: str, body: dict[str, Any], field: str | None
) -> None:
    answer = api.post(STUDIES + path, json=body)
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    if field is not None:
        assert [error["field"] for error in problem["errors"]] == [field]
    else:
        assert "3600 runs" in problem["detail"]
    assert api.get(STUDIES).json()["total"] == 0


@pytest.mark.parametrize("path", ["", "/plan"])
def test_smoke_has_no_table_1_and_the_answer_says_what_to_use(api: TestClient, path: str) -> None:
    answer = api.post(STUDIES + path, json={"study": "table-1", "scale": "smoke"})
    assert answer.json()["detail"] == (
        "scale smoke is not allowed with study table-1: smoke has no Table 1, use quick"
    )
    assert post(api, {"study": "table-1", "scale": "quick"}, "/plan")["runs_needed"] == 19


def test_a_stored_request_is_one_that_may_be_made_again(api: TestClient) -> None:
    for body in (GRID, SMOKE_1A, {"study": "figure-1bc", "criterion": "loss-0.6"}):
        study = post(api, body | {"title": "mine"})
        again = api.post(STUDIES, json=study["request"])
        assert (again.status_code, again.json()["id"]) == (200, study["id"])


def test_an_unknown_study_is_not_found(api: TestClient) -> None:
    for answer in (
        api.get(f"{STUDIES}/0123456789ab"),
        api.post(f"{STUDIES}/0123456789ab/cancel"),
        api.delete(f"{STUDIES}/0123456789ab"),
    ):
        assert answer.status_code == 404
        assert "rethink study list" in answer.json()["detail"]


def test_a_race_tells_how_far_both_are(api: TestClient, settings: Settings) -> None:
    assert api.get(f"{STUDIES}/race").status_code == 204
    study = post(api, {"study": "race", "scale": "smoke"})
    assert study["request"]["scale"] == "smoke"
    race = api.get(f"{STUDIES}/race").json()
    assert [lane["labels"] for lane in race["lanes"]] == ["true labels", "random labels"]
    assert [lane["run_id"] for lane in race["lanes"]] == study["run_ids"]
    assert [lane["state"] for lane in race["lanes"]] == ["QUEUED", "QUEUED"]
    assert (race["ratio"], race["paper_ratio"], race["guessing"]) == (None, None, 0.1)
    assert race["sentence"] == ("True labels wait for a worker; random labels wait for a worker.")
    database = Database(settings.database)
    with database.write() as session:
        run = leases.claim(session, "w-0-1", 60)
        assert run is not None
        leases.record_epochs(session, run.id, run.attempt, [epoch(1), epoch(2)])
    database.close()
    race = api.get(f"{STUDIES}/race", params={"study": study["id"]}).json()
    assert [(lane["epochs"], lane["state"]) for lane in race["lanes"]] == [
        (2, "RUNNING"),
        (0, "QUEUED"),
    ]
    assert api.post(f"{STUDIES}/{study['id']}/cancel").status_code == 200
    race = api.get(f"{STUDIES}/race").json()
    assert race["study"]["state"] == "cancelled"
    assert race["sentence"].endswith("Start the race again to have it go on.")
    assert api.delete(f"/api/v1/runs/{study['run_ids'][1]}").status_code == 204
    race = api.get(f"{STUDIES}/race").json()
    assert race["lanes"][1]["state"] is None
    assert "the run on random labels was deleted" in race["sentence"]


def test_the_newest_race_is_shown_and_another_study_is_none(api: TestClient) -> None:
    post(api, {"study": "race", "scale": "smoke"})
    newest = post(api, {"study": "race", "model": "alexnet", "scale": "smoke"})
    assert api.get(f"{STUDIES}/race").json()["study"]["id"] == newest["id"]
    other = post(api, SMOKE_1A)
    refused = api.get(f"{STUDIES}/race", params={"study": other["id"]})
    assert refused.status_code == 422
    assert "figure-1a" in refused.json()["detail"]
