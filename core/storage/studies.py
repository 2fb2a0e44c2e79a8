"""Studies: what was asked for, the demands it made, and the runs that answer to it."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, defer

from core.paper.plans import Plan, Planned, Role
from core.run.errors import NotFound
from core.run.lifecycle import RunState
from core.run.spec import RunSpec
from core.run.stored import UnknownSpec, read_demand, read_spec, read_stop
from core.storage import events, runs
from core.storage.clock import now
from core.storage.tables import DemandRow, Run, Study, StudyRun

STUDIES = 0x72657468
"""Number of the lock that studies take in turns; any that nobody else uses."""


def owner(study_id: str, panel: str) -> str:
    """Owner of a study's demand for a panel: two panels may ask the same run for two prefixes."""
    return f"study:{study_id}:{panel}"


def identity(request: dict[str, Any]) -> str:
    """The id of a study: the same request is the same study."""
    text = json.dumps(request, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def submit(
    session: Session,
    name: str,
    request: dict[str, Any],
    plan: Plan,
    *,
    title: str = "",
    priority: int = 0,
    precision_reason: str = "",
    max_queued: int = 10_000,
) -> tuple[Study, bool]:
    """Store the study and its demands. Returns it and whether it is new.

    Each stage of the plan has the priority below that of the stage before, without a floor, so that
    studies of the same priority take turns however long they are.

    Asking again for a study renews its demands: runs that were cancelled or failed are queued
    again, complete ones are left as they are. Where the catalogue makes another plan of the same
    request by now, the demands on runs that are no longer part of it are given up.

    Raises:
        TooManyRuns: `max_queued` runs wait already.
    """
    _one_at_a_time(session)
    study_id = identity(request)
    study = session.get(Study, study_id, with_for_update=True)
    is_new = study is None
    if study is None:
        study = Study(id=study_id, name=name, title=title, request=request, created_at=now(session))
        session.add(study)
        session.flush()
    study.cancelled_at = None
    for position, entry in enumerate(plan):
        run, _ = runs.submit(
            session,
            entry.spec,
            entry.demand,
            owner=owner(study_id, entry.role.panel),
            priority=priority - entry.stage,
            precision_reason=precision_reason,
            max_queued=max_queued,
        )
        session.merge(_row(study_id, run.id, position, entry))
    session.flush()
    _give_up(session, study_id, {(e.role.panel, e.spec.hash()[:16]) for e in plan})
    events.append(session, "study", None, study_id=study_id)
    return study, is_new


def _one_at_a_time(session: Session) -> None:
    """Wait until no other transaction submits or cancels a study.

    Each locks many runs, in the order of its plan: two of them could wait for each other for ever.
    SQLite has one writer at a time anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(STUDIES)))


def _give_up(session: Session, study_id: str, planned: set[tuple[str, str]]) -> None:
    """Forget what the study wanted of runs outside its plan. Runs that nobody else demands end."""
    rows = session.scalars(sa.select(StudyRun).where(StudyRun.study_id == study_id)).all()
    for row in rows:
        if (row.panel, row.run_id) in planned:
            continue
        demand = session.get(DemandRow, (row.run_id, owner(study_id, row.panel)))
        if demand is not None:
            _withdraw(session, demand)
            session.delete(demand)
        session.delete(row)
    session.flush()


def _withdraw(session: Session, demand: DemandRow) -> None:
    """Also on a run that has ended: left in force, a later launch would train on to its end."""
    if not demand.withdrawn:
        run = runs.get(session, demand.run_id, lock=True)
        runs.withdraw(session, run, demand.owner)


def _row(study_id: str, run_id: str, position: int, entry: Planned) -> StudyRun:
    return StudyRun(
        study_id=study_id,
        panel=entry.role.panel,
        run_id=run_id,
        spec=entry.spec.model_dump(mode="json"),
        epochs=entry.demand.epochs,
        stop=entry.demand.stop.model_dump(exclude_none=True),
        position=position,
        stage=entry.stage,
        series=entry.role.series,
        corruption=entry.role.corruption,
        seed=entry.role.seed,
    )


def get(session: Session, study_id: str, *, lock: bool = False) -> Study:
    """The study with this id.

    Raises:
        NotFound: there is none.
    """
    study = session.get(Study, study_id, with_for_update=lock)
    if study is None:
        raise NotFound(
            f"There is no study {study_id[:40]!r}. `rethink study list` lists those there are."
        )
    return study


def page(session: Session, *, limit: int = 50, offset: int = 0) -> tuple[Sequence[Study], int]:
    """A page of studies, the newest first, and how many there are."""
    order = (Study.created_at.desc(), Study.id)
    rows = session.scalars(sa.select(Study).order_by(*order).limit(limit).offset(offset)).all()
    return rows, session.scalar(sa.select(sa.func.count()).select_from(Study)) or 0


def newest(session: Session, name: str) -> Iterator[Study]:
    """The studies of this name in the catalogue, the newest first."""
    order = (Study.created_at.desc(), Study.id)
    yield from session.scalars(sa.select(Study).where(Study.name == name).order_by(*order))


def plan_of(session: Session, study_id: str) -> Plan:
    """The plan as it was submitted, whatever the catalogue says and whichever runs exist now.

    Without the runs whose spec is not understood: see `unknown_specs`.
    """
    return tuple(
        Planned(
            spec=spec,
            demand=read_demand(row.epochs, row.stop),
            role=Role(panel=row.panel, series=row.series, corruption=row.corruption, seed=row.seed),
            stage=row.stage,
        )
        for row, spec in _planned(session, study_id)
        if isinstance(spec, RunSpec)
    )


def unknown_specs(session: Session, study_id: str) -> list[UnknownSpec]:
    """The specs of its plan that this version does not understand."""
    return [spec for _, spec in _planned(session, study_id) if isinstance(spec, UnknownSpec)]


def _planned(session: Session, study_id: str) -> Iterator[tuple[StudyRun, RunSpec | UnknownSpec]]:
    query = (
        sa.select(StudyRun, sa.cast(StudyRun.spec, sa.Text))
        .options(defer(StudyRun.spec))
        .where(StudyRun.study_id == study_id)
        .order_by(StudyRun.position)
    )
    return ((row, read_spec(spec)) for row, spec in session.execute(query))


@dataclass(frozen=True, slots=True)
class DemandState:
    """A study's demand on a run and how far it is met."""

    run_id: str
    panel: str
    state: RunState | None
    """None: the run was deleted."""
    outcome: str | None
    epochs: int
    """Epochs asked for at most."""
    done: int
    """Epochs that are there, of those asked for."""
    met: bool

    @property
    def complete(self) -> bool:
        """As far as asked, or diverged."""
        return self.met or self.outcome == "diverged"


def demand_states(session: Session, study_ids: Sequence[str]) -> dict[str, list[DemandState]]:
    """How far the demands of each study are met, in a fixed number of queries."""
    of_studies = sa.select(StudyRun.run_id).where(StudyRun.study_id.in_(study_ids))
    best = runs.best(session, of_studies)
    query = (
        sa.select(
            StudyRun.study_id,
            StudyRun.panel,
            StudyRun.run_id,
            StudyRun.epochs,
            StudyRun.stop,
            Run.state,
            Run.outcome,
            sa.func.coalesce(Run.epochs_done, 0).label("done"),
        )
        .outerjoin(Run, Run.id == StudyRun.run_id)
        .where(StudyRun.study_id.in_(study_ids))
        .order_by(StudyRun.position)
    )
    found: dict[str, list[DemandState]] = {study_id: [] for study_id in study_ids}
    for row in session.execute(query):
        stopped = row.run_id in best and read_stop(row.stop).holds(best[row.run_id])
        found[row.study_id].append(
            DemandState(
                run_id=row.run_id,
                panel=row.panel,
                state=None if row.state is None else RunState(row.state),
                outcome=row.outcome,
                epochs=row.epochs,
                done=min(row.done, row.epochs),
                met=stopped or row.done >= row.epochs,
            )
        )
    return found


def cancel(session: Session, study_id: str) -> Study:
    """Withdraw the study's demands. Runs that nobody else demands end; what is measured stays."""
    _one_at_a_time(session)
    study = get(session, study_id, lock=True)
    study.cancelled_at = study.cancelled_at or now(session)
    for row in _demands(session, study_id):
        _withdraw(session, row)
    events.append(session, "study", None, study_id=study_id)
    return study


def delete(session: Session, study_id: str, *, with_runs: bool = False) -> list[str]:
    """Forget the study. With `with_runs`, delete those of its runs that nobody else demands.

    Spared are the runs of every other study too: one that is complete or was cancelled asks for no
    more, but its results are to stay. Returns the ids of the deleted runs; their artifacts are the
    caller's to remove. A run that is still in training is left to end by itself.
    """
    cancel(session, study_id)
    run_ids = sorted({row.run_id for row in _demands(session, study_id)})
    session.execute(sa.delete(DemandRow).where(_owned(study_id)))
    session.execute(sa.delete(Study).where(Study.id == study_id))
    session.flush()
    session.expire_all()
    deleted = []
    for run_id in _of_no_study(session, run_ids) if with_runs else ():
        demanded = any(not row.withdrawn for row in runs.demand_rows(session, [run_id])[run_id])
        if not demanded and session.get_one(Run, run_id).state != RunState.RUNNING:
            deleted.append(runs.delete(session, run_id))
    return deleted


def _of_no_study(session: Session, run_ids: Sequence[str]) -> list[str]:
    """Those of the runs that no study has in its plan."""
    query = sa.select(StudyRun.run_id).where(StudyRun.run_id.in_(run_ids))
    named = set(session.scalars(query))
    return [run_id for run_id in run_ids if run_id not in named]


def _owned(study_id: str) -> sa.ColumnElement[bool]:
    return DemandRow.owner.startswith(f"study:{study_id}:", autoescape=True)


def _demands(session: Session, study_id: str) -> Sequence[DemandRow]:
    return session.scalars(sa.select(DemandRow).where(_owned(study_id))).all()
