"""Bulk reads for figures: the curves of many runs in a fixed number of queries.

What was read before need not be read again: stored epochs never change, they are only added to.
"""

import itertools
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.paper.panels.entries import Part, StoredRun
from core.run.lifecycle import RunState
from core.run.metrics import EpochRow
from core.run.questions import HOW
from core.storage.runs import METRIC_FIELDS
from core.storage.tables import Attempt, Metric, Run


class Version(NamedTuple):
    """Changes whenever anything of the run does that a figure reads."""

    attempt: int
    epochs_done: int
    state: str
    outcome: str | None
    provenance: int
    """Characters of what its attempts tell of themselves: it is only ever added to."""
    created_at: float
    """Tells a run from one with the same spec that was deleted before it."""
    started_at: float | None
    spec_hash: str
    question: str
    how: tuple[Any, ...]
    """The values of `HOW`, in its order."""


Known = Mapping[str, tuple[Version, StoredRun]]
"""Runs as they were read before, with their version then, by id."""


def versions(session: Session, run_ids: Collection[str]) -> dict[str, Version]:
    """The version of each of the runs that exists."""
    return _versions(session, Run.id.in_(run_ids))


def answering(session: Session, questions: Collection[str]) -> dict[str, Version]:
    """The version of each run that answers one of the questions, however it was trained."""
    return _versions(session, Run.question.in_(questions))


def _versions(session: Session, fits: sa.ColumnElement[bool]) -> dict[str, Version]:
    told = (
        sa.select(sa.func.coalesce(sa.func.sum(sa.func.length(_TEXT)), 0))
        .where(Attempt.run_id == Run.id)
        .scalar_subquery()
        .label("provenance")
    )
    names = Version._fields[:-1]
    columns = [told if name == "provenance" else Run.__table__.c[name] for name in names]
    how = [Run.spec[name] for name in HOW]
    query = sa.select(Run.__table__.c.id, *columns, *how).where(fits).order_by(Run.id)
    last = 1 + len(names)
    return {
        row[0]: Version._make((*row[1:last], tuple(row[last:]))) for row in session.execute(query)
    }


_TEXT = sa.cast(Attempt.provenance, sa.Text)


def stored_runs(
    session: Session, found: Mapping[str, Version], known: Known | None = None
) -> dict[str, StoredRun]:
    """The runs `found`, by the hash of their spec, with curves and provenance.

    Of those that are `known` only the epochs after the known ones are read.
    """
    before = {
        run_id: (version, run)
        for run_id, (version, run) in (known or {}).items()
        if run_id in found and version.created_at == found[run_id].created_at
    }
    curves, firsts = _curves(session, list(found), before)
    parts = _parts(session, found, before, firsts)
    return {
        version.spec_hash: StoredRun(
            id=run_id,
            spec_hash=version.spec_hash,
            state=RunState(version.state),
            outcome=version.outcome,
            curve=curves[run_id],
            parts=parts[run_id],
            started_at=version.started_at,
            question=version.question,
            how=dict(zip(HOW, version.how, strict=True)),
        )
        for run_id, version in found.items()
    }


Firsts = dict[str, dict[int, int]]
"""By run and attempt: the first epoch that the attempt stored."""


def _curves(
    session: Session, run_ids: Sequence[str], known: Known
) -> tuple[dict[str, list[EpochRow]], Firsts]:
    curves: dict[str, list[Any]] = {run_id: [] for run_id in run_ids}
    firsts: Firsts = {run_id: {} for run_id in run_ids}
    for run_id, (_, run) in known.items():
        curves[run_id] = list(run.curve)
        firsts[run_id] = {part.attempt: part.first for part in run.parts}
    least = min(map(len, curves.values()), default=0)
    columns = [Metric.__table__.c[field] for field in ("run_id", "attempt", *METRIC_FIELDS)]
    query = (
        sa.select(*columns)
        .where(Metric.run_id.in_(run_ids), Metric.epoch > least)
        .order_by(Metric.run_id, Metric.epoch)
    )
    for run_id, rows in itertools.groupby(session.execute(query), key=itemgetter(0)):
        curve, first = curves[run_id], firsts[run_id]
        length = len(curve)
        for row in rows:
            epoch = EpochRow._make(row[2:])
            if epoch.epoch > length:
                curve.append(epoch)
                first.setdefault(row[1], epoch.epoch)
    return curves, firsts


def _parts(
    session: Session, found: Mapping[str, Version], known: Known, firsts: Firsts
) -> dict[str, Sequence[Part]]:
    """What each attempt that stored an epoch tells of itself."""
    parts: dict[str, Sequence[Part]] = {
        run_id: run.parts
        for run_id, (version, run) in known.items()
        if _told(version) == _told(found[run_id]) and len(firsts[run_id]) == len(run.parts)
    }
    others = [run_id for run_id in found if run_id not in parts]
    query = (
        sa.select(Attempt.run_id, Attempt.attempt, Attempt.provenance, Attempt.ended_at)
        .where(Attempt.run_id.in_(others))
        .order_by(Attempt.run_id, Attempt.attempt)
    )
    read: dict[str, list[Part]] = {run_id: [] for run_id in others}
    for run_id, attempt, provenance, ended_at in session.execute(query) if others else ():
        if first := firsts[run_id].get(attempt):
            read[run_id].append(Part(provenance or {}, first, attempt, ended_at))
    return parts | {run_id: tuple(found) for run_id, found in read.items()}


def _told(version: Version) -> tuple[int, str, int]:
    """Changes whenever an attempt begins, ends, or tells more of itself."""
    return version.attempt, version.state, version.provenance
