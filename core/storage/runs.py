"""Queries a user's requests make: submit, look up, and ask for a change of a run.

The list of runs is in `core.storage.listing`, what workers do to runs in `core.storage.leases`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.run.demands import LAUNCH, Demand, all_met, of_studies, still_wanted
from core.run.errors import Conflict, NotFound, TooManyRuns
from core.run.lifecycle import RunState
from core.run.metrics import EpochMetrics
from core.run.questions import question_of
from core.run.spec import ENGINE, RunSpec
from core.run.stored import read_demand, read_stop
from core.storage import events
from core.storage.clock import now
from core.storage.tables import Attempt, DemandRow, Event, Metric, Run, Worker

METRIC_FIELDS = tuple(EpochMetrics.model_fields)


def submit(
    session: Session,
    spec: RunSpec,
    demand: Demand,
    *,
    owner: str = LAUNCH,
    name: str = "",
    priority: int = 0,
    precision_reason: str = "",
    max_queued: int = 10_000,
) -> tuple[Run, bool]:
    """Ask for a prefix of the spec's trajectory; create its run if there is none.

    Returns the run and whether it is new. A run that exists is extended when it is too short.

    Raises:
        TooManyRuns: `max_queued` runs wait already.
    """
    run_id, time = spec.hash()[:16], now(session)
    run = session.get(Run, run_id, with_for_update=True)
    is_new = run is None
    if run is None:
        _refuse_a_full_queue(session, max_queued)
        run = Run(
            id=run_id,
            spec_hash=spec.hash(),
            question=question_of(spec),
            spec=spec.model_dump(mode="json"),
            engine=spec.engine,
            model=spec.model,
            randomization=spec.randomization,
            name=name,
            precision_reason=precision_reason,
            state=RunState.QUEUED,
            created_at=time,
            queued_at=time,
        )
        run, is_new = _insert(session, run)
    _put_demand(session, run, owner, demand, priority, time)
    if not is_new:
        _wake(session, run, time)
    return run, is_new


def _insert(session: Session, run: Run) -> tuple[Run, bool]:
    """Store `run`, unless another request has just stored the same spec."""
    run.attempt = _last_attempt_before_deletion(session, run.id)
    try:
        with session.begin_nested():
            session.add(run)
    except IntegrityError:
        return session.get_one(Run, run.id, with_for_update=True), False
    events.append(session, "created", run.id)
    return run, True


def _last_attempt_before_deletion(session: Session, run_id: str) -> int:
    """Attempts are counted on from a deleted run with the same id.

    A worker of that run may still be about, and its attempt must not pass for a new one.
    """
    query = sa.select(Event.payload).where(Event.run_id == run_id, Event.kind == "deleted")
    payload = session.scalar(query.order_by(Event.seq.desc()).limit(1))
    return int(payload["attempt"]) if payload else 0


def _refuse_a_full_queue(session: Session, max_queued: int) -> None:
    waiting = session.scalar(
        sa.select(sa.func.count()).select_from(Run).where(Run.state == RunState.QUEUED)
    )
    if (waiting or 0) >= max_queued:
        raise TooManyRuns(
            f"The queue is full: RETHINK_MAX_QUEUED lets {max_queued} runs wait. Cancel some, or "
            "wait until workers have finished them."
        )


def _put_demand(
    session: Session, run: Run, owner: str, demand: Demand, priority: int, time: float
) -> None:
    row = session.get(DemandRow, (run.id, owner))
    if row is None:
        row = DemandRow(run_id=run.id, owner=owner, created_at=time, epochs=0, stop={})
        session.add(row)
    # A launch asks for more or for nothing new; what a study asks for is what its plan says now.
    if owner != LAUNCH or row.withdrawn or demand.epochs >= row.epochs:
        row.epochs, row.stop = demand.epochs, demand.stop.model_dump(exclude_none=True)
    row.priority, row.withdrawn = priority, False
    session.flush()
    _set_priority(session, run)


def _set_priority(session: Session, run: Run) -> None:
    run.priority = max((row.priority for row in active_demands(session, run.id)), default=0)


def _wake(session: Session, run: Run, time: float) -> None:
    """Queue a run at rest that has an unmet demand; a running one notices by itself."""
    if run.engine != ENGINE:
        return
    unmet = not all_met(demands(session, run.id).values(), curve(session, run.id))
    if RunState(run.state).terminal and run.outcome != "diverged" and unmet:
        _queue(session, run, time)
    elif run.state == RunState.RUNNING and unmet:
        run.cancel_requested = False
        announce(session, run)


def _queue(session: Session, run: Run, time: float) -> None:
    run.state, run.outcome, run.error = RunState.QUEUED, None, None
    run.cancel_requested = run.pause_requested = False
    run.queued_at, run.finished_at, run.lost = time, None, 0
    announce(session, run)


def cannot_go_on(run: Run) -> str:
    """Why a run of another engine is not trained on, and what to do."""
    told = f"Run {run.id} is of engine {run.engine} of the training code, and this is {ENGINE}"
    if run.engine > ENGINE:
        return f"{told}: update Rethink to go on with it."
    return (
        f"{told}, which computes other numbers: it cannot go on, and keeps what it has. Launch its "
        "spec again to train it anew."
    )


def _refuse_another_engine(run: Run) -> None:
    if run.engine != ENGINE:
        raise Conflict(cannot_go_on(run))


def announce(session: Session, run: Run) -> None:
    """Append the event that the run's state changed."""
    events.append(
        session,
        "state",
        run.id,
        state=run.state,
        outcome=run.outcome,
        epochs_done=run.epochs_done,
        attempt=run.attempt,
    )


