"""Whatever users, workers and time do, in any order, the rules of a run's life hold.

A state machine of hypothesis over the real storage, with a model of who may write beside it.
"""

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.run.demands import Demand
from core.run.errors import Conflict
from core.run.lifecycle import TERMINAL, Outcome, RunState
from core.run.spec import RunSpec
from core.storage import events, leases, runs
from core.storage.database import Database
from core.storage.tables import Base, Event, EventHead, Metric, Run
from tests.core.storage.test_runs import epoch

SPECS = {seed: RunSpec(seed=seed) for seed in range(3)}
IDS = {spec.hash()[:16]: seed for seed, spec in SPECS.items()}
run_ids = st.sampled_from(sorted(IDS))


class LifeOfRuns(RuleBasedStateMachine):
    """Three specs, two workers; every turn a worker ever had may write again, late."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.turns: list[tuple[str, int, int]] = []
        """(run, attempt, next epoch) of every claim there ever was."""
        self.terminal: dict[str, tuple[int, str]] = {}
        with database.write() as session:
            for table in reversed(Base.metadata.sorted_tables):
                if table is not EventHead.__table__:
                    session.execute(sa.delete(table))
            session.execute(sa.update(EventHead).values(seq=0))

    @rule(
        run_id=run_ids,
        epochs=st.integers(1, 4),
        owner=st.sampled_from(["launch", "study:a"]),
        priority=st.integers(0, 2),
    )
    def submit(self, run_id: str, epochs: int, owner: str, priority: int) -> None:
        self.forget(run_id)
        with self.database.write() as session:
            demand = Demand(epochs=epochs)
            runs.submit(session, SPECS[IDS[run_id]], demand, owner=owner, priority=priority)

    @rule(run_id=run_ids, name=st.sampled_from(["cancel", "pause", "resume", "retry", "delete"]))
    def ask(self, run_id: str, name: str) -> None:
        with self.database.write() as session:
            if session.get(Run, run_id) is None:
                return
        try:
            with self.database.write() as session:
                getattr(runs, name)(session, run_id)
        except Conflict:
            return
        self.forget(run_id)

    @rule(run_id=run_ids, epochs=st.integers(1, 6))
    def extend(self, run_id: str, epochs: int) -> None:
        with self.database.write() as session:
            if session.get(Run, run_id) is None:
                return
        try:
            with self.database.write() as session:
                runs.extend(session, run_id, epochs)
        except Conflict:
            return
        self.forget(run_id)

    def forget(self, run_id: str) -> None:
        """A user may take a run out of a terminal state."""
        self.terminal.pop(run_id, None)

    @rule(worker=st.sampled_from(["w1", "w2"]))
    def claim(self, worker: str) -> None:
        with self.database.write() as session:
            places = runs.queue_positions(session)
            run = leases.claim(session, worker, 60)
            assert (run is None) == (not places)
            if run is not None:
                assert places[run.id] == 1
                # Not even a run that was deleted and made anew may have an old attempt's number.
                assert (run.id, run.attempt) not in {turn[:2] for turn in self.turns}
                self.turns.append((run.id, run.attempt, run.epochs_done + 1))

    @precondition(lambda self: self.turns)
    @rule(data=st.data())
    def report_an_epoch(self, data: Any) -> None:
        index = data.draw(st.integers(0, len(self.turns) - 1))
        run_id, attempt, number = self.turns[index]
        if self.write(
            run_id, attempt, lambda s: leases.record_epochs(s, run_id, attempt, [epoch(number)])
        ):
            self.turns[index] = (run_id, attempt, number + 1)

    @precondition(lambda self: any(number > 1 for _, _, number in self.turns))
    @rule(data=st.data())
    def report_an_epoch_again(self, data: Any) -> None:
        """As after an answer that was lost."""
        choices = [turn for turn in self.turns if turn[2] > 1]
        run_id, attempt, number = data.draw(st.sampled_from(choices))
        again = [epoch(number - 1)]
        self.write(run_id, attempt, lambda s: leases.record_epochs(s, run_id, attempt, again))

    @precondition(lambda self: self.turns)
    @rule(data=st.data(), outcome=st.sampled_from(Outcome))
    def end_a_turn(self, data: Any, outcome: Outcome) -> None:
        run_id, attempt, _ = data.draw(st.sampled_from(self.turns))
        self.write(run_id, attempt, lambda s: leases.finish(s, run_id, attempt, outcome))

    @precondition(lambda self: self.turns)
    @rule(data=st.data())
    def renew(self, data: Any) -> None:
        run_id, attempt, _ = data.draw(st.sampled_from(self.turns))
        self.write(run_id, attempt, lambda s: leases.renew(s, run_id, attempt, 60))

    def write(self, run_id: str, attempt: int, work: Any) -> bool:
        """A worker's write succeeds exactly while its attempt owns the run."""
        with self.database.read() as session:
            run = session.get(Run, run_id)
            owns = run is not None and (run.state, run.attempt) == (RunState.RUNNING, attempt)
        try:
            with self.database.write() as session:
                work(session)
        except leases.Stale:
            assert not owns
            return False
        assert owns
        return True

    @rule(run_id=run_ids)
    def a_lease_runs_out(self, run_id: str) -> None:
        with self.database.write() as session:
            running = (Run.id == run_id, Run.state == RunState.RUNNING)
            session.execute(sa.update(Run).where(*running).values(lease_until=0))
            leases.take_back(session)

    @rule(worker=st.sampled_from(["w1", "w2"]))
    def a_worker_dies(self, worker: str) -> None:
        with self.database.write() as session:
            leases.take_back(session, worker_id=worker)

    @invariant()
    def the_rules_hold(self) -> None:
        with self.database.read() as session:
            rows = session.scalars(sa.select(Run)).all()
            for run in rows:
                self.check(run)
            numbers = session.scalars(sa.select(Event.seq).order_by(Event.seq)).all()
            assert list(numbers) == list(range(1, events.head(session) + 1))
            for run in rows:
                written = session.scalars(
                    sa.select(Metric).where(Metric.run_id == run.id).order_by(Metric.epoch)
                ).all()
                assert [m.epoch for m in written] == list(range(1, run.epochs_done + 1))
                assert all(m.attempt <= run.attempt for m in written)

    def check(self, run: Run) -> None:
        is_live = run.state == RunState.RUNNING
        assert is_live == (run.worker_id is not None) == (run.lease_until is not None)
        assert (run.state in TERMINAL) == (run.finished_at is not None)
        if run.state in TERMINAL:
            before = self.terminal.setdefault(run.id, (run.attempt, run.state))
            assert before == (run.attempt, run.state), "a worker left a terminal state"
        else:
            assert run.id not in self.terminal, "a worker left a terminal state"


def live(database: Database, lives: int) -> None:
    run_state_machine_as_test(
        lambda: LifeOfRuns(database),
        settings=settings(
            max_examples=lives,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_rules_of_a_run_s_life_hold(database: Database) -> None:
    """At most one live attempt; no worker leaves a terminal state; the best waiting run is claimed;
    sequence numbers have no gap; no epoch is missing, repeated or from a stale attempt.

    The short version: 25 lives of 30 steps.
    """
    live(database, 25)


@pytest.mark.slow
def test_the_rules_of_a_run_s_life_hold_for_long(database: Database) -> None:
    """The same rules over 500 lives."""
    live(database, 500)
