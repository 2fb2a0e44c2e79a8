"""One worker: claims runs, has its trainer child train them, and watches over both.

The Celery process itself never trains. For each run it renews the lease, delivers what the trainer
reports, passes on what the user asks (cancel, pause, more epochs), and kills a trainer that hangs.
Every write is fenced by the attempt; a worker that finds itself stale stops at once.
"""

import logging
import os
import socket
import threading
import time

from core.domain.demands import Demand
from core.domain.errors import DatabaseUnavailable
from core.domain.lifecycle import Interrupt, RunState
from core.domain.metrics import EpochMetrics, Progress
from core.domain.spec import RunSpec
from core.messages import Hints
from core.settings import Settings
from core.storage import leases, runs, workers
from core.storage.artifacts import Folder
from core.storage.database import Database
from worker import usage, wire
from worker.child import Child, TrainerDied
from worker.outbox import Outbox

logger = logging.getLogger(__name__)
LOOK_SECONDS = 0.5
"""Interval at which requests of the user are looked for."""
STOP_SECONDS = 60.0
"""Time a trainer gets to save and stop; a step of a large model on a slow CPU fits in."""
PROGRESS_SECONDS = 3.0
"""Interval at which progress within an epoch goes into the run's row."""


class Supervisor:
    """The worker of one slot (a GPU, or a share of the CPU) on this host."""

    def __init__(self, settings: Settings, slot: str) -> None:
        self.settings = settings
        self.id = f"{socket.gethostname()}-{slot}-{os.getpid()}"
        self.hints = Hints(settings.broker_url)
        self.database = Database(settings.database, on_commit=self.hints.news, pool_size=3)
        self.folder = Folder(settings.root / "runs")
        self.stopping = threading.Event()
        self._busy = threading.Lock()
        self._child: Child | None = None
        self._run_id: str | None = None
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Warm up the trainer, make the worker known, and free what a predecessor held."""
        child = self._trainer()
        with self.database.write() as session:
            for dead in workers.predecessors(session, self.id):
                if not _is_alive(dead):
                    leases.take_back(session, worker_id=dead)
                    workers.leave(session, dead)
            workers.register(
                session,
                self.id,
                host=socket.gethostname(),
                pid=os.getpid(),
                capabilities=child.capabilities,
            )
        self._heart.start()
        logger.info("worker %s is ready: %s", self.id, child.capabilities.get("precision_reason"))

    def work(self) -> None:
        """Train waiting runs until none is left. A second call while one works does nothing."""
        if not self._busy.acquire(blocking=False):
            return
        try:
            while not self.stopping.is_set() and self._train_one():
                pass
        except DatabaseUnavailable as error:
            logger.warning("%s The API will call again when it is back.", error)
        finally:
            self._run_id = None
            self._busy.release()

    def stop(self) -> None:
        """Hand back the run in progress and end the trainer."""
        self.stopping.set()
        with self._busy:  # held until the run in progress was handed back
            if self._child is not None:
                self._child.kill()
        self._heart.join(timeout=5)
        try:
            with self.database.write() as session:
                workers.leave(session, self.id)
        except DatabaseUnavailable as error:
            logger.warning("%s", error)
        self.database.close()
        self.hints.close()

    def _trainer(self) -> Child:
        if self._child is None or not self._child.alive:
            self._child = Child()
        return self._child

    def _train_one(self) -> bool:
        child = self._trainer()
        with self.database.write() as session:
            run = leases.claim(session, self.id, self.settings.lease_seconds)
            if run is None:
                return False
            order = wire.Train(
                run_id=run.id,
                attempt=run.attempt,
                spec=RunSpec.model_validate(run.spec),
                demands=list(runs.demands(session, run.id).values()),
                curve=runs.curve(session, run.id),
                checkpoints=[
                    wire.SavedState(key=c.key, sha256=c.sha256)
                    for c in leases.checkpoints(session, run.id)
                ],
            )
        self._run_id = order.run_id
        logger.info("run %s, attempt %d", order.run_id, order.attempt)
        Turn(self, child, order).take()
        return True

    def _beat(self) -> None:
        gauge = usage.Gauge()
        while not self.stopping.is_set():
            pids = [os.getpid(), *([self._child.pid] if self._child else [])]
            try:
                with self.database.write() as session:
                    workers.beat(session, self.id, self._run_id, gauge.read(pids))
            except DatabaseUnavailable:
                logger.debug("no heartbeat: the database is away")
            self.stopping.wait(self.settings.heartbeat_seconds)


class Turn:
    """One attempt at one run."""

    def __init__(self, supervisor: Supervisor, child: Child, order: wire.Train) -> None:
        self.supervisor, self.child, self.order = supervisor, child, order
        self.settings = supervisor.settings
        self.outbox = Outbox(supervisor.database, supervisor.folder, order.run_id, order.attempt)
        self.demands: list[Demand] = list(order.demands)
        self.latest: EpochMetrics | None = order.curve[-1] if order.curve else None
        self.progress: Progress | None = None
        self.asked: Interrupt | None = None
        now = time.monotonic()
        self._asked_at = self._heard_at = now
        self._look_at, self._renew_at, self._progress_at = now, now, now

    def take(self) -> None:
        """Have the run trained until it ends, one way or another."""
        self.child.order(self.order)
        try:
            ended = self._watch()
            while self._finish(ended) is None:
                time.sleep(LOOK_SECONDS)
        except TrainerDied as death:
            logger.warning("run %s: %s", self.order.run_id, death)
            self._lose(str(death))
        except leases.Stale as stale:
            logger.warning("%s It is given up.", stale)
            self._abandon()

    def _watch(self) -> wire.Ended:
        while True:
            report = self.child.next_report(LOOK_SECONDS)
            if report is not None:
                self._heard_at = time.monotonic()
            if isinstance(report, wire.Ended):
                return report
            if isinstance(report, wire.ProgressReport):
                self._pass_on(report.progress)
            elif report is not None:
                self.outbox.put(report)
                if isinstance(report, wire.Epoch):
                    self.latest = report.metrics
            self.outbox.deliver()
            self._look()
            self._kill_if_hung()

    def _pass_on(self, progress: Progress) -> None:
        self.progress = progress
        fraction, eta = self._remaining(progress)
        self.supervisor.hints.progress(
            self.order.run_id, progress, fraction=fraction, eta_seconds=eta
        )

    def _remaining(self, progress: Progress) -> tuple[float | None, float | None]:
        epochs = max((d.epochs for d in self.demands), default=0)
        done = progress.step / self.order.spec.steps_per_epoch
        if not epochs or progress.phase not in ("training", "evaluating"):
            return None, None
        eta = None
        if self.latest is not None:
            epoch_seconds = self.latest.train_seconds + self.latest.evaluation_seconds
            eta = max(epochs - done, 0) * epoch_seconds
        return min(done / epochs, 1.0), eta

    def _look(self) -> None:
        """Renew the lease and hear what the user asks, each when it is due."""
        now = time.monotonic()
        if self.supervisor.stopping.is_set():
            self._ask(Interrupt.PREEMPT)
        renews = now >= self._renew_at
        if not renews and now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        heard: list[tuple[Interrupt | None, list[Demand]]] = []
        progress = self.progress if now >= self._progress_at else None
        if renews or progress is not None:
            done = self.outbox.attempt_write(
                lambda session: heard.append(
                    leases.renew(
                        session,
                        self.order.run_id,
                        self.order.attempt,
                        self.settings.lease_seconds,
                        progress,
                    )
                )
            )
            if done:
                self._renew_at = now + self.settings.heartbeat_seconds
                self._progress_at = now + PROGRESS_SECONDS
        else:
            try:
                with self.supervisor.database.read() as session:
                    heard.append(leases.wishes(session, self.order.run_id, self.order.attempt))
            except DatabaseUnavailable:
                return
        for wish, demands in heard:
            self._obey(wish, demands)

    def _obey(self, wish: Interrupt | None, demands: list[Demand]) -> None:
        if wish is not None:
            self._ask(wish)
        elif demands != self.demands:
            self.demands = demands
            self.child.order(wire.Change(demands=demands))

    def _ask(self, why: Interrupt) -> None:
        if self.asked is None:
            self.asked, self._asked_at = why, time.monotonic()
            self.child.order(wire.Stop(why=why))

    def _kill_if_hung(self) -> None:
        now = time.monotonic()
        if now - self._heard_at > self.settings.hang_seconds:
            self.child.kill()
            raise TrainerDied(
                f"The trainer reported nothing for {self.settings.hang_seconds:.0f} s and was "
                "stopped"
            )
        if self.asked is not None and now - self._asked_at > STOP_SECONDS:
            self.child.kill()
            raise TrainerDied(f"The trainer did not stop within {STOP_SECONDS:.0f} s")

    def _finish(self, ended: wire.Ended) -> RunState | None:
        state = self.outbox.finish(ended)
        if state is not None:
            logger.info("run %s is %s (%s)", self.order.run_id, state, ended.outcome)
        return state

    def _lose(self, why: str) -> None:
        """Give back the run of a trainer that died."""
        try:
            self.outbox.deliver()
            while not self.outbox.attempt_write(
                lambda session: leases.lose(session, self.order.run_id, self.order.attempt, why)
            ):
                time.sleep(LOOK_SECONDS)
        except leases.Stale as stale:
            logger.warning("%s", stale)

    def _abandon(self) -> None:
        """Stop a trainer whose run another worker has; it stays warm if it stops in time."""
        self._ask(Interrupt.STALE)
        deadline = time.monotonic() + STOP_SECONDS
        try:
            while time.monotonic() < deadline:
                if isinstance(self.child.next_report(LOOK_SECONDS), wire.Ended):
                    return
        except TrainerDied:
            return
        self.child.kill()


def _is_alive(worker_id: str) -> bool:
    """Whether the process in a worker id of this host is still there."""
    try:
        os.kill(int(worker_id.rpartition("-")[2]), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