def get(session: Session, run_id: str, *, lock: bool = False) -> Run:
    """The run with this id, or the only one whose id begins so (six digits at least).

    Raises:
        NotFound: there is none.
    """
    run = session.get(Run, run_id, with_for_update=lock)
    if run is None and 6 <= len(run_id) < 16 and run_id.isalnum():
        ids = session.scalars(sa.select(Run.id).where(Run.id.startswith(run_id)).limit(2)).all()
        if len(ids) == 1:
            run = session.get(Run, ids[0], with_for_update=lock)
    if run is None:
        raise NotFound(f"There is no run {run_id[:40]!r}. `rethink runs` lists those there are.")
    return run


def demand_rows(session: Session, run_ids: Sequence[str]) -> dict[str, list[DemandRow]]:
    """All demands of each run, withdrawn ones too."""
    rows: dict[str, list[DemandRow]] = {run_id: [] for run_id in run_ids}
    query = sa.select(DemandRow).where(DemandRow.run_id.in_(run_ids))
    for row in session.scalars(query.order_by(DemandRow.created_at, DemandRow.owner)):
        rows[row.run_id].append(row)
    return rows


def active_demands(session: Session, run_id: str) -> list[DemandRow]:
    return [row for row in demand_rows(session, [run_id])[run_id] if not row.withdrawn]


def as_demand(row: DemandRow) -> Demand:
    return read_demand(row.epochs, row.stop)


def demands(session: Session, run_id: str) -> dict[str, Demand]:
    """The demands in force on a run, by owner."""
    return {row.owner: as_demand(row) for row in active_demands(session, run_id)}


def curve(session: Session, run_id: str, first: int = 1) -> list[EpochMetrics]:
    """The metrics of a run from epoch `first` on."""
    columns = [getattr(Metric, field) for field in METRIC_FIELDS]
    query = (
        sa.select(*columns)
        .where(Metric.run_id == run_id, Metric.epoch >= first)
        .order_by(Metric.epoch)
    )
    return [EpochMetrics.model_construct(**row._mapping) for row in session.execute(query)]


def latest(session: Session, reached: Mapping[str, int]) -> dict[str, EpochMetrics]:
    """The metrics of the epoch that each run has `reached`, of those that are there."""
    columns = [getattr(Metric, field) for field in METRIC_FIELDS]
    query = sa.select(Metric.run_id, *columns).where(
        sa.tuple_(Metric.run_id, Metric.epoch).in_(list(reached.items()))
    )
    return {
        row[0]: EpochMetrics.model_construct(**dict(zip(METRIC_FIELDS, row[1:], strict=True)))
        for row in session.execute(query)
    }


class Best(NamedTuple):
    """The lowest training loss and the highest accuracy of a run's epochs.

    A stop rule that holds of them has held of an epoch, since either of its parts suffices.
    """

    train_loss: float
    train_accuracy: float


