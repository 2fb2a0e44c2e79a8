"""Looks after what died: takes back runs of silent workers and sends lost hints again.

It waits until it has seen a healthy database for one whole lease. After an outage or a lock that
kept all waiting, after a restart of the API, and when a laptop wakes from its sleep, the leases of
live workers have run out through no fault of theirs: they need that time to renew them.
"""

import logging
import threading

from backend.broker import Broker
from core import failpoints
from core.run.errors import DatabaseUnavailable
from core.run.lifecycle import RunState
from core.settings import Settings
from core.storage import events, leases, runs, workers
from core.storage.clock import now
from core.storage.database import Database

logger = logging.getLogger(__name__)


class Reaper:
    """A thread in each API process; that two look at once does no harm."""

    def __init__(self, settings: Settings, database: Database, broker: Broker) -> None:
        self.settings, self.database, self.broker = settings, database, broker
        self._stop = threading.Event()
        self._healthy_since = self._looked_at = float("-inf")  # on the database's clock
        self._thread = threading.Thread(target=self._run, name="reaper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except DatabaseUnavailable as error:
                self._looked_at = float("-inf")
                logger.warning("%s", error)
            except Exception:
                logger.exception("the reaper met an error and goes on")
            self._stop.wait(self.settings.reap_seconds)

    def look(self) -> None:
        """Take back what is lost, if the database has been healthy for a lease; wake workers."""
        with self.database.write() as session:
            time = now(session)
            if not 0 <= time - self._looked_at < self._longest_pause:
                self._healthy_since = time
            self._looked_at = time
            if time - self._healthy_since >= self.settings.lease_seconds:
                for run_id in leases.take_back(session):
                    logger.warning("run %s was taken back from a silent worker", run_id)
                    failpoints.reach("api.taking-back")
            for run_id in leases.hold_older(session):
                logger.warning("run %s is of an earlier engine and cannot go on", run_id)
            workers.forget_silent(session, 60 * self.settings.lease_seconds)
            events.prune(session)
            waiting = runs.count_by_state(session).get(RunState.QUEUED, 0)
        if waiting:
            self.broker.wake_workers(waiting)

    @property
    def _longest_pause(self) -> float:
        """Time between two looks that is no sign of trouble, in seconds."""
        return self.settings.reap_seconds + self.settings.heartbeat_seconds
