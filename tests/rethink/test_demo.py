"""What a new user reads after `rethink up`, against a real server and workers that are quick."""

import re
import threading
import time
from collections.abc import Iterator

import pytest

from core.run.lifecycle import Outcome
from core.run.metrics import EpochMetrics
from core.settings import Settings
from core.storage import leases, workers
from core.storage.database import Database
from rethink.client import Client
from rethink.commands.race import race as race_command
from rethink.demo import Demo
from tests.core.storage.test_runs import epoch

ADVICE = {"device": "cpu", "precision": "fp32", "precision_reason": "a test", "models": {}}
TRUE, RANDOM = 24, 44
"""Epochs that the two take."""
SENTENCE = (
    "It memorised: random labels took 44 epochs, true labels 24: 1.83 times as long (the paper: "
    "1.96). On new images: 51 % against 10 %, which is guessing."
)


def after(i: int, last: int) -> EpochMetrics:
    """Epoch `i` of a run that fits in epoch `last`."""
    test = 0.51 if last == TRUE else 0.1
    accuracies = {"train_accuracy": 0.98 * i / last, "test_accuracy": test}
    return epoch(i).model_copy(update=accuracies)


class QuickWorkers(threading.Thread):
    """Claim runs and report their epochs in turns, as workers do, but train nothing."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self.database = Database(settings.database)
        self.end = threading.Event()
        self.fails: str | None = None

    def join_in(self) -> None:
        for name in ("w0", "w1"):
            with self.database.write() as session:
                workers.register(session, name, host="here", pid=1, capabilities=ADVICE)
        self.start()

    def run(self) -> None:
        working: dict[str, tuple[str, int, int, int]] = {}
        while not self.end.wait(0.02):
            for name in ("w0", "w1"):
                with self.database.write() as session:
                    if name not in working:
                        if (run := leases.claim(session, name, 60)) is not None:
                            last = RANDOM if "random" in run.spec["randomization"] else TRUE
                            working[name] = (run.id, run.attempt, run.epochs_done, last)
                        continue
                    run_id, attempt, done, last = working[name]
                    if self.fails:
                        error = {"message": self.fails}
                        leases.finish(session, run_id, attempt, Outcome.FAILED, error)
                        del working[name]
                        continue
                    leases.record_epochs(session, run_id, attempt, [after(done + 1, last)])
                    working[name] = (run_id, attempt, done + 1, last)
                    if done + 1 == last:
                        leases.finish(session, run_id, attempt, Outcome.COMPLETED)
                        del working[name]


@pytest.fixture
def quick(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[QuickWorkers]:
    """Not yet there: they join in when told."""
    monkeypatch.setattr("rethink.race.POLL_SECONDS", 0.05)
    found = QuickWorkers(settings)
    yield found
    found.end.set()
    if found.ident:
        found.join(10)
    found.database.close()


def shown(client: Client) -> str:
    """All that the demonstration says until it ends."""
    said: list[str] = []
    demo = Demo(client, said.append, workers=2)
    demo.start()
    demo.join(60)
    assert not demo.is_alive(), said
    return "\n".join(said)


def test_an_empty_home_starts_the_race_and_tells_what_came_of_it(quick: QuickWorkers) -> None:
    quick.join_in()
    with Client() as client:
        text = shown(client)
        study = client.studies.list()[0]
        assert (study.study, study.request["scale"]) == ("race", "full")
        assert study.state == "complete"
        race = client.studies.race()
        assert race is not None
        assert race.ratio == pytest.approx(RANDOM / TRUE)
        assert race.sentence == SENTENCE
        assert f"Watch it at {client.url}/#/race\n" in text
        assert f"{client.url}/#/figures/1b?scale=full" in text
    assert SENTENCE in text
    assert "RETHINK_DEMO=0" in text
    cells = r" +(\d+|–) +([\d.]+%|–) +([\d.]+%|–)"
    lines = re.findall(rf"^{cells}   \|{cells}$", text, re.MULTILINE)
    assert len(lines) > 2, text
    assert sum(line[0] != "–" != line[3] for line in lines) > 1, "both in one line"
    assert lines[-1] == ("24", "98.0%", "51.0%", "44", "98.0%", "10.0%")
    assert [int(line[3]) for line in lines if line[3] != "–"] == sorted(
        {int(line[3]) for line in lines if line[3] != "–"}
    ), "no line twice, and none goes back"


def test_where_there_are_runs_nothing_is_started(quick: QuickWorkers) -> None:
    quick.join_in()
    with Client() as client:
        client.runs.create({"n_train": 1000}, epochs=1)
        assert shown(client) == ""
        assert client.runs.count() == 1


def test_a_race_that_was_interrupted_goes_on_and_is_shown_again(quick: QuickWorkers) -> None:
    with Client() as client:
        client.studies.create("race", scale="full", precision="fp32")
        quick.join_in()
        text = shown(client)
        assert text.startswith(f"\nThe race goes on: {client.url}/#/race\n")
        assert SENTENCE in text
        assert shown(client) == "", "one that is complete is not shown again"


def test_it_waits_for_workers_whose_advice_counts(quick: QuickWorkers) -> None:
    with Client() as client:
        said: list[str] = []
        demo = Demo(client, said.append, workers=2)
        demo.start()
        time.sleep(0.6)
        assert client.runs.count() == 0
        quick.join_in()
        demo.join(60)
        assert SENTENCE in "\n".join(said)


def test_a_run_that_failed_says_why(quick: QuickWorkers) -> None:
    quick.fails = "CIFAR-10 cannot be fetched."
    quick.join_in()
    with Client() as client:
        assert shown(client).count("failed (CIFAR-10 cannot be fetched)") == 2


def test_it_stops_when_it_is_told_to(quick: QuickWorkers) -> None:
    del quick  # none ever joins
    with Client() as client:
        demo = Demo(client, lambda _: None)
        demo.start()
        demo.stop()
        demo.join(5)
        assert not demo.is_alive()


def test_the_command_shows_another_race_to_its_end(
    quick: QuickWorkers, capsys: pytest.CaptureFixture[str]
) -> None:
    quick.join_in()
    with Client() as client:
        race_command(model="alexnet", scale="quick", precision="fp32")  # type: ignore[arg-type]
        race = client.studies.race()
    assert race is not None
    said = capsys.readouterr().out
    assert f"#/race?study={race.study.id}" in said
    assert race.study.request["model"] == "alexnet"
    assert said.rstrip().endswith(race.sentence)
    assert "It memorised" in said
    assert "the paper" not in said
