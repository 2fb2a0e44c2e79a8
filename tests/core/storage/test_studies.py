"""Studies in the database, on SQLite and PostgreSQL alike."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.paper.panels.entries import StoredRun
from core.paper.plans import Plan
from core.paper.scales import Scale
from core.paper.studies import StudyName, grid, plan
from core.run.demands import Demand, StopRule
from core.run.errors import NotFound, TooManyRuns
from core.run.lifecycle import Outcome, RunState
from core.run.spec import Variant
from core.storage import curves, leases, listing, runs, studies
from core.storage.database import Database
from core.storage.tables import Run
from tests.core.storage.test_runs import epoch, state

ONE = Demand(epochs=3)


def small(*seeds: int, epochs: int = 3) -> Plan:
    return grid({"n_train": 1000}, {"seed": list(seeds)}, Demand(epochs=epochs))


def submit(database: Database, entries: Plan, request: str = "a") -> str:
    with database.write() as session:
        study, _ = studies.submit(session, "custom", {"request": request}, entries)
        return study.id


def train_all(database: Database, epochs: int = 3) -> list[str]:
    """What workers would do: claim, train and finish until nothing waits."""
    order = []
    while True:
        with database.write() as session:
            run = leases.claim(session, "w", 60)
            if run is None:
                return order
            order.append(run.id)
            done = range(run.epochs_done + 1, epochs + 1)
            leases.record_provenance(session, run.id, run.attempt, {"device": "cpu"})
            leases.record_epochs(session, run.id, run.attempt, [epoch(i) for i in done])
            leases.finish(session, run.id, run.attempt, Outcome.COMPLETED)


def test_the_same_request_is_the_same_study(database: Database) -> None:
    first = submit(database, small(0, 1))
    with database.write() as session:
        again, is_new = studies.submit(session, "custom", {"request": "a"}, small(0, 1))
        assert (again.id, is_new) == (first, False)
        assert studies.page(session)[1] == 1
        assert listing.page(session)[1] == 2


def test_requests_for_one_study_at_the_same_time_make_one_study(database: Database) -> None:
    def ask(_: int) -> tuple[str, bool]:
        with database.write() as session:
            study, is_new = studies.submit(session, "custom", {"request": "a"}, small(0, 1))
            return study.id, is_new

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert len({study_id for study_id, _ in answers}) == 1
    assert [is_new for _, is_new in answers].count(True) == 1
    with database.read() as session:
        assert studies.page(session)[1] == 1
        assert studies.plan_of(session, answers[0][0]) == small(0, 1)


def test_studies_that_share_runs_do_not_wait_for_each_other_for_ever(database: Database) -> None:
    """Each takes the same runs in another order, while others are cancelled."""
    orders = [range(12), range(11, -1, -1)]

    def ask(number: int) -> str:
        with database.write() as session:
            seeds = orders[number % 2]
            study, _ = studies.submit(session, "custom", {"request": number}, small(*seeds))
            return study.id

    def cancel(study_id: str) -> None:
        with database.write() as session:
            studies.cancel(session, study_id)

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(ask, range(8)))
        again, cancelled = pool.map(ask, range(8)), pool.map(cancel, ids)
        assert list(again) == ids
        list(cancelled)
    with database.read() as session:
        assert listing.page(session)[1] == 12


def test_the_plan_survives_storage(database: Database) -> None:
    entries = plan(StudyName.EVERYTHING, Scale.SMOKE, Variant.PAPER, 2)
    study_id = submit(database, entries)
    with database.read() as session:
        assert studies.plan_of(session, study_id) == entries


def test_a_deleted_run_is_missing_in_the_plan_that_wants_it(database: Database) -> None:
    entries = small(0, 1)
    study_id = submit(database, entries)
    train_all(database)
    gone = entries[0].spec.hash()[:16]
    with database.write() as session:
        studies.cancel(session, study_id)
        runs.delete(session, gone)
    with database.read() as session:
        assert studies.plan_of(session, study_id) == entries
        found = studies.demand_states(session, [study_id])[study_id]
        assert [(d.state, d.complete, d.done) for d in found] == [
            (None, False, 0),
            (RunState.SUCCEEDED, True, 3),
        ]
    submit(database, entries)
    assert train_all(database) == [gone], "asked for again it is trained anew"


def test_running_a_finished_study_again_trains_nothing(database: Database) -> None:
    submit(database, small(0, 1))
    assert len(train_all(database)) == 2
    submit(database, small(0, 1))
    submit(database, small(1), "b")
    assert train_all(database) == []


def test_a_plan_that_changed_in_the_code_leaves_no_stale_runs(database: Database) -> None:
    submit(database, small(7), "b")
    study_id = submit(database, small(0, 7))
    train_all(database)
    submit(database, small(9, epochs=6))
    with database.write() as session:
        assert leases.claim(session, "w", 60) is not None
    assert submit(database, small(0, 1, epochs=2)) == study_id
    with database.read() as session:
        assert studies.plan_of(session, study_id) == small(0, 1, epochs=2)
        assert len(studies.demand_states(session, [study_id])[study_id]) == 2
        given_up = [entry.spec.hash()[:16] for entry in small(7, 9)]
        owners = [set(runs.demands(session, run_id)) for run_id in given_up]
        assert owners == [{studies.owner(studies.identity({"request": "b"}), "custom")}, set()]
        running = runs.get(session, given_up[1])
        assert running.cancel_requested, "nobody asks for it any more"


def test_a_longer_study_extends_what_is_there(database: Database) -> None:
    submit(database, small(0, 1))
    train_all(database)
    submit(database, small(0, epochs=5), "b")
    assert len(train_all(database, epochs=5)) == 1


def test_workers_take_the_outline_first_whatever_the_study(database: Database) -> None:
    entries = plan(StudyName.FIGURE_1BC, Scale.SMOKE)
    other = plan(StudyName.FIGURE_1BC, Scale.QUICK)
    submit(database, entries)
    submit(database, other, "b")
    with database.write() as session:
        claims = [leases.claim(session, "w", 60) for _ in range(12)]
        claimed = [run.id for run in claims if run is not None]
    stages = {e.spec.hash()[:16]: e.stage for e in (*entries, *other)}
    assert [stages[run_id] for run_id in claimed] == sorted(stages[i] for i in claimed)
    assert {0, 1} <= {stages[i] for i in claimed}
    of_first = {e.spec.hash()[:16] for e in entries}
    assert sum(run_id in of_first for run_id in claimed[:6]) == 3, "both get their outline"


def test_long_grids_take_turns_to_their_end(database: Database) -> None:
    seeds = list(range(110))
    for name, model in (("a", "mlp-1x512"), ("b", "mlp-3x512")):
        axes = {"seed": seeds}
        submit(database, grid({"model": model, "n_train": 1000}, axes, Demand(epochs=1)), name)
    with database.read() as session:
        models = {run.id: run.model for run in session.scalars(sa.select(Run))}
        queue = [models[run_id] for run_id in runs.queue_positions(session)]
    assert queue == ["mlp-1x512", "mlp-3x512"] * len(seeds)


def test_two_panels_ask_one_run_for_two_prefixes(database: Database) -> None:
    study_id = submit(database, plan(StudyName.EVERYTHING, Scale.SMOKE))
    with database.read() as session:
        found = studies.demand_states(session, [study_id])[study_id]
        shared = {d.run_id for d in found if d.panel == "1a"} & {
            d.run_id for d in found if d.panel == "1bc"
        }
        assert len(shared) == 2
        for run_id in shared:
            owners = set(runs.demands(session, run_id))
            assert {f"study:{study_id}:1a", f"study:{study_id}:1bc"} <= owners


def test_progress_counts_epochs_and_stop_rules(database: Database) -> None:
    stop = StopRule(train_accuracy=0.5)
    entries = grid({"n_train": 1000}, {"seed": [0, 1]}, Demand(epochs=50, stop=stop))
    study_id = submit(database, entries)
    with database.write() as session:
        run = leases.claim(session, "w", 60)
        assert run is not None
        leases.record_epochs(session, run.id, run.attempt, [epoch(1)])
    with database.read() as session:
        found = studies.demand_states(session, [study_id])[study_id]
        assert sorted((d.done, d.met) for d in found) == [(0, False), (1, True)]


def test_cancelling_ends_only_what_nobody_else_wants(database: Database) -> None:
    first = submit(database, small(0, 1))
    submit(database, small(1, 2), "b")
    with database.write() as session:
        study = studies.cancel(session, first)
        assert study.cancelled_at is not None
    ids = [e.spec.hash()[:16] for e in small(0, 1, 2)]
    assert [state(database, i) for i in ids] == [
        RunState.CANCELLED,
        RunState.QUEUED,
        RunState.QUEUED,
    ]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.COMPLETED])
def test_a_cancelled_study_asks_nothing_more_of_runs_that_ended(
    database: Database, outcome: Outcome
) -> None:
    entries = small(0, epochs=150)
    run_id = entries[0].spec.hash()[:16]
    with database.write() as session:
        study, _ = studies.submit(session, "custom", {}, entries, priority=5)
        run = leases.claim(session, "w", 60)
        assert run is not None
        leases.record_epochs(session, run_id, run.attempt, [epoch(i) for i in range(1, 6)])
    with database.write() as session:
        if outcome is Outcome.COMPLETED:  # it went as far as asked
            leases.record_epochs(session, run_id, 1, [epoch(i) for i in range(6, 151)])
        leases.finish(session, run_id, 1, outcome)
    with database.write() as session:
        studies.cancel(session, study.id)
        ended = runs.get(session, run_id)
        assert (ended.priority, runs.demands(session, run_id)) == (0, {})
        assert RunState(ended.state).terminal, "it stays as it ended"
    ten = Demand(epochs=10)
    with database.write() as session:
        again, _ = runs.submit(session, entries[0].spec, ten)
        assert runs.demands(session, run_id) == {"launch": ten}, "not the 150 of the study"
        assert again.state == (RunState.QUEUED if outcome is Outcome.FAILED else RunState.SUCCEEDED)
    with database.write() as session:
        assert runs.delete(session, run_id) == run_id, "the study holds it no longer"


def test_a_cancelled_study_goes_on_when_asked_for_again(database: Database) -> None:
    study_id = submit(database, small(0))
    with database.write() as session:
        studies.cancel(session, study_id)
    submit(database, small(0))
    assert state(database, small(0)[0].spec.hash()[:16]) == RunState.QUEUED
    with database.read() as session:
        assert studies.get(session, study_id).cancelled_at is None


def test_deleting_a_study_keeps_its_results_unless_told(database: Database) -> None:
    first = submit(database, small(0, 1))
    second = submit(database, small(1, 2), "b")
    train_all(database)
    with database.write() as session:
        assert studies.delete(session, first) == []
        assert listing.page(session)[1] == 3
    with database.write() as session:
        # Run 1 is demanded by nobody else any more, run 0 was not this study's.
        assert len(studies.delete(session, second, with_runs=True)) == 2
        assert [r.id for r in listing.page(session)[0]] == [small(0)[0].spec.hash()[:16]]
        with pytest.raises(NotFound, match="rethink study list"):
            studies.get(session, second)


def test_runs_that_another_study_has_outlive_a_study_deleted_with_its_runs(
    database: Database,
) -> None:
    first = submit(database, small(0, 1))
    ended = submit(database, small(1, 2), "b")
    train_all(database)
    with database.write() as session:
        studies.cancel(session, ended)
        assert studies.delete(session, first, with_runs=True) == [small(0)[0].spec.hash()[:16]]
        assert all(d.complete for d in studies.demand_states(session, [ended])[ended])


def test_a_study_that_does_not_fit_the_queue_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(TooManyRuns), database.write() as session:
        studies.submit(session, "custom", {}, small(0, 1, 2), max_queued=2)
    with database.read() as session:
        assert listing.page(session)[1] == 0
        assert studies.page(session)[1] == 0


def test_curves_come_with_their_provenance_and_change_the_version(database: Database) -> None:
    submit(database, small(0, 1))
    ids = [e.spec.hash()[:16] for e in small(0, 1, 2)]
    with database.read() as session:
        before = curves.versions(session, ids)
    train_all(database)
    with database.read() as session:
        after = curves.versions(session, ids)
        assert set(before) == set(after) == set(ids[:2])
        assert all(before[i] != after[i] for i in after)
        found = curves.stored_runs(session, after)
    assert set(found) == {e.spec.hash() for e in small(0, 1)}
    for run in found.values():
        assert [m.epoch for m in run.curve] == [1, 2, 3]
        assert [part.provenance for part in run.parts] == [{"device": "cpu"}]
        assert run.state == RunState.SUCCEEDED


def test_what_is_read_after_each_change_is_what_is_stored(database: Database) -> None:
    """Runs that are read on from what is known equal runs that are read as a whole."""
    submit(database, small(0, epochs=9))
    run_id = small(0)[0].spec.hash()[:16]
    known: dict[str, tuple[curves.Version, StoredRun]] = {}

    def look() -> tuple[curves.Version, StoredRun]:
        with database.read() as session:
            found = curves.versions(session, [run_id])
            (whole,) = curves.stored_runs(session, found).values()
            (read_on,) = curves.stored_runs(session, found, known).values()
        assert read_on == whole
        changed = run_id not in known or known[run_id][0] != found[run_id]
        assert changed, "the version tells"
        known[run_id] = found[run_id], whole
        return known[run_id]

    def write(change: Callable[..., object], *given: object) -> StoredRun:
        with database.write() as session:
            change(session, *given)
        return look()[1]

    look()
    write(leases.claim, "w", 60)
    write(leases.record_provenance, run_id, 1, {"device": "cpu"})
    write(leases.record_epochs, run_id, 1, [epoch(1), epoch(2)])
    write(leases.record_epochs, run_id, 1, [epoch(3)])
    run = write(leases.finish, run_id, 1, Outcome.PREEMPTED)
    write(leases.claim, "w", 60)
    run = write(leases.record_provenance, run_id, 2, {"device": "cuda"})
    assert [part.first for part in run.parts] == [1]
    run = write(leases.record_epochs, run_id, 2, [epoch(3), epoch(4)])
    assert [(p.first, p.provenance) for p in run.parts] == [
        (1, {"device": "cpu"}),
        (4, {"device": "cuda"}),
    ]
    run = write(leases.record_epochs, run_id, 2, [epoch(2, loss=0.5)])
    assert [part.differs for part in run.parts] == [False, True]
    write(leases.finish, run_id, 2, Outcome.CANCELLED)

    with database.write() as session:
        studies.delete(session, studies.page(session)[0][0].id, with_runs=True)
    submit(database, small(0, epochs=9))

    def train_anew(session: Session) -> None:
        leases.claim(session, "w", 60)
        leases.record_epochs(session, run_id, 3, [epoch(i, loss=7.0) for i in range(1, 7)])

    assert write(train_anew).curve[0].train_loss == 7.0
