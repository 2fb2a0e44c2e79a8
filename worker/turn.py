"""One attempt at one run, as the worker sees it.

It renews the lease, delivers what the trainer reports, passes on what the user asks (cancel, pause,
more epochs), and kills a trainer that hangs. Every write is fenced by the attempt; a worker that
finds itself stale stops at once.
"""

import logging
import time
from collections.abc import Callable

from core.run.demands import Demand
from core.run.errors import DatabaseUnavailable
from core.run.estimates import remaining
from core.run.lifecycle import Interrupt, Outcome
from core.run.metrics import EpochMetrics, Progress
from core.storage import leases
from worker import wire
from worker.child import Child, TrainerDied
from worker.context import Context
from worker.outbox import Outbox

logger = logging.getLogger(__name__)
LOOK_SECONDS = 0.5
"""Interval at which requests of the user are looked for."""
STOP_SECONDS = 60.0
"""Time a trainer gets to save and stop; a step of a large model on a slow CPU fits in."""
CANCEL_SECONDS = 1.0
"""The same for a cancelled run, which saves nothing: two seconds in all, whatever it is doing."""
HAND_BACK_SECONDS = 4.0
"""The same when the worker itself was told to stop, which should take less than ten seconds."""
GIVE_UP_SECONDS = 2.0
"""Time that a stopping worker waits for a database that is away."""
PROGRESS_SECONDS = 3.0
"""Interval at which progress within an epoch goes into the run's row."""
AT_ONCE = 200
"""Reports taken together at most."""


