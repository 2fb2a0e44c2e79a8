"""The client against a server that misbehaves in every way a network can."""

import json
import sys
from pathlib import Path
from typing import Any

import pandas
import pytest

from core import address
from core.run.errors import Conflict, InvalidInput, NotFound, RethinkError, Unauthorized
from core.run.metrics import EpochMetrics
from core.run.spec import RunSpec
from core.settings import Settings
from rethink import Client, discovery, up
from rethink.follow import Epoch, State, Step, follow
from rethink.sse import parse
from rethink.transport import ServerError, StreamLost
from tests.rethink.scripted import Script, answers

METRICS = {
    **dict.fromkeys(("train_loss", "test_loss", "online_loss", "learning_rate"), 1.0),
    **dict.fromkeys(("train_accuracy", "test_accuracy", "online_accuracy"), 0.5),
    **dict.fromkeys(("images_per_second", "train_seconds", "evaluation_seconds"), 2.0),
}


def epoch(number: int) -> dict[str, Any]:
    return {"epoch": number, "step": 10 * number, **METRICS}


def run(state: str, epochs_done: int) -> dict[str, Any]:
    return {
        "id": "abc123",
        "name": "",
        "spec": {"model": "mlp-1x512", "randomization": "true_labels"},
        "state": state,
        "epochs": 4,
        "epochs_done": epochs_done,
        "something_new": 1,
    }


def event(kind: str, **data: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n"


def test_it_sends_the_token_and_the_spec(client: Client) -> None:
    answers(runs=[(201, run("QUEUED", 0))])
    spec = RunSpec(n_train=100)
    created = client.runs.create(spec, epochs=4, stop={"train_loss": 0.1}, name="first")
    assert created.state == "QUEUED"
    assert not created.ended
    sent = json.loads(Script.asked[0][2])
    assert sent["spec"] == spec.model_dump(mode="json")
    assert sent["stop"] == {"train_loss": 0.1}
    answers(runs=[(200, {"items": [run("RUNNING", 1)], "total": 7})])
    assert client.runs.count() == 7
    assert Script.asked[1][2] == "Bearer secret"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (422, InvalidInput),
        (404, NotFound),
        (409, Conflict),
        (500, ServerError),
    ],
)
def test_a_problem_document_becomes_an_error_with_its_sentence(
    client: Client, status: int, error: type[Exception]
) -> None:
    answers(runs__x=[(status, {"detail": "This is why.", "errors": []})])
    with pytest.raises(error, match="This is why"):
        client.runs.get("x")


def test_a_token_that_is_refused_is_told_with_what_to_set(client: Client) -> None:
    answers(runs__x=[(401, {"detail": "Send `Authorization: Bearer <token>`", "errors": []})])
    with pytest.raises(Unauthorized, match=r"RETHINK_TOKEN .* `rethink token` prints"):
        client.runs.get("x")


def test_what_is_no_problem_document_is_named_by_its_status(client: Client) -> None:
    answers(runs__x=[(502, "<html>bad gateway</html>")])
    with pytest.raises(ServerError, match="502"):
        client.runs.get("x")
    answers(runs__x=[(200, "<html>another program</html>")])
    with pytest.raises(ServerError, match="not a Rethink server"):
        client.runs.get("x")


def test_an_id_cannot_lead_to_another_route(client: Client) -> None:
    answers(**{"runs/..%2Fworkers": [(404, {"detail": "no such run"})]})
    with pytest.raises(NotFound):
        client.runs.delete("../workers")
    assert Script.asked[0][:2] == ("DELETE", "/api/v1/runs/..%2Fworkers")


def test_the_curve_comes_as_metrics_or_as_text(client: Client) -> None:
    answers(runs__x__metrics=[(200, {"run_id": "x", "items": [epoch(1), epoch(2)]})])
    assert [m.epoch for m in client.runs.metrics("x")] == [1, 2]
    table = pandas.DataFrame(client.runs.metrics("x"))
    assert list(table) == list(EpochMetrics.model_fields)
    assert table.train_loss.tolist() == [1, 1]
    answers(runs__x__metrics=[(200, "epoch,step\n1,10\n")])
    assert client.runs.metrics("x", format="csv") == "epoch,step\n1,10\n"
    assert client.runs.frame("x").to_dict("records") == [{"epoch": 1, "step": 10}]


def test_waiting_ends_with_the_run_or_with_the_time(client: Client) -> None:
    answers(runs__x=[(200, run("RUNNING", 1)), (200, run("FAILED", 1))])
    assert client.wait("x", poll=0.01).state == "FAILED"
    answers(runs__x=[(200, run("RUNNING", 1)), (200, run("RUNNING", 2))])
    assert client.wait("x", epochs=2, poll=0.01).epochs_done == 2
    answers(runs__x=[(200, run("RUNNING", 1))])
    with pytest.raises(TimeoutError):
        client.wait("x", timeout=0.02, poll=0.01)


def test_events_are_framed_as_the_standard_says() -> None:
    lines = [": ping", "id: 7", "event: epoch", 'data: {"a":', "data:1}", "", "data: cut off"]
    (event,) = parse(lines)
    assert (event.event, event.id, event.data) == ("epoch", "7", '{"a":\n1}')


def test_a_stream_that_ends_is_an_error(client: Client) -> None:
    answers(stream=[(200, event("hello", seq=1))])
    stream = client.stream("runs")
    assert next(stream).kind == "hello"
    with pytest.raises(StreamLost):
        next(stream)


