"""Follow one run: each epoch once and in order, progress in between, and how it ends.

The event stream says what is new; the REST snapshot is what counts. It is fetched when the stream
connects (so nothing falls between the two), when an epoch is missing, and when the stream breaks:
without a stream this is polling.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from core.run import metrics as epochs
from core.run.errors import RethinkError
from core.run.metrics import EpochMetrics, Progress
from rethink.client import Client, Run
from rethink.patience import Patience

POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class State:
    """The run as it is now; comes first, and whenever its state changes."""

    run: Run


@dataclass(frozen=True, slots=True)
class Epoch:
    metrics: epochs.Epoch


@dataclass(frozen=True, slots=True)
class Step:
    """Progress within an epoch. Lossy."""

    progress: Progress
    fraction: float | None
    """Part done of all epochs asked for; None while data are prepared."""
    eta_seconds: float | None
    """At the pace of the newest epoch; None before the first has ended."""


News = State | Epoch | Step


def prepares(progress: Progress) -> bool:
    """Whether data are being fetched or prepared, so that `fraction` is not of the run."""
    return progress.phase not in ("training", "evaluating", "saving")


def follow(client: Client, run_id: str, *, stop: threading.Event | None = None) -> Iterator[News]:
    """Yield the run's news until it has ended, or `stop` is set.

    Raises:
        NotFound: there is no such run, or it was deleted meanwhile.
        RethinkError: the server did not answer for a minute, or refuses.
    """
    return _Follower(client, run_id, stop or threading.Event()).news()


class _Follower:
    def __init__(self, client: Client, run_id: str, stop: threading.Event) -> None:
        self._client, self._run_id, self._stop = client, run_id, stop
        self._epochs_seen = 0
        self._run: Run | None = None
        self._patience = Patience()

    def news(self) -> Iterator[News]:
        while not self._stop.is_set():
            try:
                yield from self._snapshot()
                if self._ended:
                    return
                yield from self._streamed()
            except RethinkError as error:
                self._patience.failed(error)
            if self._ended or self._stop.wait(POLL_SECONDS):
                return

    @property
    def _ended(self) -> bool:
        return self._run is not None and self._run.ended

    def _snapshot(self) -> Iterator[News]:
        run = self._client.runs.get(self._run_id)
        if run.epochs_done > self._epochs_seen:
            for metrics in self._client.runs.metrics(self._run_id):
                yield from self._epoch(metrics)
        changed = self._run is None or run.state != self._run.state
        self._run = run
        self._patience.answered()
        if changed:
            yield State(run)

    def _streamed(self) -> Iterator[News]:
        for event in self._client.stream(f"run:{self._run_id}"):
            if self._stop.is_set():
                return
            if event.kind == "progress":
                yield Step(
                    progress=Progress.model_validate(event.data["progress"]),
                    fraction=event.data.get("fraction"),
                    eta_seconds=event.data.get("eta_seconds"),
                )
            elif event.kind == "epoch" and self._is_next(event.data["metrics"]):
                yield from self._epoch(EpochMetrics.model_validate(event.data["metrics"]))
            elif event.kind in ("hello", "epoch", "state", "reset", "deleted"):
                yield from self._snapshot()
            if self._ended:
                return

    def _is_next(self, metrics: dict[str, object]) -> bool:
        return metrics["epoch"] == self._epochs_seen + 1

    def _epoch(self, metrics: epochs.Epoch) -> Iterator[News]:
        if metrics.epoch > self._epochs_seen:
            self._epochs_seen = metrics.epoch
            yield Epoch(metrics)