def best(session: Session, run_ids: Sequence[str] | sa.Select[str]) -> dict[str, Best]:
    """The best that each of the runs has had, of those with epochs."""
    query = (
        sa.select(Metric.run_id, sa.func.min(Metric.train_loss), sa.func.max(Metric.train_accuracy))
        .where(Metric.run_id.in_(run_ids))
        .group_by(Metric.run_id)
    )
    return {row[0]: Best(*row[1:]) for row in session.execute(query)}


def stopped(session: Session, demands: Iterable[Sequence[DemandRow]]) -> set[tuple[str, str]]:
    """Run and owner of demands whose stop rule held after an epoch, of each run's demands.

    Only of runs on which several demands are in force: of one alone the run's end tells as much.
    """
    rows = [
        row
        for of_run in demands
        if sum(not row.withdrawn for row in of_run) > 1
        for row in of_run
        if row.stop
    ]
    found = best(session, [row.run_id for row in rows]) if rows else {}
    return {
        (row.run_id, row.owner)
        for row in rows
        if row.run_id in found and read_stop(row.stop).holds(found[row.run_id])
    }


def attempts(session: Session, run_id: str) -> Sequence[Attempt]:
    query = sa.select(Attempt).where(Attempt.run_id == run_id).order_by(Attempt.attempt)
    return session.scalars(query).all()


def queue_positions(session: Session) -> dict[str, int]:
    """The place of each waiting run in the order of claims, from 1."""
    order = (Run.priority.desc(), Run.queued_at, Run.id)
    ids = session.scalars(sa.select(Run.id).where(Run.state == RunState.QUEUED).order_by(*order))
    return {run_id: place for place, run_id in enumerate(ids, start=1)}


def cancel(session: Session, run_id: str, *, owner: str = LAUNCH, everywhere: bool = False) -> Run:
    """Withdraw the owner's demand; the run ends unless another owner still demands it.

    `everywhere` withdraws all demands: the run ends, and every study goes on without it.

    Raises:
        Conflict: the run has ended already, or only others than the owner demand it.
    """
    run = get(session, run_id, lock=True)
    _refuse_ended(run, "cancelled")
    wanted_by = [row.owner for row in active_demands(session, run.id)]
    if everywhere:
        return withdraw(session, run, *wanted_by)
    if wanted_by and owner not in wanted_by:
        raise Conflict(still_wanted(run.id, wanted_by))
    return withdraw(session, run, owner)


def withdraw(session: Session, run: Run, *owners: str) -> Run:
    """Take the owners' demands on a locked run back. One that has ended stays as it is."""
    for owner in owners:
        row = session.get(DemandRow, (run.id, owner))
        if row is not None:
            row.withdrawn = True
    session.flush()
    _set_priority(session, run)
    if active_demands(session, run.id) or RunState(run.state).terminal:
        return run
    if run.state == RunState.RUNNING:
        run.cancel_requested = True
    else:
        run.state, run.outcome, run.finished_at = RunState.CANCELLED, "cancelled", now(session)
    announce(session, run)
    return run


def pause(session: Session, run_id: str) -> Run:
    """Ask the worker to save the run and let it go; a waiting run is paused at once."""
    run = get(session, run_id, lock=True)
    _refuse_ended(run, "paused")
    if run.state == RunState.RUNNING:
        run.pause_requested = True
    else:
        run.state = RunState.PAUSED
    announce(session, run)
    return run


def resume(session: Session, run_id: str) -> Run:
    """Queue a paused run again."""
    run = get(session, run_id, lock=True)
    _refuse_another_engine(run)
    if run.state == RunState.PAUSED:
        _queue(session, run, now(session))
    elif run.state == RunState.RUNNING and run.pause_requested:
        run.pause_requested = False
        announce(session, run)
    elif run.state != RunState.QUEUED:
        raise Conflict(f"Run {run.id} is {run.state}: only a paused run can be resumed.")
    return run


