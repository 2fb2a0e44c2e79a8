"""The race, which begins on an empty home, so that a new user sees at once what this is about.

True labels against random ones at the paper's own setting, beside each other on two workers. One
that a restart has interrupted goes on, and is shown again.
"""

import threading
from collections.abc import Callable

from core.paper.scales import Scale
from core.paper.studies import StudyName
from core.run.errors import RethinkError
from rethink import race
from rethink.client import Client
from rethink.studies import Study
from rethink.text import duration

WORKER_SECONDS = 60.0
"""How long to wait for workers: the number format of the runs is their advice."""


class Demo(threading.Thread):
    """Launches the race if the server holds no run, and prints how it goes."""

    def __init__(self, client: Client, say: Callable[[str], None], *, workers: int = 1) -> None:
        """`workers`: those that are about to start; the race waits for two of them at most."""
        super().__init__(name="demo", daemon=True)
        self._client, self._say, self._workers = client, say, min(workers, 2)
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        try:
            study = self._unfinished() or self._launch()
            if study is not None and race.follow(self._client, study.id, self._say, self._stopping):
                self._say(
                    f"The curves: {self._client.url}/#/race\n"
                    "These two runs are the ends of the paper's Figure 1b: "
                    f"{self._client.url}/#/figures/1b?scale={Scale.FULL}\n"
                )
        except RethinkError as error:
            if not self._stopping.is_set():
                self._say(f"The race could not be shown: {error.message}")

    def _unfinished(self) -> Study | None:
        found = self._client.studies.race()
        if found is None or found.study.ended:
            return None
        self._say(f"\nThe race goes on: {self._client.url}/#/race\n{found.sentence}")
        return found.study

    def _launch(self) -> Study | None:
        """The race, if there is no run yet. None too if it is time to stop."""
        if self._client.runs.count() or not self._workers_are_there():
            return None
        plan = self._client.studies.plan(StudyName.RACE, scale=Scale.FULL)
        study = self._client.studies.create(StudyName.RACE, scale=Scale.FULL)
        low, high = duration(plan["low_seconds"]), duration(plan["high_seconds"])
        self._say(
            "\nThe race has begun: a small network learns the 50,000 images of CIFAR-10 with their "
            f"labels,\nthe same network with labels drawn at random; {low} to {high}.\n"
            f"Watch it at {self._client.url}/#/race\n(RETHINK_DEMO=0 leaves it out.)"
        )
        return study

    def _workers_are_there(self) -> bool:
        """Wait for workers, at most for a while. False: it is time to stop."""
        waited = 0.0
        while not self._stopping.wait(0.2) and waited < WORKER_SECONDS:
            live = [worker for worker in self._client.workers() if worker["state"] != "lost"]
            if len(live) >= self._workers:
                break
            waited += 0.2
        return not self._stopping.is_set()
