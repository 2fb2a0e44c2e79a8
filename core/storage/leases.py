"""What workers do to runs: claim, report, save, finish; and taking back what a dead one held.

Each write of a worker is fenced: it names its attempt, and where another attempt has begun since
it raises `Stale` and changes nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.run.demands import Demand, all_met
from core.run.lifecycle import MAX_LOST_ATTEMPTS, NEXT_STATE, Interrupt, Outcome, RunState
from core.run.metrics import EpochMetrics, Progress
from core.run.spec import ENGINE
from core.storage import events, runs, segments
from core.storage.clock import Now, now
from core.storage.tables import Attempt, Checkpoint, Metric, Run


class Stale(Exception):
    """Another attempt owns the run, or it has ended: the caller must stop and write nothing."""


def claim(
    session: Session,
    worker_id: str,
    lease_seconds: float,
    able: Mapping[str, Collection[str]] = {},
) -> Run | None:
    """Take the best waiting run: highest priority, then longest wait. None if none waits.

    Runs of another engine are left alone: to go on with one would join two trajectories.

    Args:
        able: what the worker can train, names by the field of the spec, such as `model`; whatever
            a run has in the fields that it leaves out.
    """
    can = (Run.spec[field].as_string().in_(names) for field, names in able.items())
    run = session.scalar(
        sa.select(Run)
        .where(Run.state == RunState.QUEUED, Run.engine == ENGINE, *can)
        .order_by(Run.priority.desc(), Run.queued_at, Run.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if run is None:
        return None
    time = now(session)
    run.state, run.worker_id, run.progress = RunState.RUNNING, worker_id, None
    run.attempt += 1
    run.lease_until = time + lease_seconds
    run.started_at = run.started_at or time
    session.add(Attempt(run_id=run.id, attempt=run.attempt, worker_id=worker_id, started_at=time))
    runs.announce(session, run)
    return run


def fenced(session: Session, run_id: str, attempt: int) -> Run:
    """The run, locked, if `attempt` still owns it.

    Raises:
        Stale: it does not.
    """
    return _owned(session.get(Run, run_id, with_for_update=True), run_id, attempt)


def _owned(run: Run | None, run_id: str, attempt: int) -> Run:
    if run is None or run.attempt != attempt or run.state != RunState.RUNNING:
        raise Stale(f"Attempt {attempt} of run {run_id} no longer owns it.")
    return run


def renew(
    session: Session,
    run_id: str,
    attempt: int,
    lease_seconds: float,
    progress: Progress | None = None,
) -> tuple[Interrupt | None, list[Demand]]:
    """Extend the lease. Returns what the user asks of the trainer, and the demands in force."""
    run = fenced(session, run_id, attempt)
    run.lease_until = now(session) + lease_seconds
    if progress is not None:
        run.progress, run.step = progress.model_dump(exclude_none=True), progress.step
    return requested(run), list(runs.demands(session, run_id).values())


def wishes(session: Session, run_id: str, attempt: int) -> tuple[Interrupt | None, list[Demand]]:
    """What the user asks of the trainer, and the demands in force; changes and locks nothing.

    Raises:
        Stale: another attempt owns the run.
    """
    run = _owned(session.get(Run, run_id), run_id, attempt)
    return requested(run), list(runs.demands(session, run_id).values())


def requested(run: Run) -> Interrupt | None:
    if run.cancel_requested:
        return Interrupt.CANCEL
    return Interrupt.PAUSE if run.pause_requested else None


def record_provenance(
    session: Session, run_id: str, attempt: int, provenance: dict[str, Any]
) -> None:
    """Keep what explains this attempt's results."""
    fenced(session, run_id, attempt)
    session.get_one(Attempt, (run_id, attempt)).provenance = provenance


def record_epochs(
    session: Session, run_id: str, attempt: int, metrics: Sequence[EpochMetrics]
) -> None:
    """Store epochs. What is stored stays as it is, so that no finished figure ever changes.

    An attempt that goes on from a checkpoint older than the curve computes some epochs again. Those
    are compared with what is stored, and a difference is recorded: see `segments.verify`.
    """
    run = fenced(session, run_id, attempt)
    numbers = [m.epoch for m in metrics]
    query = sa.select(Metric).where(Metric.run_id == run_id, Metric.epoch.in_(numbers))
    stored = {row.epoch: row for row in session.scalars(query)}
    for m in metrics:
        row = stored.get(m.epoch)
        run.step = m.step
        if row is None:
            stored[m.epoch] = Metric(run_id=run_id, attempt=attempt, **m.model_dump())
            session.add(stored[m.epoch])
            events.append(session, "epoch", run_id, metrics=m.model_dump())
            run.epochs_done = max(run.epochs_done, m.epoch)
            run.lost = 0  # it gets on
        elif row.attempt != attempt:
            segments.verify(session, row, m, attempt)


