"""Studies whose runs are there at once, as a worker leaves them, without its many transactions."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.paper.panels.entries import Part, mixed
from core.paper.plans import Planned
from core.paper.scales import Scale
from core.paper.studies import StudyName, plan
from core.run.spec import Variant
from core.settings import Settings
from core.storage import curves, runs, studies
from core.storage.database import Database
from core.storage.tables import Attempt, Metric
from tests.core.hand_made import SEGMENT, fits_at


def parts_of(session: Session, run_id: str) -> list[Part]:
    """What each attempt added to the run's curve."""
    (run,) = curves.stored_runs(session, curves.versions(session, [run_id])).values()
    return list(run.parts)


def is_mixed(session: Session, run_id: str) -> bool:
    """Whether the run's curve is not one trajectory."""
    return mixed(parts_of(session, run_id))


def fill(settings: Settings, name: StudyName, scale: Scale, seeds: int = 1) -> str:
    """Launch the study and give every run a curve, all at once. Returns its id."""
    database = Database(settings.database)
    entries = plan(name, scale, Variant.PAPER, seeds)
    request = {"scale": scale, "variant": "paper", "seeds": seeds, "name": name}
    with database.write() as session:
        study, _ = studies.submit(session, name, request, entries)
        epochs: dict[str, int] = {}
        for entry in entries:
            run_id = entry.spec.hash()[:16]
            epochs[run_id] = max(epochs.get(run_id, 0), min(entry.demand.epochs, 100))
        for entry in {entry.spec.hash(): entry for entry in entries}.values():
            finish(session, entry, epochs[entry.spec.hash()[:16]])
        study_id = study.id
    database.close()
    return study_id


def finish(session: Session, entry: Planned, epochs: int) -> None:
    """Give the entry's run a curve that fits later the more its labels are corrupted."""
    run = runs.get(session, entry.spec.hash()[:16])
    run.state, run.outcome, run.attempt, run.epochs_done = "SUCCEEDED", "completed", 1, epochs
    run.started_at, run.finished_at = 1e9, 1e9 + 60
    told = {"started_at": 1e9, "ended_at": 1e9 + 60, "provenance": SEGMENT}
    session.add(Attempt(run_id=run.id, attempt=1, worker_id="w", **told))
    fit = round(5 + 20 * entry.spec.label_corruption) + entry.role.seed
    rows = [{"run_id": run.id, "attempt": 1, **m.model_dump()} for m in fits_at(fit, epochs)]
    session.execute(sa.insert(Metric), rows)