def test_following_gives_each_epoch_once_whatever_the_stream_loses_or_repeats(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rethink.follow.POLL_SECONDS", 0.01)
    progress = {"phase": "training", "epoch": 1, "step": 15}
    answers(
        runs__abc123=[
            (200, run("QUEUED", 0)),  # before the stream is there
            (200, run("RUNNING", 1)),  # at hello: an epoch passed meanwhile
            (200, run("RUNNING", 3)),  # as epoch 3 came without epoch 2
            (503, {"detail": "The database does not answer."}),  # after the stream broke off
            (200, run("SUCCEEDED", 4)),
        ],
        runs__abc123__metrics=[
            (200, {"items": [epoch(1)]}),
            (200, {"items": [epoch(1), epoch(2), epoch(3)]}),
            (200, {"items": [epoch(n) for n in (1, 2, 3, 4)]}),
        ],
        stream=[
            (
                200,
                event("hello", seq=1)
                + event("progress", run_id="abc123", progress=progress, fraction=0.375)
                + event("epoch", run_id="abc123", metrics=epoch(1))
                + event("epoch", run_id="abc123", metrics=epoch(3)),
            ),
            (503, {"detail": "Too many streams are open."}),
        ],
    )
    news = list(follow(client, "abc123"))
    assert [n.metrics.epoch for n in news if isinstance(n, Epoch)] == [1, 2, 3, 4]
    assert [n.run.state for n in news if isinstance(n, State)] == ["QUEUED", "RUNNING", "SUCCEEDED"]
    (step,) = [n for n in news if isinstance(n, Step)]
    assert (step.progress.step, step.fraction, step.eta_seconds) == (15, 0.375, None)


def test_following_a_run_that_is_deleted_ends_with_not_found(client: Client) -> None:
    answers(
        runs__abc123=[(200, run("PAUSED", 0)), (404, {"detail": "There is no such run."})],
        stream=[(200, event("hello", seq=1))],
    )
    with pytest.raises(NotFound):
        list(follow(client, "abc123"))


def test_the_token_of_this_home_is_not_sent_to_another_machine(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("local")
    elsewhere = discovery.find(Settings(home=tmp_path, url="https://lab.example.org/"))
    assert elsewhere == discovery.Server("https://lab.example.org", "", "RETHINK_URL")
    here = discovery.find(Settings(home=tmp_path, url="http://127.0.0.1:9000"))
    assert here.token == "local"


@pytest.mark.parametrize(
    "link", ["", "/", "/#token=linked", "/api/v1", "/api/v1/#token=linked", "/#/figures/1a"]
)
def test_any_address_that_the_server_or_its_docs_show_names_it(
    client: Client, tmp_path: Path, link: str
) -> None:
    answers(health=[(200, {"status": "ok"})])
    Script.asked.clear()
    for variables, token in (({}, "linked"), ({"token": "told"}, "told")):
        settings = Settings(home=tmp_path, url=f"{client.url}{link}", **variables)
        with Client(settings=settings) as named:
            assert named.url == client.url
            assert named.health() == {"status": "ok"}
        expected = f"Bearer {token}" if variables or "token" in link else ""
        assert Script.asked.pop() == ("GET", "/api/v1/health", expected)


def test_the_printed_link_carries_any_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for given in ("a+b&c%41=d#e/f g", "plain"):
        link = up._link("http://h:1", given)
        assert discovery.server_of(link) == ("http://h:1", given)
        assert " " not in link
        assert link.count("#") == 1


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host", "http://[", "http://h:port", "x"])
def test_an_address_that_is_none_gets_a_sentence(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidInput, match=r"write http://host:port or https://host, in RETHINK_"):
        Client(settings=Settings(home=tmp_path, url=url))


def test_a_password_or_token_in_the_address_is_never_shown(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        Client("ftp://me:hidden@host/#token=hidden")
    assert "hidden" not in refused.value.message
    url = "http://me:hidden@127.0.0.1:1/x?password=hidden#token=hidden"
    with (
        Client(settings=Settings(home=tmp_path, url=url)) as named,
        pytest.raises(RethinkError) as absent,
    ):
        named.health()
    assert "127.0.0.1:1" in absent.value.message
    assert "hidden" not in named.url + absent.value.message


@pytest.mark.parametrize("token", ["se\ncret", "se\rcret", "s\u00e9cret", "se\x1bcret"])
def test_a_token_that_no_header_can_carry_is_refused_without_its_value(token: str) -> None:
    with pytest.raises(InvalidInput, match="The token is not allowed: a line break") as refused:
        Client("http://127.0.0.1:1", token)
    assert "cret" not in refused.value.message
    Client("http://127.0.0.1:1", " secret\n").close()


def test_nothing_that_listens_is_told_from_nothing_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(discovery.NoServer, match="rethink up"):
        Client(settings=Settings(home=tmp_path))
    monkeypatch.setattr(address, "is_alive", lambda *_: True)
    address.publish(Settings(home=tmp_path), "http://127.0.0.1:1")
    with (
        Client(settings=Settings(home=tmp_path)) as stale,
        pytest.raises(discovery.NoServer, match="rethink up"),
    ):
        stale.health()
    with (
        Client(settings=Settings(home=tmp_path, url="http://127.0.0.1:1")) as named,
        pytest.raises(discovery.NoServer, match="RETHINK_URL"),
    ):
        named.health()
