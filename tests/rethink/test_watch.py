"""Following a run or a study to its end, against a scripted server."""

from typing import Any

import pytest
from typer.testing import CliRunner

from core.run.demands import Demand, StopRule
from core.run.errors import NotFound
from core.settings import get_settings
from rethink import Client
from rethink.cli import app
from rethink.client import Run
from rethink.studies import Study
from rethink.transport import ServerError
from rethink.watch import watch as watch_run
from rethink.watch import watch_study
from tests.rethink.scripted import answers
from tests.rethink.test_client import epoch, run

AWAY = (503, {"detail": "The database does not answer."})


def study(state: str, **counts: int) -> dict[str, Any]:
    return {"id": "abc123", "study": "custom", "state": state, "runs": 3, "complete": 0, **counts}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rethink.watch.STUDY_POLL_SECONDS", 0.001)


def watch(client: Client) -> int:
    return watch_study(client, Study.model_validate(study("waiting")))


def test_a_server_that_does_not_answer_for_a_while_is_asked_on(client: Client) -> None:
    script = [AWAY, (200, study("running")), *[AWAY] * 50, (200, study("complete", complete=3))]
    answers(studies__abc123=script)
    assert watch(client) == 0
    answers(studies__abc123=script)
    assert client.studies.wait("abc123", poll=0.001).complete == 3


def test_a_server_that_is_gone_for_good_ends_it(client: Client) -> None:
    answers(studies__abc123=[AWAY])
    with pytest.raises(ServerError, match="does not answer"):
        watch(client)
    with pytest.raises(ServerError, match="does not answer"):
        client.studies.wait("abc123", poll=0.001)


def test_a_study_that_is_deleted_meanwhile_ends_it_at_once(client: Client) -> None:
    gone = [(200, study("running")), (404, {"detail": "There is no study."}), AWAY]
    answers(studies__abc123=gone)
    with pytest.raises(NotFound):
        watch(client)
    answers(studies__abc123=gone)
    with pytest.raises(NotFound):
        client.studies.wait("abc123", poll=0.001)


def test_it_is_said_once_that_nothing_but_paused_runs_is_left(
    client: Client,
    capsys: pytest.CaptureFixture[str],
) -> None:
    held = study("waiting", complete=1, failed=1, paused=1)
    answers(
        studies__abc123=[
            (200, study("running", running=1, complete=1, paused=1)),  # one is still trained
            *[(200, held)] * 3,
            (200, study("running", running=1, complete=1, failed=1)),
            (200, study("failed", complete=2, failed=1)),
        ]
    )
    assert watch(client) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert text.count("The study waits for 1 run that is paused") == 1
    assert "rethink runs resume ID" in text


@pytest.mark.parametrize(("state", "code"), [("fitted", 0), ("failed", 1), ("not known yet", 0)])
def test_a_complete_study_with_a_network_that_did_not_fit_has_failed(
    client: Client, capsys: pytest.CaptureFixture[str], state: str, code: int
) -> None:
    whole = study("complete", complete=3) | {"panels": [{"panel": "1a", "complete": 3, "runs": 3}]}
    networks = [
        {"network": "Small Inception", "state": state, "sentence": "It is so."},
        {"network": "Small AlexNet", "state": "fitted", "sentence": "It is so."},
    ]
    answers(
        studies__abc123=[(200, whole)],
        figures__1a=[(200, {"notes": ["It is so."], "networks": networks})],
    )
    assert watch(client) == code
    text = " ".join(capsys.readouterr().out.split())
    assert "1a: It is so." in text
    assert ("The scale has failed: Small Inception did not fit" in text) == bool(code)


def test_a_wait_that_takes_too_long_says_what_holds_it_up(client: Client) -> None:
    answers(studies__abc123=[(200, study("waiting", complete=1, paused=2))])
    with pytest.raises(TimeoutError, match="is waiting, with 2 of its runs paused, after 0"):
        client.studies.wait("abc123", timeout=0.01, poll=0.001)
    answers(studies__abc123=[AWAY])
    with pytest.raises(TimeoutError, match="does not answer, after 0"):
        client.studies.wait("abc123", timeout=0.001, poll=0.001)


# ---------------------------------------------------------------------------------- a run


