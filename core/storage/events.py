"""The event log: what changed, in commit order, for streams to replay.

Events are collected during a transaction and numbered at its end by `flush`, from one counter row
whose lock is held until the commit. So sequence numbers have no gaps, and a reader that has seen
number n has seen all before it, on SQLite and PostgreSQL alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.storage.clock import now
from core.storage.tables import Event, EventHead

KEPT = 100_000
"""Events kept for replay; a client that is further behind refetches everything."""

_PENDING = "rethink_events"


@dataclass(frozen=True, slots=True)
class StoredEvent:
    seq: int
    run_id: str | None
    kind: str
    payload: dict[str, Any]


def append(session: Session, kind: str, run_id: str | None, **payload: Any) -> None:
    """Add an event to the transaction of `session`."""
    session.info.setdefault(_PENDING, []).append((kind, run_id, payload))


def flush(session: Session) -> int | None:
    """Number and store the transaction's events. Returns the newest number, None without any.

    To be called last before the commit, since it locks the counter.
    """
    pending = session.info.pop(_PENDING, [])
    if not pending:
        return None
    session.flush()
    newest = session.scalar(
        sa.update(EventHead).values(seq=EventHead.seq + len(pending)).returning(EventHead.seq)
    )
    if newest is None:
        raise RuntimeError("event_head has no row: the database was not migrated")
    first, time = newest - len(pending) + 1, now(session)
    session.execute(
        sa.insert(Event),
        [
            {"seq": first + i, "run_id": run, "kind": kind, "payload": data, "created_at": time}
            for i, (kind, run, data) in enumerate(pending)
        ],
    )
    return int(newest)


def head(session: Session) -> int:
    """The newest sequence number; 0 before the first event."""
    return session.scalar(sa.select(EventHead.seq)) or 0


def after(
    session: Session, seq: int, *, run_ids: Sequence[str] | None = None, limit: int = 500
) -> tuple[list[StoredEvent], int] | None:
    """Events after `seq`, oldest first, of all runs or of `run_ids`, and where to go on from.

    None if some of them are no longer kept, or `seq` is ahead of the log: the client must start
    afresh.
    """
    newest = head(session)
    if seq > newest:
        return None
    oldest = session.scalar(sa.select(sa.func.min(Event.seq)))
    if seq < newest and (oldest is None or oldest > seq + 1):
        return None
    query = sa.select(Event).where(Event.seq > seq).order_by(Event.seq).limit(limit)
    if run_ids is not None:
        query = query.where(Event.run_id.in_(run_ids), Event.seq <= newest)
    found = [StoredEvent(e.seq, e.run_id, e.kind, e.payload) for e in session.scalars(query)]
    whole_page = len(found) == limit or (found and run_ids is None)
    return found, found[-1].seq if whole_page else newest


def prune(session: Session, keep: int = KEPT) -> None:
    """Forget all but the newest `keep` events."""
    session.execute(sa.delete(Event).where(Event.seq <= head(session) - keep))
