"""Train a work bundle on this machine: no server, no broker, no database.

Each slot is a thread with a trainer child of its own, the same as a worker's, so that results are
the same to the bit. What is under way lies in `<out>.state`, next to the results: per run a JSON
file with its curve so far and its newest checkpoint, replaced in one step. Whatever dies, the next
start with the same arguments goes on from there.
"""

import fcntl
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ValidationError

from core import bundles, home
from core.bundles import AttemptRecord, Metrics, Result, SavedWeights, Work
from core.run.demands import all_met
from core.run.errors import Conflict, InvalidInput
from core.run.lifecycle import MAX_LOST_ATTEMPTS, Interrupt, Outcome
from core.run.metrics import EpochMetrics
from core.run.spec import ENGINE
from worker import wire
from worker.child import Child, TrainerDied

DONE, FAILED, LEFT = 0, 1, 3
"""Exit codes: all is trained, a run failed, runs are left because time was up or a signal came."""
SPEAK_SECONDS = 30.0
"""Shortest time between two lines about the same run."""
STOP_SECONDS = 60.0
"""Time a trainer gets to save and stop."""


class State(BaseModel):
    """A run under way, as it lies in the state folder."""

    attempts: list[AttemptRecord] = []
    metrics: Metrics = {}
    checkpoint: wire.Saved | None = None


@dataclass(frozen=True, kw_only=True)
class Options:
    out: Path
    workers: int = 0
    """Trainers side by side; 0: as many as fit on the cores, one on a GPU."""
    threads: int = 1
    seconds: float | None = None
    """Time until the runs under way are put aside."""
    part: tuple[int, int] = (1, 1)
    """Which of how many shares of the bundle to train."""
    weights: bool = False