DIVERGED = run("SUCCEEDED", 1) | {
    "outcome": "diverged",
    "error": {"message": "The loss became nan at step 12.", "detail": ""},
}


def followed(client: Client, last: dict[str, Any], demand: Demand | None = None) -> int:
    """Watch a run that has its epochs already, and is then as in `last`."""
    curve = [epoch(n + 1) for n in range(last["epochs_done"])]
    answers(
        runs__abc123=[(200, last)],
        runs__abc123__metrics=[(200, {"items": curve})],
        stream=[(503, {"detail": "Too many streams are open."})],
    )
    return watch_run(client, Run.model_validate(last), demand=demand)


def test_a_run_that_diverged_has_its_own_exit_code_and_says_so(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    assert followed(client, DIVERGED) == followed(client, DIVERGED, Demand(epochs=4)) == 3
    text = " ".join(capsys.readouterr().out.split())
    assert "diverged after 1 epochs. The loss became nan at step 12." in text
    assert followed(client, run("SUCCEEDED", 4)) == 0
    assert followed(client, run("FAILED", 1)) == 1


def test_the_state_of_a_run_that_diverged_is_the_same_everywhere(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETHINK_URL", client.url)
    get_settings.cache_clear()
    answers(
        runs=[(200, {"items": [DIVERGED], "total": 1})],
        runs__abc123=[(200, DIVERGED)],
        runs__abc123__cancel=[(200, DIVERGED)],
    )
    try:
        for command in (["list"], ["show", "abc123"], ["cancel", "abc123"]):
            shown = CliRunner().invoke(app, ["runs", *command])
            assert "SUCCEEDED (diverged)" in shown.output
        shown = CliRunner().invoke(app, ["runs", "show", "abc123"])
        assert "  diverged: The loss became nan at step 12.\n" in shown.output
        assert "error" not in shown.output
    finally:
        get_settings.cache_clear()


@pytest.mark.parametrize(
    ("last", "ending"),
    [
        (run("RUNNING", 3) | {"epochs": 3000}, "it goes on to 3000 for others"),
        (run("SUCCEEDED", 4), "it ended after 4 for others"),
    ],
)
def test_watching_ends_when_the_own_demand_is_met(
    client: Client, capsys: pytest.CaptureFixture[str], last: dict[str, Any], ending: str
) -> None:
    last = last | {"demands": [{"epochs": last["epochs"], "stop": {}, "withdrawn": False}]}
    for demand in (
        Demand(epochs=2),
        Demand(epochs=3, stop=StopRule(train_accuracy=0.5)),
    ):
        assert followed(client, last, demand) == 0
        done = 1 if demand.stop.train_accuracy else 2
        text = " ".join(capsys.readouterr().out.split())
        assert f"has done what was asked for after {done} epochs; {ending}" in text


def test_a_run_of_nobody_else_is_watched_until_it_has_ended(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {"demands": [{"epochs": 2, "stop": {}, "withdrawn": False}], "epochs": 2}
    answers(
        runs__abc123=[(200, run("RUNNING", 2) | own)] * 2 + [(200, run("SUCCEEDED", 2) | own)],
        runs__abc123__metrics=[(200, {"items": [epoch(1), epoch(2)]})],
        stream=[(503, {"detail": "Too many streams are open."})],
    )
    assert watch_run(client, Run.model_validate(run("QUEUED", 0)), demand=Demand(epochs=2)) == 0
    assert "succeeded after 2 epochs" in " ".join(capsys.readouterr().out.split())


def test_a_checkpoint_that_was_passed_over_is_told(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = {"checkpoint": "abc123/0001-5.pt", "reason": "DataCorrupt: it is damaged"}
    attempts = [
        {"attempt": 1, "provenance": None},
        {"attempt": 2, "provenance": {"passed_over": [passed]}},
    ]
    answers(runs__abc123=[(200, run("RUNNING", 1) | {"attempts": attempts})])
    monkeypatch.setenv("RETHINK_URL", client.url)
    get_settings.cache_clear()
    try:
        shown = CliRunner().invoke(app, ["runs", "show", "abc123"]).output
    finally:
        get_settings.cache_clear()
    assert (
        "  attempt 2: checkpoint abc123/0001-5.pt was passed over (DataCorrupt: it is damaged)\n"
    ) in shown
