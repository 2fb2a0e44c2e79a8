"""The first study on an empty home, so that the first thing a new user sees are networks learning.

Figure 1a at smoke scale: five small Inceptions, one after the other, the one with true labels
first. Each epoch is printed as it comes, so that the first line does not wait for the figure.
"""

import threading
from collections.abc import Callable
from typing import Any

from core.domain.errors import RethinkError
from core.domain.metrics import EpochMetrics, Progress
from core.domain.scales import Scale
from core.domain.studies import StudyName
from rethink.client import Client, Run
from rethink.follow import Epoch, State, Step, follow, prepares
from rethink.studies import Study
from rethink.table import HEADER, row
from rethink.text import duration

PANEL = "1a"
WORKER_SECONDS = 60.0
"""How long to wait for a worker: the number format of the runs is its advice."""


class Demo(threading.Thread):
    """Launches the study if the server holds no run, and prints how it goes."""

    def __init__(self, client: Client, say: Callable[[str], None]) -> None:
        super().__init__(name="demo", daemon=True)
        self._client, self._say = client, say
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        try:
            if self._client.runs.count() == 0 and self._worker_is_there():
                self._show(*self._launch())
        except RethinkError as error:
            if not self._stopping.is_set():
                self._say(f"The first study could not be shown: {error.message}")

    def _worker_is_there(self) -> bool:
        """Wait for a worker, at most for a while. False: it is time to stop."""
        waited = 0.0
        while not self._stopping.wait(0.2) and waited < WORKER_SECONDS:
            if any(worker["state"] != "lost" for worker in self._client.workers()):
                break
            waited += 0.2
        return not self._stopping.is_set()

    @property
    def _figure(self) -> str:
        return f"{self._client.url}/#/figures/{PANEL}?scale={Scale.SMOKE}"

    def _launch(self) -> tuple[Study, dict[str, str]]:
        """The study, and the names of its series by run."""
        request: dict[str, Any] = {"scale": Scale.SMOKE}
        plan = self._client.studies.plan(StudyName.FIGURE_1A, **request)
        study = self._client.studies.create(StudyName.FIGURE_1A, **request)
        low, high = duration(plan["low_seconds"]), duration(plan["high_seconds"])
        self._say(
            f"\nFigure 1a of the paper has begun, in small: {study.runs} networks on CIFAR-10, "
            f"{low} to {high}.\nIt fills in at {self._figure}\n(RETHINK_DEMO=0 leaves it out.)"
        )
        return study, {run["run_id"]: run["series"].replace("_", " ") for run in plan["runs"]}

    def _show(self, study: Study, series: dict[str, str]) -> None:
        ended = []
        for place, run_id in enumerate(study.run_ids, start=1):
            self._say(f"\nRun {place} of {study.runs}: {series[run_id]}")
            ended.append(self._show_run(run_id))
            if self._stopping.is_set():
                return
        self._say("\nFinal results, after the last epoch:")
        for run in ended:
            self._say(f"  {series[run.id]:16}{_outcome(run)}")
        self._say(
            f"\nThe figure: {self._figure}\n"
            f"For a paper: rethink figure get {PANEL} --scale smoke --format pdf -o fig1a.pdf\n"
        )

    def _show_run(self, run_id: str) -> Run:
        """Print the run's epochs until it ends; one that is paused is not waited for."""
        headed = False
        said: object = None
        for news in follow(self._client, run_id, stop=self._stopping):
            match news:
                case Step(progress=progress) if prepares(progress):
                    now = milestone(progress)
                    if now != said:
                        self._say(f"  {progress.phase}: {progress.detail or '…'}")
                    said = now
                case Epoch(metrics=metrics):
                    self._say(row(metrics) if headed else f"{HEADER}\n{row(metrics)}")
                    headed = True
                case State(run=run) if run.state == "PAUSED":
                    break
        return self._client.runs.get(run_id)


def milestone(progress: Progress) -> tuple[str, int | str | None]:
    """What has to change for another line: the phase, and the tenth or what is being done."""
    if progress.fraction is None:
        return progress.phase, progress.detail
    return progress.phase, int(progress.fraction * 10)


def _outcome(run: Run) -> str:
    latest: EpochMetrics | None = run.latest
    if run.state != "SUCCEEDED" or latest is None:
        reason = (run.error or {}).get("message", "see its page")
        return f"{run.state.lower()}: {reason}"
    return f"training {latest.train_accuracy:6.1%}   test {latest.test_accuracy:6.1%}"
