"""Requests about runs, on SQLite and PostgreSQL alike."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from core.run.demands import Demand, StopRule
from core.run.errors import Conflict, NotFound, TooManyRuns
from core.run.lifecycle import Outcome, RunState
from core.run.metrics import EpochMetrics
from core.run.spec import RunSpec
from core.storage import leases, listing, runs, workers
from core.storage.database import Database
from core.storage.tables import Metric, Worker

TEN = Demand(epochs=10)


def epoch(number: int, loss: float = 1.0) -> EpochMetrics:
    return EpochMetrics(
        epoch=number,
        step=10 * number,
        train_loss=loss,
        train_accuracy=0.5,
        test_loss=2.0,
        test_accuracy=0.3,
        online_loss=1.1,
        online_accuracy=0.4,
        learning_rate=0.01,
        images_per_second=100,
        train_seconds=1,
        evaluation_seconds=0.5,
    )


def submit(database: Database, seed: int = 0, demand: Demand = TEN, **options: object) -> str:
    with database.write() as session:
        run, _ = runs.submit(session, RunSpec(seed=seed), demand, **options)  # type: ignore[arg-type]
        return run.id


def state(database: Database, run_id: str) -> RunState:
    with database.read() as session:
        return RunState(runs.get(session, run_id).state)


def train(database: Database, run_id: str, epochs: int, outcome: Outcome | None = None) -> None:
    """Claim the run, report epochs up to `epochs`, and end the attempt."""
    with database.write() as session:
        claimed = leases.claim(session, "w", 60)
        assert claimed is not None
        assert claimed.id == run_id
        attempt, done = claimed.attempt, claimed.epochs_done
    with database.write() as session:
        new = [epoch(i) for i in range(done + 1, epochs + 1)]
        leases.record_epochs(session, run_id, attempt, new)
    if outcome is not None:
        with database.write() as session:
            leases.finish(session, run_id, attempt, outcome)


def test_the_same_spec_is_the_same_run(database: Database) -> None:
    with database.write() as session:
        first, is_new = runs.submit(session, RunSpec(), TEN)
        assert is_new
    with database.write() as session:
        second, is_new = runs.submit(session, RunSpec(), TEN)
        assert not is_new
        assert second.id == first.id
        assert listing.page(session)[1] == 1


def test_requests_for_one_spec_at_the_same_time_make_one_run(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: submit(database), range(8)))
    assert len(ids) == 1


def test_a_longer_demand_extends_a_finished_run(database: Database) -> None:
    run_id = submit(database)
    train(database, run_id, 10, Outcome.COMPLETED)
    assert state(database, run_id) == RunState.SUCCEEDED
    submit(database, demand=Demand(epochs=5))
    assert state(database, run_id) == RunState.SUCCEEDED
    submit(database, demand=Demand(epochs=20))
    assert state(database, run_id) == RunState.QUEUED
    with database.read() as session:
        assert len(runs.curve(session, run_id)) == 10


def test_a_demand_made_during_the_last_epoch_is_not_lost(database: Database) -> None:
    run_id = submit(database)
    train(database, run_id, 10)
    submit(database, demand=Demand(epochs=20))
    with database.write() as session:
        assert leases.finish(session, run_id, 1, Outcome.COMPLETED) == RunState.QUEUED


def test_a_diverged_run_is_a_result_and_is_not_trained_again(database: Database) -> None:
    run_id = submit(database)
    train(database, run_id, 3, Outcome.DIVERGED)
    assert state(database, run_id) == RunState.SUCCEEDED
    submit(database, demand=Demand(epochs=50))
    assert state(database, run_id) == RunState.SUCCEEDED
    with pytest.raises(Conflict, match="diverged"), database.write() as session:
        runs.extend(session, run_id, 50)


def test_cancelling_withdraws_one_owner_s_demand_only(database: Database) -> None:
    run_id = submit(database)
    submit(database, owner="study:a", demand=Demand(epochs=3))
    with database.write() as session:
        runs.cancel(session, run_id)
    assert state(database, run_id) == RunState.QUEUED
    with database.write() as session:
        assert runs.demands(session, run_id) == {"study:a": Demand(epochs=3)}
        runs.cancel(session, run_id, owner="study:a")
    assert state(database, run_id) == RunState.CANCELLED


def test_a_run_that_only_studies_want_is_not_said_to_be_cancelled(database: Database) -> None:
    run_id = submit(database, owner="study:a:1b", demand=TEN)
    submit(database, owner="study:a:1c", demand=TEN)
    submit(database, owner="study:b:1a", demand=TEN)
    with pytest.raises(Conflict, match="study a, study b wants it"), database.write() as session:
        runs.cancel(session, run_id)
    assert state(database, run_id) == RunState.QUEUED
    with database.write() as session:
        runs.cancel(session, run_id, everywhere=True)
    assert state(database, run_id) == RunState.CANCELLED
    with database.read() as session:
        assert runs.demands(session, run_id) == {}


def test_priority_is_the_highest_among_the_demands(database: Database) -> None:
    submit(database, seed=1, priority=1)
    run_id = submit(database, seed=2)
    submit(database, seed=2, owner="study:a", priority=5)
    with database.read() as session:
        assert runs.queue_positions(session)[run_id] == 1
    with database.write() as session:
        runs.cancel(session, run_id, owner="study:a")
    with database.read() as session:
        assert runs.queue_positions(session)[run_id] == 2


def test_waiting_runs_pause_and_resume_at_once(database: Database) -> None:
    run_id = submit(database)
    with database.write() as session:
        runs.pause(session, run_id)
    with database.write() as session:
        assert leases.claim(session, "w", 60) is None
        runs.resume(session, run_id)
        assert leases.claim(session, "w", 60) is not None


def test_a_failed_run_can_be_retried_with_its_metrics_kept(database: Database) -> None:
    run_id = submit(database)
    train(database, run_id, 4, Outcome.FAILED)
    with database.write() as session:
        runs.retry(session, run_id)
        assert len(runs.curve(session, run_id)) == 4
    assert state(database, run_id) == RunState.QUEUED


def test_a_cancelled_run_is_queued_again_by_a_retry(database: Database) -> None:
    run_id = submit(database)
    with database.write() as session:
        runs.cancel(session, run_id)
    with database.write() as session:
        runs.retry(session, run_id)
        assert runs.demands(session, run_id) == {"launch": TEN}
    assert state(database, run_id) == RunState.QUEUED


@pytest.mark.parametrize("request_name", ["cancel", "pause"])
def test_an_ended_run_cannot_be_stopped(database: Database, request_name: str) -> None:
    run_id = submit(database)
    train(database, run_id, 10, Outcome.COMPLETED)
    with pytest.raises(Conflict, match="has ended"), database.write() as session:
        getattr(runs, request_name)(session, run_id)


def test_deleting_removes_metrics_but_not_what_others_demand(database: Database) -> None:
    run_id = submit(database)
    train(database, run_id, 2, Outcome.PAUSED)
    submit(database, owner="study:a")
    with pytest.raises(Conflict, match="part of study a"), database.write() as session:
        runs.delete(session, run_id)
    with database.write() as session:
        runs.cancel(session, run_id, owner="study:a")
        runs.delete(session, run_id)
    with database.read() as session:
        assert session.query(Metric).count() == 0
        with pytest.raises(NotFound, match="rethink runs"):
            runs.get(session, run_id)


def test_deleting_a_long_run_does_not_load_it(database: Database) -> None:
    """Ten thousand epochs go, and memory stays where it was."""
    run_id = submit(database)
    curve = [epoch(number).model_dump() for number in range(1, 10_001)]
    with database.write() as session:
        session.execute(sa.insert(Metric), [{"run_id": run_id, "attempt": 1} | m for m in curve])
    tracemalloc.start()
    with database.write() as session:
        runs.delete(session, run_id)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with database.read() as session:
        assert session.query(Metric).count() == 0
    assert peak < 1_000_000


def test_a_running_run_cannot_be_deleted(database: Database) -> None:
    run_id = submit(database)
    train(database, run_id, 1)
    with pytest.raises(Conflict, match="cancel it first"), database.write() as session:
        runs.delete(session, run_id)


def test_a_full_queue_refuses_new_runs_and_keeps_the_old(database: Database) -> None:
    first = submit(database, seed=0, max_queued=2)
    submit(database, seed=1, max_queued=2)
    with pytest.raises(TooManyRuns, match="RETHINK_MAX_QUEUED lets 1 runs wait"):
        submit(database, seed=2, max_queued=1)
    assert submit(database, seed=0, max_queued=2) == first
    with database.read() as session:
        assert listing.page(session)[1] == 2


def test_runs_are_filtered_sorted_and_paged(database: Database) -> None:
    for seed in range(5):
        submit(database, seed=seed, name=f"seed {seed} 100%_a")
    with database.read() as session:
        page, total = listing.page(session, text="3 100%", sort="name")
        assert [r.run("{}").name for r in page] == ["seed 3 100%_a"]
        assert total == 1
        assert listing.page(session, text="%b")[1] == 0  # no wildcard
        page, total = listing.page(session, sort="name", descending=False, limit=2, offset=2)
        assert [r.run("{}").name[:6] for r in page] == ["seed 2", "seed 3"]
        assert total == 5
        assert listing.page(session, states=[RunState.RUNNING])[1] == 0


def test_an_id_may_be_shortened_while_it_is_the_only_one(database: Database) -> None:
    run_id = submit(database)
    with database.read() as session:
        assert runs.get(session, run_id[:6]).id == run_id
        with pytest.raises(NotFound):
            runs.get(session, run_id[:5])


def test_stop_rules_survive_storage(database: Database) -> None:
    demand = Demand(epochs=9, stop=StopRule(train_loss=0.05))
    run_id = submit(database, demand=demand)
    with database.read() as session:
        assert runs.demands(session, run_id) == {"launch": demand}


def test_speeds_are_those_of_the_workers_present_or_else_of_any(database: Database) -> None:
    told = {"old": {"name": "slow"}, "gone": {"name": "fast"}, "here": {"name": "fast"}}
    for seed, (worker_id, provenance) in enumerate(told.items()):
        run_id = submit(database, seed=seed)
        with database.write() as session:
            claimed = leases.claim(session, worker_id, 60)
            assert claimed is not None
            leases.record_provenance(session, run_id, 1, provenance)
            measured = epoch(1).model_copy(update={"train_seconds": float(seed)})
            leases.record_epochs(session, run_id, 1, [measured])
    with database.write() as session:
        for worker_id, capabilities in (("here", told["here"]), ("new", {"name": "other"})):
            workers.register(session, worker_id, host="h", pid=1, capabilities=capabilities)
        here, new = workers.listed(session)

        def speeds(*present: Worker) -> list[float]:
            rows = runs.recent_speeds(session, "mlp-1x512", present)
            return sorted(row.train_seconds for row in rows)

        assert speeds(here, new) == [1, 2]
        assert speeds(new) == speeds() == [0, 1, 2]
