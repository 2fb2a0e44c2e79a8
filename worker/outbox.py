"""What a run has reported and the database has not yet taken.

While the database is away the trainer goes on and reports pile up here, in order: a kilobyte an
epoch. Should the worker die meanwhile nothing is lost either: the run goes on from its last
recorded checkpoint and, being deterministic, reports the same again.
"""

import functools
import logging
import time
from collections.abc import Callable

from sqlalchemy.orm import Session

from core import failpoints
from core.run.errors import DatabaseUnavailable
from core.run.lifecycle import RunState
from core.storage import leases
from core.storage.artifacts import Folder
from core.storage.database import Database
from worker import wire

logger = logging.getLogger(__name__)
RETRY_SECONDS = 1.0
REST_SECONDS = 0.1
"""How long the database is left to others after a delivery, at least. SQLite's lock has no queue: a
run of milliseconds an epoch, delivered one by one, held it nearly always, and users waited for it.
"""
AT_ONCE = 500
"""Reports delivered in one transaction at most, so that each is much shorter than a lease."""


class Outbox:
    """Delivers reports of one attempt, in order, and renews its lease with each delivery.

    After a long outage thousands wait. Their delivery must not outlast the lease, or a reaper that
    finds the database healthy again takes the run back from under it.
    """

    def __init__(
        self, database: Database, folder: Folder, run_id: str, attempt: int, lease_seconds: float
    ) -> None:
        self.database, self.folder = database, folder
        self.run_id, self.attempt, self.lease_seconds = run_id, attempt, lease_seconds
        self._waiting: list[wire.Report] = []
        self._retry_at = self._rested_at = 0.0
        self._away_since: float | None = None

    def put(self, report: wire.Report) -> None:
        self._waiting.append(report)

    @property
    def due_at(self) -> float:
        """When what waits is to be delivered, by the monotonic clock; infinite if nothing waits."""
        return max(self._rested_at, self._retry_at) if self._waiting else float("inf")

    def deliver(self) -> bool:
        """Store what waits, if the database answers; else try again a second later.

        Afterwards the database is left to others for as long as that took, and REST_SECONDS.

        Returns whether nothing waits any more.

        Raises:
            Stale: another attempt owns the run.
        """
        started = time.monotonic()
        while self._waiting:
            sending = self._waiting[:AT_ONCE]
            outdated: list[str] = []
            store = functools.partial(self._store, sending=sending, outdated=outdated)
            if not self.attempt_write(store):
                return False
            del self._waiting[: len(sending)]
            for key in outdated:
                self._discard(key)
        ended = time.monotonic()
        self._rested_at = ended + max(ended - started, REST_SECONDS)
        return True

    def attempt_write(self, work: Callable[[Session], object]) -> bool:
        """Run `work` in a transaction. Returns False while the database is away.

        Raises:
            Stale: another attempt owns the run.
        """
        if time.monotonic() < self._retry_at:
            return False
        try:
            with self.database.write() as session:
                work(session)
        except DatabaseUnavailable as error:
            if self._away_since is None:
                self._away_since = time.monotonic()
                logger.warning("%s Training goes on.", error)
            self._retry_at = time.monotonic() + RETRY_SECONDS
            return False
        if self._away_since is not None:
            logger.info("the database is back after %.0f s", time.monotonic() - self._away_since)
            self._away_since = None
        return True

    def finish(self, ended: wire.Ended) -> RunState | None:
        """Deliver all that waits and end the attempt. None while the database is away."""
        if not self.deliver():
            return None
        failpoints.reach("worker.before-finish")
        states: list[RunState] = []
        done = self.attempt_write(
            lambda session: states.append(
                leases.finish(session, self.run_id, self.attempt, ended.outcome, ended.error)
            )
        )
        return states[-1] if done else None

    def lose(self, why: str) -> bool:
        """Deliver all that waits and give the run back. False while the database is away."""
        return self.deliver() and self.attempt_write(
            lambda session: leases.lose(session, self.run_id, self.attempt, why)
        )

    def _store(self, session: Session, sending: list[wire.Report], outdated: list[str]) -> None:
        leases.renew(session, self.run_id, self.attempt, self.lease_seconds)
        for report in sending:
            if isinstance(report, wire.Provenance):
                leases.record_provenance(session, self.run_id, self.attempt, report.provenance)
        if epochs := [report.metrics for report in sending if isinstance(report, wire.Epoch)]:
            leases.record_epochs(session, self.run_id, self.attempt, epochs)
        for report in sending:
            if isinstance(report, wire.Saved):
                failpoints.reach("worker.before-checkpoint-row")
                outdated.extend(self._record_checkpoint(session, report))

    def _record_checkpoint(self, session: Session, saved: wire.Saved) -> list[str]:
        return leases.record_checkpoint(
            session,
            self.run_id,
            self.attempt,
            step=saved.step,
            epoch=saved.epoch,
            key=saved.key,
            sha256=saved.sha256,
            size=saved.size,
        )

    def _discard(self, key: str) -> None:
        try:
            self.folder.discard(key)
        except OSError as error:  # the next attempt removes it
            logger.warning("checkpoint %s could not be removed: %s", key, error)
