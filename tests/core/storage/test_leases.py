"""What workers do to runs is fenced by the attempt; what dead ones held is taken back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from core.run.demands import Demand
from core.run.lifecycle import Interrupt, Outcome, RunState
from core.run.metrics import Progress
from core.storage import leases, runs
from core.storage.database import Database
from core.storage.tables import Run
from tests.core.storage.test_runs import epoch, state, submit
from tests.stored_runs import is_mixed


def claim(database: Database, worker: str = "w", lease: float = 60) -> tuple[str, int]:
    with database.write() as session:
        run = leases.claim(session, worker, lease)
        assert run is not None
        return run.id, run.attempt


def test_a_run_is_claimed_by_one_of_many_workers(database: Database) -> None:
    submit(database)

    def try_to_claim(worker: int) -> bool:
        with database.write() as session:
            return leases.claim(session, f"w{worker}", 60) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_to_claim, range(8))) == 1


def test_many_workers_claim_many_runs_each_once(database: Database) -> None:
    ids = {submit(database, seed=seed) for seed in range(8)}
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda i: claim(database, f"w{i}")[0], range(8)))
    assert set(claimed) == ids


def test_claims_follow_priority_then_age(database: Database) -> None:
    old, urgent, new = (submit(database, seed=s, priority=p) for s, p in ((1, 0), (2, 5), (3, 0)))
    assert [claim(database)[0] for _ in range(3)] == [urgent, old, new]


WRITES: dict[str, Callable[[Session, str, int], object]] = {
    "renew": lambda s, r, a: leases.renew(s, r, a, 99, Progress(phase="training", step=99)),
    "epochs": lambda s, r, a: leases.record_epochs(s, r, a, [epoch(1)]),
    "checkpoint": lambda s, r, a: leases.record_checkpoint(
        s, r, a, step=1, epoch=0, key="k", sha256="0" * 64, size=1
    ),
    "provenance": lambda s, r, a: leases.record_provenance(s, r, a, {"late": True}),
    "finish": lambda s, r, a: leases.finish(s, r, a, Outcome.COMPLETED),
    "lose": lambda s, r, a: leases.lose(s, r, a, "gone"),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_stale_attempt_changes_nothing(database: Database, write: str) -> None:
    run_id = submit(database)
    _, first = claim(database, lease=0)
    with database.write() as session:
        assert leases.take_back(session) == [run_id]
    _, second = claim(database, "another")
    before = snapshot(database, run_id)
    with pytest.raises(leases.Stale), database.write() as session:
        WRITES[write](session, run_id, first)
    assert snapshot(database, run_id) == before
    assert before["attempt"] == second


def test_parts_by_other_variables_of_the_libraries_are_mixed(database: Database) -> None:
    """Named whichever of the two attempts had it set."""
    run_id = submit(database)
    for first, numerics in ((1, {"threads": 1, "MKL_CBWR": "AVX2"}), (2, {"threads": 1})):
        _, attempt = claim(database, f"w{first}", lease=0)
        with database.write() as session:
            leases.record_provenance(session, run_id, attempt, {"numerics": numerics})
            leases.record_epochs(session, run_id, attempt, [epoch(first)])
            leases.take_back(session)
    with database.read() as session:
        assert is_mixed(session, run_id)


def snapshot(database: Database, run_id: str) -> dict[str, object]:
    with database.read() as session:
        run = session.get_one(Run, run_id)
        row = {c.name: getattr(run, c.name) for c in Run.__table__.columns}
        row["curve"] = runs.curve(session, run_id)
        row["checkpoints"] = len(leases.checkpoints(session, run_id))
        row["provenance"] = [a.provenance for a in runs.attempts(session, run_id)]
    return row


def test_an_epoch_reported_twice_is_stored_once(database: Database) -> None:
    run_id = submit(database)
    _, attempt = claim(database)
    for _ in range(2):
        with database.write() as session:
            leases.record_epochs(session, run_id, attempt, [epoch(1), epoch(2)])
    with database.read() as session:
        assert [m.epoch for m in runs.curve(session, run_id)] == [1, 2]
        assert session.get_one(Run, run_id).epochs_done == 2


def test_a_lease_is_kept_by_renewing_it(database: Database) -> None:
    run_id = submit(database)
    _, attempt = claim(database, lease=0)
    with database.write() as session:
        leases.renew(session, run_id, attempt, 60)
        assert leases.take_back(session) == []


def test_a_run_that_loses_its_worker_again_and_again_fails_with_the_reason(
    database: Database,
) -> None:
    run_id = submit(database)
    for lost in (1, 2, 3):
        claim(database, lease=0)
        with database.write() as session:
            leases.take_back(session)
        assert state(database, run_id) == (RunState.FAILED if lost == 3 else RunState.QUEUED)
    with database.read() as session:
        error = session.get_one(Run, run_id).error
        assert error is not None
        assert "3 times in a row" in error["message"]


def test_an_epoch_between_two_losses_starts_the_count_anew(database: Database) -> None:
    run_id = submit(database)
    for number in range(1, 6):
        _, attempt = claim(database, lease=0)
        with database.write() as session:
            leases.record_epochs(session, run_id, attempt, [epoch(number)])
        with database.write() as session:
            leases.take_back(session)
    assert state(database, run_id) == RunState.QUEUED


def test_preemption_costs_nothing(database: Database) -> None:
    run_id = submit(database)
    for _ in range(5):
        _, attempt = claim(database)
        with database.write() as session:
            leases.finish(session, run_id, attempt, Outcome.PREEMPTED)
    assert state(database, run_id) == RunState.QUEUED


def test_what_a_dead_worker_held_is_queued_at_once(database: Database) -> None:
    run_id = submit(database)
    claim(database, "dead")
    with database.write() as session:
        assert leases.take_back(session, worker_id="someone else") == []
        assert leases.take_back(session, worker_id="dead") == [run_id]


def test_the_trainer_hears_cancel_before_pause_and_new_demands(database: Database) -> None:
    run_id = submit(database)
    _, attempt = claim(database)
    with database.write() as session:
        runs.pause(session, run_id)
    with database.read() as session:
        assert leases.wishes(session, run_id, attempt)[0] == Interrupt.PAUSE
    with database.write() as session:
        runs.cancel(session, run_id)
        assert leases.renew(session, run_id, attempt, 60) == (Interrupt.CANCEL, [])
    submit(database, demand=Demand(epochs=50))
    with database.read() as session:
        wish, demands = leases.wishes(session, run_id, attempt)
    assert demands == [Demand(epochs=50)]
    assert wish == Interrupt.PAUSE


def test_a_cancel_request_outlives_its_worker(database: Database) -> None:
    run_id = submit(database)
    claim(database, lease=0)
    with database.write() as session:
        runs.cancel(session, run_id)
    with database.write() as session:
        leases.take_back(session)
    assert state(database, run_id) == RunState.CANCELLED


def test_the_two_newest_checkpoints_are_kept(database: Database) -> None:
    run_id = submit(database)
    _, attempt = claim(database)
    outdated = []
    for step in (10, 20, 30, 30):
        with database.write() as session:
            outdated += leases.record_checkpoint(
                session,
                run_id,
                attempt,
                step=step,
                epoch=step // 10,
                key=f"k{step}",
                sha256="0" * 64,
                size=1,
            )
    assert outdated == ["k10"]
    with database.read() as session:
        assert [c.step for c in leases.checkpoints(session, run_id)] == [30, 20]
