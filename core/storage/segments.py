"""Which attempt computed which epochs of a run, and whether they are one trajectory.

Attempts on the same kind of machine with the same versions (`numerics` in their provenance) compute
the same numbers to the bit. A curve put together by attempts that differ there, or of which an
epoch came out differently when it was computed again, is *mixed*.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.run.metrics import TIMINGS, EpochMetrics
from core.storage.tables import Attempt, Metric

COMPARED = tuple(field for field in EpochMetrics.model_fields if field not in TIMINGS)


@dataclass(frozen=True, slots=True)
class Segment:
    """Epochs `first` to `last`, as one attempt computed them."""

    attempt: int
    first: int
    last: int
    numerics: dict[str, Any] | None
    """Device kind, CPU features, threads and versions; None where the attempt said nothing."""


def segments(session: Session, run_id: str) -> list[Segment]:
    """The segments of a run's curve in the order of their epochs."""
    query = sa.select(Metric.attempt, Metric.epoch).where(Metric.run_id == run_id)
    known = {a.attempt: (a.provenance or {}).get("numerics") for a in _attempts(session, run_id)}
    found: list[Segment] = []
    for attempt, epoch in session.execute(query.order_by(Metric.epoch)):
        first = epoch
        if found and found[-1].attempt == attempt:
            first = found.pop().first
        found.append(Segment(attempt, first, epoch, known.get(attempt)))
    return found


def verify(session: Session, stored: Metric, again: EpochMetrics, attempt: int) -> None:
    """Compare an epoch that `attempt` computed again with what is stored.

    Timings aside the two must be equal; if not, the provenance of `attempt` gets `mixed`: the
    epochs that differ, and the fields and both values of the first of them. A value that is not
    stored says nothing: the column may be younger than the row.
    """
    differing = {
        field: [getattr(stored, field), getattr(again, field)]
        for field in COMPARED
        if getattr(stored, field) not in (None, getattr(again, field))
    }
    row = session.get(Attempt, (stored.run_id, attempt))
    if not differing or row is None:
        return
    provenance = row.provenance or {}
    mixed = provenance.get("mixed", {"epochs": [], "first": differing})
    epochs = sorted({*mixed["epochs"], stored.epoch})
    row.provenance = {**provenance, "mixed": {**mixed, "epochs": epochs}}


def mixed(session: Session, run_id: str) -> str | None:
    """Why the run's curve is not one trajectory, in a sentence; None if it is."""
    numerics = {a.attempt: (a.provenance or {}).get("numerics") for a in _attempts(session, run_id)}
    for row in _attempts(session, run_id):
        if differing := (row.provenance or {}).get("mixed"):
            return _difference(row.attempt, differing["epochs"], numerics)
    found = segments(session, run_id)
    kinds = [s.numerics for s in found if s.numerics is not None]
    if all(kind == kinds[0] for kind in kinds):
        return None
    fields = {field for kind in kinds for field in kind}
    changed = sorted(f for f in fields if any(k.get(f) != kinds[0].get(f) for k in kinds))
    parts = ", ".join(f"epochs {s.first}–{s.last} by attempt {s.attempt}" for s in found)
    return f"Computed in parts that differ in {', '.join(changed)}: {parts}."


def _difference(attempt: int, epochs: list[int], numerics: dict[int, Any]) -> str:
    others = [kind for number, kind in numerics.items() if number < attempt and kind is not None]
    alike = all(kind == numerics[attempt] for kind in others)
    why = (
        "although device and versions are the same, which is a fault"
        if alike
        else "on another kind of device or with other versions"
    )
    which = f"Epoch {epochs[0]}" if len(epochs) == 1 else f"Epochs {epochs[0]}–{epochs[-1]}"
    return f"{which} came out differently when attempt {attempt} computed them again, {why}."


def _attempts(session: Session, run_id: str) -> list[Attempt]:
    query = sa.select(Attempt).where(Attempt.run_id == run_id).order_by(Attempt.attempt)
    return list(session.scalars(query))
