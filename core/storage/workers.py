"""The workers that are there, and what each is doing."""

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.storage import events
from core.storage.clock import Now, now
from core.storage.tables import Attempt, Worker


def register(
    session: Session, worker_id: str, *, host: str, pid: int, capabilities: dict[str, Any]
) -> None:
    """Make a worker known, with what its device and models offer."""
    time = now(session)
    session.merge(
        Worker(
            id=worker_id,
            host=host,
            pid=pid,
            capabilities=capabilities,
            status={},
            run_id=None,
            started_at=time,
            seen_at=time,
        )
    )
    events.append(session, "worker", None, worker_id=worker_id)


def beat(session: Session, worker_id: str, run_id: str | None, status: dict[str, Any]) -> bool:
    """Note that the worker lives, what it trains, and its memory and utilisation.

    Returns whether it is known: one that was silent for long has been forgotten.
    """
    changed = session.scalars(
        sa.update(Worker)
        .where(Worker.id == worker_id)
        .values(run_id=run_id, status=status, seen_at=Now())
        .returning(Worker.id)
    )
    return changed.first() is not None


def leave(session: Session, worker_id: str) -> None:
    """Forget a worker that ended."""
    session.execute(sa.delete(Worker).where(Worker.id == worker_id))
    events.append(session, "worker", None, worker_id=worker_id)


def predecessors(session: Session, worker_id: str) -> list[str]:
    """Ids of earlier processes in the same slot (host and name), dead since this one runs."""
    slot = re.sub(r"-\d+$", "", worker_id)
    ids = session.scalars(sa.select(Worker.id).where(Worker.id != worker_id))
    return [other for other in ids if re.sub(r"-\d+$", "", other) == slot]


def listed(session: Session) -> Sequence[Worker]:
    return session.scalars(sa.select(Worker).order_by(Worker.started_at)).all()


def live(session: Session, seconds: float) -> Sequence[Worker]:
    """Workers seen within the last `seconds`."""
    return session.scalars(
        sa.select(Worker).where(Worker.seen_at > Now() - seconds).order_by(Worker.started_at)
    ).all()


def last_told(session: Session) -> list[dict[str, Any]]:
    """What the machine of the newest attempt told of itself; empty if none trained here yet."""
    query = (
        sa.select(Attempt.provenance)
        .where(Attempt.provenance.is_not(None))
        .order_by(Attempt.started_at.desc())
        .limit(1)
    )
    return [told for told in session.scalars(query) if told]


def forget_silent(session: Session, seconds: float) -> None:
    """Forget workers not seen for `seconds`."""
    session.execute(sa.delete(Worker).where(Worker.seen_at < now(session) - seconds))
