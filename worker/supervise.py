"""One worker: claims runs, has its trainer child train them, and says what it is doing.

The Celery process itself never trains. What happens during a run is in `worker.turn`.
"""

import logging
import os
import socket
import threading
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from core import address, failpoints
from core.catalogue import datasets
from core.catalogue.registry import UNKNOWN_NAME
from core.messages import Hints
from core.run.errors import DatabaseUnavailable
from core.run.lifecycle import Outcome
from core.run.spec import RunSpec
from core.settings import Settings
from core.storage import leases, runs, workers
from core.storage.artifacts import Folder
from core.storage.database import Database
from core.storage.tables import Run
from worker import usage, wire
from worker.child import Child, TrainerDied
from worker.context import Context
from worker.turn import Turn

logger = logging.getLogger(__name__)
RETRY_SECONDS = 2.0
"""Interval at which a worker that starts tries to reach its database."""


class Supervisor:
    """The worker of one slot (a GPU, or a share of the CPU) on this host."""

    def __init__(self, settings: Settings, slot: str, why: str = "") -> None:
        """`why`: what to say of how many workers the host has."""
        self.settings, self.why = settings, why
        self.id = f"{socket.gethostname()}-{slot}-{os.getpid()}"
        self.hints = Hints(settings.broker_url)
        self.database = Database(settings.database, on_commit=self.hints.news, pool_size=3)
        self.folder = Folder.of(settings)
        self.stopping = threading.Event()
        self.handed_back = False
        """Whether a run went back to the queue because this worker stops."""
        self._busy = threading.Lock()
        self._child: Child | None = None
        self._run_id: str | None = None
        self._changed = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Warm up the trainer, make the worker known, and free what a predecessor held.

        Waits for a database that is not there yet.

        Raises:
            TrainerDied: the trainer does not start here.
        """
        child = self._trainer()
        while not self.stopping.is_set():
            try:
                with self.database.write() as session:
                    self._take_over(session)
                    self._register(session, child)
                break
            except DatabaseUnavailable as error:
                logger.warning("waiting for the database: %s", error)
            except ProgrammingError:
                logger.warning(
                    "waiting for the database: it has no tables yet. `rethink up` and `rethink "
                    "api` make them when they start."
                )
            self.stopping.wait(RETRY_SECONDS)
        self._heart.start()
        logger.info("worker %s is ready: %s", self.id, child.capabilities.get("precision_reason"))

    def _take_over(self, session: Session) -> None:
        """Free what dead workers of this slot held; in a container they had this very id."""
        dead = [id for id in workers.predecessors(session, self.id) if not _is_alive(id)]
        for worker_id in (*dead, self.id):
            for run_id in leases.take_back(session, worker_id=worker_id):
                logger.warning("run %s was held by %s, which is dead", run_id, worker_id)
        for worker_id in dead:
            workers.leave(session, worker_id)

    def _able(self, capabilities: Mapping[str, Any]) -> dict[str, list[str]]:
        """What the trainer can train; datasets come and go while it runs."""
        return {**capabilities.get("able", {}), "dataset": list(datasets)}

    def _register(self, session: Session, child: Child) -> None:
        workers.register(
            session,
            self.id,
            host=socket.gethostname(),
            pid=os.getpid(),
            capabilities=child.capabilities | ({"workers_reason": self.why} if self.why else {}),
        )

    def work(self) -> None:
        """Train waiting runs until none is left. A second call while one works does nothing."""
        if not self._busy.acquire(blocking=False):
            return
        try:
            while not self.stopping.is_set() and self._train_one():
                pass
        except DatabaseUnavailable as error:
            logger.warning("%s The API will call again when it is back.", error)
        except TrainerDied as death:
            if not self.stopping.is_set():
                logger.error("no run was claimed: %s", death)
        finally:
            self._busy.release()

    def stop(self) -> None:
        """Hand back the run in progress and end the trainer."""
        self.stopping.set()
        self._changed.set()
        with self._busy:  # held until the run in progress was handed back
            if self._child is not None:
                self._child.kill()
        if self._heart.is_alive():
            self._heart.join(timeout=1)
        try:
            with self.database.write() as session:
                workers.leave(session, self.id)
        except DatabaseUnavailable as error:
            logger.warning("%s", error)
        self.database.close()
        self.hints.close()

    def _trainer(self) -> Child:
        if self._child is None or not self._child.alive:
            self._child = Child(self.stopping)
        return self._child

    def _train_one(self) -> bool:
        """Train the best waiting run. Returns False if none waits."""
        child = self._trainer()
        failpoints.reach("worker.before-claim")
        with self.database.write() as session:
            # This worker trains nothing now: what it holds, it holds by an accident.
            leases.take_back(session, worker_id=self.id)
            run = leases.claim(
                session, self.id, self.settings.lease_seconds, self._able(child.capabilities)
            )
            if run is None:
                return False
            order = self._order(session, run)
        failpoints.reach("worker.after-claim")
        if order is None:
            return True
        logger.info("run %s, attempt %d", order.run_id, order.attempt)
        self._show(order.run_id)
        context = Context(self.settings, self.database, self.folder, self.hints, self.stopping)
        try:
            outcome = Turn(context, child, order).take()
        finally:
            self._show(None)
        self.handed_back = self.handed_back or outcome is Outcome.PREEMPTED
        return True

    def _order(self, session: Session, run: Run) -> wire.Train | None:
        """What to tell the trainer; None if the run cannot be trained, which then has failed."""
        try:
            spec = RunSpec.model_validate(run.spec)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            field = ".".join(map(str, problem["loc"]))
            message = (
                f"This worker's machine does not have the run's {field} {problem['input']}: add it "
                "there too, then retry the run."
                if problem["type"] == UNKNOWN_NAME
                else f"This worker cannot read the run's spec ({field}: {problem['msg']}): it was "
                "stored by another version of Rethink. Update the workers, then retry the run."
            )
            logger.error("run %s: %s", run.id, message)
            told = {"message": message, "detail": str(error)}
            leases.finish(session, run.id, run.attempt, Outcome.FAILED, told)
            return None
        return wire.Train(
            run_id=run.id,
            attempt=run.attempt,
            spec=spec,
            demands=list(runs.demands(session, run.id).values()),
            curve=runs.curve(session, run.id),
            checkpoints=[
                wire.SavedState(key=c.key, sha256=c.sha256)
                for c in leases.checkpoints(session, run.id)
            ],
        )

    def _show(self, run_id: str | None) -> None:
        """Have the list of workers say what this one trains."""
        self._run_id = run_id
        self._changed.set()

    def _beat(self) -> None:
        gauge = usage.Gauge()
        while not self.stopping.is_set():
            self._changed.clear()
            child, run_id = self._child, self._run_id
            try:
                status = gauge.read([os.getpid(), *([child.pid] if child else [])])
                status["datasets"] = list(datasets)
                with self.database.write() as session:
                    known = workers.beat(session, self.id, run_id, status)
                    if not known and child is not None:  # it was silent for hours
                        self._register(session, child)
            except DatabaseUnavailable:
                logger.debug("no heartbeat: the database is away")
            except Exception:
                logger.exception("a heartbeat was missed")
            self._changed.wait(self.settings.heartbeat_seconds)


def _is_alive(worker_id: str) -> bool:
    """Whether the process in a worker id of this host is still there, and still a worker."""
    pid = worker_id.rpartition("-")[2]
    return pid.isdigit() and address.is_alive(int(pid), "worker")
