"""Following a study to its end, against a scripted server."""

from typing import Any

import pytest

from core.domain.errors import NotFound
from rethink import Client
from rethink.studies import Study
from rethink.transport import ServerError
from rethink.watch import watch_study
from tests.rethink.scripted import answers

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