def retry(session: Session, run_id: str) -> Run:
    """Queue a failed or cancelled run again; it goes on from its newest checkpoint."""
    run = get(session, run_id, lock=True)
    _refuse_another_engine(run)
    if run.state not in (RunState.FAILED, RunState.CANCELLED):
        raise Conflict(
            f"Run {run.id} is {run.state}: only a failed or cancelled run can be retried. "
            "To train on, extend it; to train the same spec again, replicate it."
        )
    time = now(session)
    rows = demand_rows(session, [run.id])[run.id]
    for row in rows:
        row.withdrawn = row.withdrawn and row.owner != LAUNCH
    session.flush()
    if rows and not active_demands(session, run.id):
        # Studies alone asked for it, and no longer do: from now on it is this user who asks.
        longest = max(rows, key=lambda row: row.epochs)
        _put_demand(session, run, LAUNCH, as_demand(longest), longest.priority, time)
    _set_priority(session, run)
    _queue(session, run, time)
    return run


def extend(session: Session, run_id: str, epochs: int) -> Run:
    """Ask for more epochs of a run; it goes on from its newest checkpoint.

    Raises:
        Conflict: the run diverged, already went that far, or is of another engine.
    """
    run = get(session, run_id, lock=True)
    _refuse_another_engine(run)
    if run.outcome == "diverged":
        raise Conflict(f"Run {run.id} diverged: there is nothing to go on from.")
    if epochs <= run.epochs_done:
        raise Conflict(
            f"epochs {epochs} is not allowed: run {run.id} has {run.epochs_done} already. "
            "Ask for more."
        )
    time = now(session)
    _put_demand(session, run, LAUNCH, Demand(epochs=epochs), run.priority, time)
    row = session.get_one(DemandRow, (run.id, LAUNCH))
    row.epochs, row.stop = epochs, {}
    session.flush()
    _wake(session, run, time)
    return run


def set_priority(session: Session, run_id: str, priority: int) -> Run:
    """Give the launch's demand another priority; higher runs first."""
    run = get(session, run_id, lock=True)
    for row in active_demands(session, run.id):
        if row.owner == LAUNCH:
            row.priority = priority
    session.flush()
    _set_priority(session, run)
    announce(session, run)
    return run


def delete(session: Session, run_id: str) -> str:
    """Delete a run with its metrics. Returns its id; artifacts are the caller's to remove.

    Raises:
        Conflict: it is running, or a study demands it.
    """
    run = get(session, run_id, lock=True)
    if run.state == RunState.RUNNING:
        raise Conflict(f"Run {run.id} is running: cancel it first.")
    others = [row.owner for row in active_demands(session, run.id) if row.owner != LAUNCH]
    if others:
        studies = ", ".join(of_studies(others))
        raise Conflict(
            f"Run {run.id} is part of study {studies}. Delete the study first "
            "(`rethink study delete ID`): its results are to stay."
        )
    deleted = run.id
    events.append(session, "deleted", deleted, attempt=run.attempt)
    session.execute(sa.delete(Run).where(Run.id == deleted))
    return deleted


def count_by_state(session: Session) -> dict[str, int]:
    query = sa.select(Run.state, sa.func.count()).group_by(Run.state)
    return {row.state: row[1] for row in session.execute(query)}


def recent_speeds(
    session: Session, model: str, present: Sequence[Worker], limit: int = 20
) -> Sequence[Any]:
    """Newest epochs of runs of the model, newest run first, to estimate times from.

    Of the workers `present`, or of devices with the same name; of any worker if there are none.
    Each row has the run's spec as JSON, and the epoch's `train_seconds` and `evaluation_seconds`.
    """
    names = {name for worker in present if (name := worker.capabilities.get("name"))}
    query = (
        sa.select(
            sa.cast(Run.spec, sa.Text).label("spec"),
            Metric.train_seconds,
            Metric.evaluation_seconds,
        )
        .join(Metric, sa.and_(Metric.run_id == Run.id, Metric.epoch == Run.epochs_done))
        .outerjoin(Attempt, sa.and_(Attempt.run_id == Run.id, Attempt.attempt == Metric.attempt))
        .where(Run.model == model)
        .order_by(Run.created_at.desc())
        .limit(limit)
    )
    alike = Attempt.worker_id.in_([worker.id for worker in present])
    if names:
        alike |= Attempt.provenance["name"].as_string().in_(names)
    return session.execute(query.where(alike)).all() or session.execute(query).all()


def _refuse_ended(run: Run, what: str) -> None:
    if RunState(run.state).terminal:
        raise Conflict(f"Run {run.id} has ended ({run.state}): it cannot be {what}.")