class Turn:
    """One attempt at one run."""

    def __init__(self, context: Context, child: Child, order: wire.Train) -> None:
        self.context, self.child, self.order = context, child, order
        self.settings = context.settings
        self.outbox = Outbox(
            context.database,
            context.folder,
            order.run_id,
            order.attempt,
            self.settings.lease_seconds,
        )
        self.demands: list[Demand] = list(order.demands)
        self.latest: EpochMetrics | None = order.curve[-1] if order.curve else None
        self.progress: Progress | None = None
        self.asked: Interrupt | None = None
        self.ended: wire.Ended | None = None
        now = time.monotonic()
        self._look_at = self._renew_at = self._progress_at = now
        self._silent_seconds = 0.0
        """Time listened to a trainer that said nothing; that this process slept does not count."""
        self._stop_by = self._give_up_at = float("inf")

    def take(self) -> Outcome | None:
        """Have the run trained until it ends, one way or another; None where it was lost."""
        self.child.order(self.order)
        try:
            ended = self._watch()
            if not self._insist(lambda: self.outbox.finish(ended) is not None):
                return None
        except TrainerDied as death:
            logger.warning("run %s: %s", self.order.run_id, death)
            self._lose(str(death))
            return None
        except leases.Stale as stale:
            logger.warning("%s It is given up.", stale)
            self._abandon()
            return None
        except Exception as error:
            logger.exception("run %s met an error in its worker", self.order.run_id)
            self.child.kill()
            self._lose(f"The worker met an error ({type(error).__name__}: {str(error)[:200]})")
            return None
        logger.info("run %s ended: %s", self.order.run_id, ended.outcome)
        return ended.outcome

    def _watch(self) -> wire.Ended:
        while True:
            self._hear()
            if self.ended is None:
                self._stop_in_time()
            if self.ended is not None:
                return self.ended
            if time.monotonic() >= self.outbox.due_at:
                self.outbox.deliver()
            self._look()

    def _hear(self) -> None:
        """Take in what the trainer reports, waiting a little for the first."""
        now = time.monotonic()
        due_at = min(self._look_at, self._stop_by, self.outbox.due_at)
        progress, wait = None, max(due_at - now, 0.0)
        for _ in range(AT_ONCE):
            report = self.child.next_report(wait)
            if report is None:
                self._silent_seconds += wait
                break
            self._silent_seconds, wait = 0.0, 0.0
            if isinstance(report, wire.Ended):
                self.ended = report
                break
            if isinstance(report, wire.ProgressReport):
                progress = report.progress
            else:
                self.outbox.put(report)
                if isinstance(report, wire.Epoch):
                    self.latest = report.metrics
        if progress is not None:
            self._pass_on(progress)

    def _pass_on(self, progress: Progress) -> None:
        self.progress = progress
        fraction, eta = self._remaining(progress)
        self.context.hints.progress(self.order.run_id, progress, fraction=fraction, eta_seconds=eta)

    def _remaining(self, progress: Progress) -> tuple[float | None, float | None]:
        epochs = max((d.epochs for d in self.demands), default=0)
        if not epochs or progress.phase not in ("training", "evaluating"):
            return None, None
        return remaining(
            self.order.spec,
            epochs,
            epoch=progress.epoch,
            step=progress.step,
            evaluated=(progress.fraction or 0.0) if progress.phase == "evaluating" else 0.0,
            latest=self.latest,
        )

    def _look(self) -> None:
        """Renew the lease and hear what the user asks, each when it is due."""
        now = time.monotonic()
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
            if not done:
                return
            self._renew_at = now + self.settings.heartbeat_seconds
            self._progress_at = now + PROGRESS_SECONDS
        else:
            try:
                with self.context.database.read() as session:
                    heard.append(leases.wishes(session, self.order.run_id, self.order.attempt))
            except DatabaseUnavailable:
                return
        self._obey(*heard[-1])

    def _obey(self, wish: Interrupt | None, demands: list[Demand]) -> None:
        if wish is not None:
            self._ask(wish)
        elif demands != self.demands:
            self.demands = demands
            self.child.order(wire.Change(demands=demands))

    def _ask(self, why: Interrupt) -> None:
        if self.asked is None:
            patience = CANCEL_SECONDS if why is Interrupt.CANCEL else STOP_SECONDS
            self.asked, self._stop_by = why, time.monotonic() + patience
            self.child.order(wire.Stop(why=why))

    def _stop_in_time(self) -> None:
        """Pass on that the worker stops; end a trainer that hangs or does not stop in time."""
        now = time.monotonic()
        stopping = self.context.stopping.is_set()
        if stopping:
            self._ask(Interrupt.PREEMPT)
            self._give_up_at = min(self._give_up_at, now + HAND_BACK_SECONDS)
        if now > min(self._stop_by, self._give_up_at):
            self.child.kill()
            if self.asked is Interrupt.CANCEL:  # in a long step, or preparing the data
                self.ended = wire.Ended(outcome=Outcome.CANCELLED)
                return
            if not stopping:
                raise TrainerDied(f"The trainer did not stop within {STOP_SECONDS:.0f} s")
            logger.warning("the trainer did not stop in time; its last checkpoint counts")
            self.ended = wire.Ended(outcome=Outcome.PREEMPTED)
        elif self._silent_seconds > self.settings.hang_seconds:
            self.child.kill()
            raise TrainerDied(
                f"The trainer reported nothing for {self.settings.hang_seconds:.0f} s and was "
                "stopped"
            )

    def _insist(self, write: Callable[[], bool]) -> bool:
        """Repeat `write` until the database takes it; False if the worker must stop before."""
        give_up_at = float("inf")
        while not write():
            if self.context.stopping.is_set():
                give_up_at = min(give_up_at, time.monotonic() + GIVE_UP_SECONDS)
            if time.monotonic() > give_up_at:
                logger.warning(
                    "run %s could not be handed back: the database is away. Its lease runs out, "
                    "and it goes on from its last checkpoint.",
                    self.order.run_id,
                )
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def _lose(self, why: str) -> None:
        """Give back the run of a trainer that died."""
        try:
            self._insist(lambda: self.outbox.lose(why))
        except leases.Stale as stale:
            logger.warning("%s", stale)
        except Exception:
            logger.exception("run %s could not be given back", self.order.run_id)

    def _abandon(self) -> None:
        """Stop a trainer whose run another worker has; it stays warm if it stops in time."""
        if self.ended is not None:
            return
        self._ask(Interrupt.STALE)
        deadline = time.monotonic() + STOP_SECONDS
        try:
            while time.monotonic() < deadline and not self.context.stopping.is_set():
                if isinstance(self.child.next_report(LOOK_SECONDS), wire.Ended):
                    return
        except TrainerDied:
            return
        self.child.kill()
