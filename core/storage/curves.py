"""Bulk reads for figures: the whole curves of many runs in a fixed number of queries."""

import itertools
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.domain.lifecycle import RunState
from core.domain.metrics import EpochRow
from core.domain.panels.entries import StoredRun
from core.storage.runs import METRIC_FIELDS
from core.storage.tables import Attempt, Metric, Run

Version = tuple[int, int, str, str | None]
"""Attempt, epochs, state and outcome of a run: changes whenever anything a figure reads does."""


def versions(session: Session, run_ids: Sequence[str]) -> dict[str, Version]:
    """The version of each run that exists."""
    query = sa.select(Run.id, Run.attempt, Run.epochs_done, Run.state, Run.outcome)
    rows = session.execute(query.where(Run.id.in_(run_ids)).order_by(Run.id))
    return {row.id: (row.attempt, row.epochs_done, row.state, row.outcome) for row in rows}


def stored_runs(session: Session, run_ids: Sequence[str]) -> dict[str, StoredRun]:
    """The runs that exist, by the hash of their spec, with curves and provenance."""
    query = sa.select(
        Run.id, Run.spec_hash, Run.state, Run.outcome, Run.started_at, Run.finished_at
    ).where(Run.id.in_(run_ids))
    rows = session.execute(query).all()
    found = [row.id for row in rows]
    curves = _curves(session, found)
    segments = _segments(session, found)
    return {
        row.spec_hash: StoredRun(
            id=row.id,
            spec_hash=row.spec_hash,
            state=RunState(row.state),
            outcome=row.outcome,
            curve=curves.get(row.id, ()),
            segments=segments.get(row.id, ()),
            started_at=row.started_at,
            finished_at=row.finished_at,
        )
        for row in rows
    }


def _curves(session: Session, run_ids: Sequence[str]) -> dict[str, list[EpochRow]]:
    columns = [getattr(Metric, field) for field in METRIC_FIELDS]
    query = (
        sa.select(Metric.run_id, *columns)
        .where(Metric.run_id.in_(run_ids))
        .order_by(Metric.run_id, Metric.epoch)
    )
    curves: dict[str, list[EpochRow]] = {}
    for run_id, rows in itertools.groupby(session.execute(query), key=itemgetter(0)):
        curves[run_id] = [EpochRow._make(row[1:]) for row in rows]
    return curves


def _segments(session: Session, run_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The provenance of the attempts that trained an epoch which is still there."""
    trained = sa.select(Metric.run_id, Metric.attempt).where(Metric.run_id.in_(run_ids)).distinct()
    used = trained.subquery()
    query = (
        sa.select(Attempt.run_id, Attempt.provenance)
        .join(used, sa.and_(used.c.run_id == Attempt.run_id, used.c.attempt == Attempt.attempt))
        .order_by(Attempt.run_id, Attempt.attempt)
    )
    segments: dict[str, list[dict[str, Any]]] = {}
    for run_id, provenance in session.execute(query):
        if provenance:
            segments.setdefault(run_id, []).append(provenance)
    return segments