def record_checkpoint(
    session: Session,
    run_id: str,
    attempt: int,
    *,
    step: int,
    epoch: int,
    key: str,
    sha256: str,
    size: int,
    keep: int = 2,
) -> list[str]:
    """Point at a stored checkpoint. Returns the keys of those no longer needed."""
    fenced(session, run_id, attempt)
    session.merge(
        Checkpoint(
            run_id=run_id,
            step=step,
            epoch=epoch,
            attempt=attempt,
            key=key,
            sha256=sha256,
            bytes=size,
            created_at=now(session),
        )
    )
    session.flush()
    outdated = checkpoints(session, run_id)[keep:]
    for row in outdated:
        session.delete(row)
    return [row.key for row in outdated if row.key != key]


def checkpoints(session: Session, run_id: str) -> list[Checkpoint]:
    """The checkpoints of a run, newest first.

    Those of a later attempt are newer, whatever their step: it went on from further back because it
    could not read the others.
    """
    query = sa.select(Checkpoint).where(Checkpoint.run_id == run_id)
    newest_first = (Checkpoint.attempt.desc(), Checkpoint.step.desc())
    return list(session.scalars(query.order_by(*newest_first)))


def finish(
    session: Session,
    run_id: str,
    attempt: int,
    outcome: Outcome,
    error: dict[str, Any] | None = None,
) -> RunState:
    """End an attempt. Where the run goes is decided by what is asked of it now.

    The trainer may have stopped for a reason that no longer holds, or before it heard of a newer
    wish: a run that someone demanded more of in the meantime is queued again.
    """
    run = fenced(session, run_id, attempt)
    time = now(session)
    run.state = _state_after(session, run, outcome)
    run.outcome, run.error, run.finished_at = None, error, None
    if RunState(run.state).terminal:
        run.outcome = Outcome.CANCELLED if run.state == RunState.CANCELLED else outcome
        run.finished_at = time
    _release(session, run, time, outcome)
    return RunState(run.state)


def _state_after(session: Session, run: Run, outcome: Outcome) -> RunState:
    if outcome in (Outcome.DIVERGED, Outcome.FAILED):
        return NEXT_STATE[outcome]
    if outcome is Outcome.COMPLETED and not _wanted(session, run):
        return RunState.SUCCEEDED
    if run.cancel_requested or (outcome is Outcome.CANCELLED and not _wanted(session, run)):
        return RunState.CANCELLED
    return RunState.PAUSED if run.pause_requested else RunState.QUEUED


def _wanted(session: Session, run: Run) -> bool:
    demands = runs.demands(session, run.id).values()
    return not run.cancel_requested and not all_met(demands, runs.curve(session, run.id))


def _release(session: Session, run: Run, time: float, outcome: str) -> None:
    run.worker_id = run.lease_until = run.progress = None
    run.cancel_requested = run.pause_requested = False
    last = session.get(Attempt, (run.id, run.attempt))
    if last is not None:
        last.ended_at, last.outcome = time, outcome
    runs.announce(session, run)


def take_back(session: Session, *, worker_id: str | None = None) -> list[str]:
    """Take back the runs whose lease ran out, or all that a dead `worker_id` held.

    They are queued again; see `lose`. Returns their ids.
    """
    query = sa.select(Run).where(Run.state == RunState.RUNNING)
    if worker_id is None:
        query = query.where(Run.lease_until < Now())
    else:
        query = query.where(Run.worker_id == worker_id)
    taken = session.scalars(query.with_for_update(skip_locked=True)).all()
    for run in taken:
        _lose(session, run, "The worker fell silent")
    return [run.id for run in taken]


def hold_older(session: Session) -> list[str]:
    """Pause the waiting runs of earlier engines, which nobody can train, with a sentence.

    They keep what they have, and the version that began them may resume them. Returns their ids.
    """
    query = sa.select(Run).where(
        Run.state.in_((RunState.QUEUED, RunState.PAUSED)),
        Run.engine < ENGINE,
        Run.error.is_(sa.null()),
    )
    held = session.scalars(query.with_for_update(skip_locked=True)).all()
    for run in held:
        run.state, run.error = RunState.PAUSED, {"message": runs.cannot_go_on(run)}
        runs.announce(session, run)
    return [run.id for run in held]


def lose(session: Session, run_id: str, attempt: int, why: str) -> RunState:
    """End an attempt whose trainer died: the run is queued again, or fails after too many."""
    run = fenced(session, run_id, attempt)
    _lose(session, run, why)
    return RunState(run.state)


def _lose(session: Session, run: Run, why: str) -> None:
    time = now(session)
    run.lost += 1
    if run.cancel_requested:
        run.state, run.outcome, run.finished_at = RunState.CANCELLED, Outcome.CANCELLED, time
    elif run.lost >= MAX_LOST_ATTEMPTS:
        run.state, run.outcome, run.finished_at = RunState.FAILED, Outcome.FAILED, time
        run.error = {
            "message": f"{why}, {run.lost} times in a row without finishing a new epoch. The log "
            "of its worker may say more; once the cause is mended, retry the run.",
            "detail": f"last worker: {run.worker_id}",
        }
    else:
        run.state = RunState.PAUSED if run.pause_requested else RunState.QUEUED
    _release(session, run, time, "lost")
