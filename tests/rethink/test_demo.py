"""What a new user reads after `rethink up`, against a real server and a worker that is quick."""

import re
import threading
import time
from collections.abc import Iterator

import pytest

from core.domain.lifecycle import Outcome
from core.settings import Settings
from core.storage import leases, workers
from core.storage.database import Database
from rethink.client import Client
from rethink.demo import Demo
from tests.core.storage.test_runs import epoch

ADVICE = {"device": "cpu", "precision": "fp32", "precision_reason": "a test", "models": {}}


class QuickWorker(threading.Thread):
    """Claims runs and reports their epochs, as a worker does, but trains nothing."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self.database = Database(settings.database)
        self.end = threading.Event()
        self.fails: str | None = None

    def run(self) -> None:
        while not self.end.wait(0.02):
            with self.database.write() as session:
                run = leases.claim(session, "w", 60)
                if run is None:
                    continue
                _, demands = leases.wishes(session, run.id, run.attempt)
                curve = [epoch(i) for i in range(1, demands[0].epochs + 1)]
                leases.record_epochs(session, run.id, run.attempt, curve)
                outcome = Outcome.FAILED if self.fails else Outcome.COMPLETED
                error = {"message": self.fails} if self.fails else None
                leases.finish(session, run.id, run.attempt, outcome, error)


@pytest.fixture
def worker(settings: Settings) -> Iterator[QuickWorker]:
    """Not yet there: it joins when it is started."""
    quick = QuickWorker(settings)
    yield quick
    quick.end.set()
    if quick.ident:
        quick.join(10)
    quick.database.close()


def join(worker: QuickWorker) -> None:
    with worker.database.write() as session:
        workers.register(session, "w", host="here", pid=1, capabilities=ADVICE)
    worker.start()


def shown(client: Client) -> str:
    """All that the demonstration says until it ends."""
    said: list[str] = []
    demo = Demo(client, said.append)
    demo.start()
    demo.join(30)
    assert not demo.is_alive(), said
    return "\n".join(said)


def test_an_empty_home_starts_figure_1a_and_shows_each_run(worker: QuickWorker) -> None:
    join(worker)
    with Client() as client:
        text = shown(client)
        study = client.studies.list()[0]
        assert (study.study, study.request["scale"]) == ("figure-1a", "smoke")
        assert study.state == "complete"
        link = f"{client.url}/#/figures/1a?scale=smoke"
    heads = re.findall(r"Run (\d) of (\d): (.+)\n  epoch   train loss", text)
    assert [head[:2] for head in heads] == [(str(i), "5") for i in range(1, 6)]
    assert [head[2] for head in heads][:2] == ["true labels", "random labels"]
    lines = re.findall(r"^ +(\d+)   +1\.0000 +50\.0% +30\.0% ", text, re.M)
    assert lines == [str(i) for i in range(1, len(lines) // 5 + 1)] * 5
    assert re.search(r"  random labels +training +50\.0% +test +30\.0%", text)
    assert text.count(link) == 2
    assert "RETHINK_DEMO=0" in text


def test_where_there_are_runs_nothing_is_started(worker: QuickWorker) -> None:
    join(worker)
    with Client() as client:
        client.runs.create({"n_train": 1000}, epochs=1)
        assert shown(client) == ""
        assert client.runs.count() == 1


def test_it_waits_for_a_worker_whose_advice_counts(worker: QuickWorker) -> None:
    with Client() as client:
        said: list[str] = []
        demo = Demo(client, said.append)
        demo.start()
        time.sleep(0.6)
        assert client.runs.count() == 0
        join(worker)
        demo.join(30)
        assert "Run 5 of 5" in "\n".join(said)


def test_a_run_that_failed_says_why(worker: QuickWorker) -> None:
    worker.fails = "CIFAR-10 cannot be fetched."
    join(worker)
    with Client() as client:
        assert shown(client).count("failed: CIFAR-10 cannot be fetched.") == 5


def test_it_stops_when_it_is_told_to(worker: QuickWorker) -> None:
    del worker  # none ever joins
    with Client() as client:
        demo = Demo(client, lambda _: None)
        demo.start()
        demo.stop()
        demo.join(5)
        assert not demo.is_alive()
