"""Results bundles in the database: as if its own workers had trained the runs, and never twice."""

from pathlib import Path

import sqlalchemy as sa

from core import bundles
from core.bundles import AttemptRecord, Result, SavedWeights
from core.run.demands import Demand
from core.run.lifecycle import RunState
from core.run.spec import RunSpec
from core.storage import events, imports, leases, runs, studies
from core.storage.artifacts import Folder
from core.storage.database import Database
from core.storage.tables import Run
from tests.core.hand_made import metrics
from tests.core.storage.test_runs import submit, train
from tests.stored_runs import is_mixed, parts_of

ORIGIN = {"file": "results.zip", "sha256": "0" * 64, "at": "2026-11-28"}


def result(epochs: int = 6, *, split: int | None = None, outcome: str = "completed") -> Result:
    """A run in one attempt, or in two of which the second begins at epoch `split`."""
    spec = RunSpec()
    told = {"name": "A processor", "numerics": {"threads": 1}}
    firsts = [1] if split is None else [1, split]
    return Result(
        spec=spec,
        spec_hash=spec.hash(),
        demands=[Demand(epochs=epochs)],
        outcome=outcome,  # type: ignore[arg-type]
        attempts=[
            AttemptRecord(first_epoch=f, started_at=100.0 * f, ended_at=900.0, provenance=told)
            for f in firsts
        ],
        metrics=bundles.columns([metrics(i, 1 / i) for i in range(1, epochs + 1)]),
    )


def add(database: Database, home: Path, found: Result, weights: bytes | None = None) -> str:
    with database.write() as session:
        return imports.add(session, Folder(home / "runs"), found, ORIGIN, weights)


def run_of(database: Database) -> Run:
    with database.read() as session:
        return session.scalars(sa.select(Run)).one()


def test_a_run_is_added_with_its_curve_and_its_provenance(database: Database, home: Path) -> None:
    found = result(split=4)
    assert add(database, home, found) == "added"
    run = run_of(database)
    assert (run.state, run.outcome, run.epochs_done) == (RunState.SUCCEEDED, "completed", 6)
    assert (run.started_at, run.finished_at) == (100, 900)
    with database.read() as session:
        assert runs.curve(session, run.id) == found.curve
        attempts = runs.attempts(session, run.id)
        parts = [(part.attempt, part.first) for part in parts_of(session, run.id)]
        assert not is_mixed(session, run.id)
    assert parts == [(1, 1), (2, 4)]
    for attempt in attempts:
        assert attempt.worker_id == "imported"
        assert attempt.provenance is not None
        assert attempt.provenance["imported"] == ORIGIN
        assert attempt.provenance["recorded_on"] == "A processor"


def test_a_second_import_changes_nothing(database: Database, home: Path) -> None:
    add(database, home, result())
    with database.read() as session:
        before = events.head(session)
    assert add(database, home, result()) == "present"
    assert add(database, home, result(3)) == "present"
    with database.read() as session:
        assert events.head(session) == before


def test_a_longer_result_extends_a_run(database: Database, home: Path) -> None:
    add(database, home, result(3))
    assert add(database, home, result(6)) == "extended"
    run = run_of(database)
    assert (run.state, run.epochs_done) == (RunState.SUCCEEDED, 6)
    with database.read() as session:
        assert not is_mixed(session, run.id)
        assert runs.curve(session, run.id) == result(6).curve


def test_epochs_that_came_out_differently_here_mark_the_run(database: Database, home: Path) -> None:
    run_id = submit(database, demand=Demand(epochs=3))
    train(database, run_id, 3)
    with database.write() as session:
        leases.take_back(session, worker_id="w")
    assert add(database, home, result()) == "extended"
    with database.read() as session:
        assert is_mixed(session, run_id)


def test_a_run_that_is_being_trained_is_left_alone(database: Database, home: Path) -> None:
    run_id = submit(database)
    train(database, run_id, 2)
    assert add(database, home, result()) == "running"
    assert run_of(database).epochs_done == 2


def test_a_run_that_waits_here_is_answered(database: Database, home: Path) -> None:
    submit(database, demand=Demand(epochs=6))
    assert add(database, home, result()) == "added"
    assert run_of(database).state == RunState.SUCCEEDED


def test_what_was_asked_for_beyond_the_result_is_still_to_be_trained(
    database: Database, home: Path
) -> None:
    submit(database, demand=Demand(epochs=9), owner="study:x:1bc")
    add(database, home, result())
    assert (run_of(database).state, run_of(database).epochs_done) == (RunState.QUEUED, 6)


def test_divergence_is_taken_over(database: Database, home: Path) -> None:
    add(database, home, result(2, outcome="diverged"))
    assert (run_of(database).state, run_of(database).outcome) == (RunState.SUCCEEDED, "diverged")
    assert add(database, home, result(2, outcome="diverged")) == "present"


def test_weights_become_a_checkpoint_to_go_on_from(database: Database, home: Path) -> None:
    found = result()
    found = found.model_copy(update={"weights": SavedWeights(step=60, epoch=6, sha256="1" * 64)})
    add(database, home, found, b"weights")
    with database.read() as session:
        (row,) = leases.checkpoints(session, found.run_id)
    assert (row.step, row.epoch, row.bytes) == (60, 6, 7)
    assert Folder(home / "runs").path(row.key).read_bytes() == b"weights"


def test_a_study_counts_imported_runs_as_its_own(database: Database, home: Path) -> None:
    from core.paper.plans import planned

    add(database, home, result())
    entry = planned(RunSpec(), Demand(epochs=5), "custom", "one")
    with database.write() as session:
        study, _ = studies.submit(session, "custom", {}, (entry,))
    with database.read() as session:
        (state,) = studies.demand_states(session, [study.id])[study.id]
    assert state.complete
    assert run_of(database).state == RunState.SUCCEEDED