class Runner:
    """Trains the runs of a bundle that are not in `out` yet."""

    def __init__(self, runs: Sequence[Work], options: Options) -> None:
        self.options = options
        self.state = options.out.with_name(f"{options.out.name}.state").absolute()
        self.stopping = threading.Event()
        self.failed: list[str] = []
        self._lock = threading.Lock()
        self._results: dict[str, Result] = {}
        share, shares = options.part
        self._runs = [run for i, run in enumerate(runs) if i % shares == share - 1]
        self._waiting: list[Work] = []

    def run(self) -> int:
        """Train until nothing is left, the time is up or a signal comes; returns an exit code."""
        try:
            self.state.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(f"--out: {self.state} cannot be made: {error.strerror}") from error
        with (self.state / "lock").open("ab") as lock:
            self._claim(lock)
            if self.options.out.exists():
                self._results = {r.run_id: r for r in bundles.read_results(self.options.out)}
            self._waiting = [run for run in self._runs if not self._is_done(run)]
            there = len(self._runs) - len(self._waiting)
            self._say(f"{len(self._runs)} runs, {there} of them are there")
            if self._waiting:
                self._train_all()
        if self.failed:
            return FAILED
        left = sum(not self._is_done(run) for run in self._runs)
        self._say(f"{left} runs are left: start again to go on" if left else "all runs are there")
        return LEFT if left else DONE

    def _claim(self, lock: IO[bytes]) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"Another process writes {self.options.out}: give this one an --out of its own."
            ) from error

    def _is_done(self, run: Work) -> bool:
        result = self._results.get(run.run_id)
        return result is not None and (
            result.outcome == "diverged" or all_met(run.demands, result.curve)
        )

    def _train_all(self) -> None:
        timer = threading.Timer(self.options.seconds or 0, self.stopping.set)
        if self.options.seconds is not None:
            timer.start()
        count = min(self.options.workers or _slots(self.options.threads), len(self._waiting))
        slots = [threading.Thread(target=self._slot, name=f"slot {i}") for i in range(count)]
        for slot in slots:
            slot.start()
        for slot in slots:
            slot.join()
        timer.cancel()

    def _slot(self) -> None:
        """Train one run after another. The child dies with this thread."""
        child: Child | None = None
        lost = 0
        run = self._next()
        while run is not None:
            try:
                if child is None or not child.alive:
                    child = self._child()
                Turn(self, child, run).take()
                lost = 0
            except OSError as error:  # such as a full disk; what was stored before is whole
                self.fail(run, str(error))
                if child is not None:
                    child.kill()
            except TrainerDied as death:
                lost += 1
                if not self.stopping.is_set():
                    self._say(f"{label(run)}: {death}")
                    if lost < MAX_LOST_ATTEMPTS:
                        continue  # from its last checkpoint
                    self.fail(run, f"given up after {lost} attempts")
                lost = 0
            run = self._next()
        if child is not None:
            child.kill()

    def _child(self) -> Child:
        return Child(
            self.stopping,
            {
                "RETHINK_THREADS": str(self.options.threads),
                "RETHINK_ARTIFACTS": str(self.state),
            },
        )

    def _next(self) -> Work | None:
        with self._lock:
            if self.stopping.is_set() or not self._waiting:
                return None
            return self._waiting.pop(0)

    def load(self, run: Work) -> State:
        """What there is of a run; nothing where that cannot be read."""
        with suppress(OSError, ValidationError):
            return State.model_validate_json((self.state / f"{run.run_id}.json").read_bytes())
        return State()

    def store(self, run: Work, state: State) -> None:
        home.write(self.state / f"{run.run_id}.json", state.model_dump_json())

    def finish(
        self, run: Work, state: State, outcome: Outcome, error: dict[str, object] | None
    ) -> None:
        """Put a run that ended into the results."""
        saved, weights = state.checkpoint, None
        if self.options.weights and saved is not None:
            weights = SavedWeights(step=saved.step, epoch=saved.epoch, sha256=saved.sha256)
        result = Result(
            **dict(run),
            spec_hash=run.spec.hash(),
            outcome="diverged" if outcome is Outcome.DIVERGED else "completed",
            error=error,
            attempts=state.attempts,
            metrics=state.metrics,
            weights=weights,
        )
        with self._lock:
            self._results[run.run_id] = result
            results = list(self._results.values())
            files = {r.run_id: self._weights(r) for r in results if r.weights is not None}
            bundles.write_results(self.options.out, results, files)
            done = sum(map(self._is_done, self._runs))
        self._say(
            f"{label(run)}: {outcome}, {len(result.curve)} epochs; {done} of {len(self._runs)} runs"
        )
        (self.state / f"{run.run_id}.json").unlink(missing_ok=True)
        if weights is None:
            shutil.rmtree(self.state / run.run_id, ignore_errors=True)

    def _weights(self, result: Result) -> Path:
        """The file of a result's weights, which stays in the state folder."""
        assert result.weights is not None
        (file,) = (self.state / result.run_id).glob(f"*-{result.weights.step:010d}.pt")
        return file

    def fail(self, run: Work, why: str) -> None:
        self.failed.append(run.run_id)
        self._say(f"{label(run)} failed: {why}")

    def tell(self, run: Work, metrics: EpochMetrics) -> None:
        self._say(
            f"{label(run)}: epoch {metrics.epoch}, training {metrics.train_accuracy:.2%}, "
            f"test {metrics.test_accuracy:.2%}, {metrics.train_seconds:.1f} s"
        )

    def _say(self, line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


class Turn:
    """One attempt at one run."""

    def __init__(self, runner: Runner, child: Child, run: Work) -> None:
        self.runner, self.child, self.work = runner, child, run
        self.state = runner.load(run)
        self.curve = bundles.rows(self.state.metrics)
        self.attempt = AttemptRecord(first_epoch=len(self.curve) + 1, started_at=time.time())
        self.state.attempts.append(self.attempt)
        self._stop_by: float | None = None
        self._spoken_at = 0.0

    def take(self) -> None:
        """Train until the run ends or is put aside.

        Raises:
            TrainerDied: it can go on from what was stored.
        """
        saved = self.state.checkpoint
        checkpoints = [] if saved is None else [wire.SavedState(key=saved.key, sha256=saved.sha256)]
        self.child.order(
            wire.Train(
                run_id=self.work.run_id,
                attempt=len(self.state.attempts),
                spec=self.work.spec,
                demands=self.work.demands,
                curve=self.curve,
                checkpoints=checkpoints,
            )
        )
        ended = None
        while ended is None:
            ended = self._hear(self.child.next_report(0.2))
            self._stop_in_time()
        self._end(ended)

    def _hear(self, report: wire.Report | None) -> wire.Ended | None:
        if isinstance(report, wire.Provenance):
            self.attempt.provenance = report.provenance
        elif isinstance(report, wire.Epoch):
            del self.curve[report.metrics.epoch - 1 :]  # computed again, to the same bits
            self.curve.append(report.metrics)
            if time.monotonic() - self._spoken_at > SPEAK_SECONDS:
                self._spoken_at = time.monotonic()
                self.runner.tell(self.work, report.metrics)
        elif isinstance(report, wire.Saved):
            self._keep(report)
        return report if isinstance(report, wire.Ended) else None

    def _keep(self, saved: wire.Saved) -> None:
        """Note a checkpoint with the curve up to it, then drop the one before."""
        before, self.state.checkpoint = self.state.checkpoint, saved
        self._store()
        if before is not None and before.key != saved.key:
            (self.runner.state / before.key).unlink(missing_ok=True)

    def _store(self) -> None:
        self.attempt.ended_at = time.time()
        self.state.metrics = bundles.columns(self.curve)
        self.runner.store(self.work, self.state)

    def _stop_in_time(self) -> None:
        if self._stop_by is None and self.runner.stopping.is_set():
            self._stop_by = time.monotonic() + STOP_SECONDS
            self.child.order(wire.Stop(why=Interrupt.PREEMPT))
        if self._stop_by is not None and time.monotonic() > self._stop_by:
            self.child.kill()

    def _end(self, ended: wire.Ended) -> None:
        if ended.outcome in (Outcome.COMPLETED, Outcome.DIVERGED):
            self._store()
            self.runner.finish(self.work, self.state, ended.outcome, ended.error)
        elif ended.outcome is Outcome.FAILED:
            self.runner.fail(self.work, (ended.error or {}).get("message", "no reason given"))


def label(run: Work) -> str:
    """A run in words: its id, and what the first figure wants it for."""
    words = [run.run_id[:8], str(run.spec.model)]
    if run.roles:
        role = run.roles[0]
        p = "" if role.corruption is None else f" p={role.corruption:g}"
        words = [run.run_id[:8], f"{role.panel} {role.series}{p} seed {role.seed}"]
    return " ".join(words)


def seconds_of(text: str) -> float:
    """`2h30m`, `45m`, `90s` or plain seconds."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", text)
    if not text or found is None:
        raise InvalidInput(f"--time-budget {text} is not allowed: write it like 2h30m or 45m")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return 3600.0 * hours + 60 * minutes + seconds


def part_of(text: str) -> tuple[int, int]:
    """`2/8`: the second of eight shares."""
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    share, shares = map(int, found.groups()) if found else (0, 0)
    if not 1 <= share <= shares:
        raise InvalidInput(f"--part {text} is not allowed: write it like 1/8, from 1 to 8")
    return share, shares


def _slots(threads: int) -> int:
    """Trainers that fit side by side: one a group of cores, one alone on a GPU."""
    from worker.training.device import available_cores, choose_device

    if choose_device().type == "cuda":
        return 1
    return max(available_cores() // max(threads, 1), 1)


def _of_this_engine(runs: Iterable[Work]) -> list[Work]:
    found = list(runs)
    for run in found:
        if run.spec.engine != ENGINE:
            raise InvalidInput(
                f"The bundle is for version {run.spec.engine} of the training code, and this is "
                f"version {ENGINE}: make it again with `rethink bundle make`."
            )
    return found


def train(work: Path, options: Options, *, idle: bool = False) -> int:
    """Train a work bundle; returns an exit code.

    Raises:
        InvalidInput: the bundle cannot be read or is of another engine.
        Conflict: another process writes the same results.
    """
    if options.workers < 0 or options.threads < 0:
        raise InvalidInput("--workers and --threads are not allowed below 0")
    runner = Runner(_of_this_engine(bundles.read_work(work)), options)
    if idle:  # inherited by all that is started from here
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    asked = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: runner.stopping.set()) for number in asked]
    try:
        return runner.run()
    finally:
        for number, handler in zip(asked, before, strict=True):
            signal.signal(number, handler)
