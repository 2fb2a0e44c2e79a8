"""Which attempt computed which epochs of a run, and whether they are one trajectory.

Attempts on the same kind of machine with the same versions (`numerics` in their provenance) compute
the same numbers to the bit. A curve put together by attempts that differ there, or of which an
epoch came out differently when it was computed again, is *mixed*.
"""

from sqlalchemy.orm import Session

from core.run.metrics import TIMINGS, EpochMetrics
from core.storage.tables import Attempt, Metric

COMPARED = tuple(field for field in EpochMetrics.model_fields if field not in TIMINGS)


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
