"""What workers do before a plan's runs, on SQLite and PostgreSQL alike."""

import pytest

from backend.studies.queue import before
from core.paper.plans import Plan, expected_epochs
from core.paper.scales import Scale
from core.paper.studies import StudyName, grid, plan
from core.run.demands import Demand, StopRule
from core.storage import leases, runs, studies
from core.storage.database import Database
from tests.core.storage.test_runs import epoch


def submit(database: Database, entries: Plan) -> None:
    with database.write() as session:
        studies.submit(session, "custom", {}, entries)


def ahead(database: Database) -> dict[str, int]:
    """Epochs still to train, by the hash of the spec."""
    with database.read() as session:
        return {run.spec.hash(): run.epochs for run in before(session, -100, ())}


@pytest.mark.parametrize("scale", Scale)
def test_runs_before_are_expected_to_fit_when_runs_of_their_size_do(
    database: Database, scale: Scale
) -> None:
    entries = plan(StudyName.FIGURE_1BC, scale)
    submit(database, entries)
    assert ahead(database) == {entry.spec.hash(): expected_epochs(entry) for entry in entries}


@pytest.mark.parametrize("stop", [StopRule(train_loss=0.6), StopRule(train_accuracy=0.5)])
def test_a_demand_whose_stop_rule_has_held_is_not_waited_for(
    database: Database, stop: StopRule
) -> None:
    entries = grid({"n_train": 1000}, {}, Demand(epochs=100, stop=stop))
    submit(database, entries)
    (run_hash,) = ahead(database)
    with database.write() as session:
        runs.submit(session, entries[0].spec, Demand(epochs=12))
        run = leases.claim(session, "w", 60)
        assert run is not None
        leases.record_epochs(session, run.id, run.attempt, [epoch(1, loss=0.5)])
        worse = epoch(2).model_copy(update={"train_accuracy": 0.4})
        leases.record_epochs(session, run.id, run.attempt, [worse])
    assert ahead(database) == {run_hash: 10}, "12 of the other, less the two there are"


def test_a_run_whose_demands_are_all_met_is_about_to_end(database: Database) -> None:
    submit(database, grid({"n_train": 1000}, {}, Demand(epochs=100, stop=StopRule(train_loss=2))))
    with database.write() as session:
        run = leases.claim(session, "w", 60)
        assert run is not None
        leases.record_epochs(session, run.id, run.attempt, [epoch(1)])
    assert list(ahead(database).values()) == [1]
