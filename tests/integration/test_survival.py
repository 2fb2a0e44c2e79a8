"""Whatever dies, stops or goes away: no run is lost, trained twice or shown to live when dead.

Real processes, real signals, on SQLite and PostgreSQL. Every test runs by itself:
`pytest tests/integration/test_survival.py -k NAME`. What each proves is in its docstring.
"""

import os
import signal
import sqlite3
import time

import httpx
import psycopg
import pytest

from backend.broker import Broker
from core.run.lifecycle import RunState
from tests.integration.conftest import Servers
from tests.processes import ENDLESS, Program, System, eventually, is_running, slowness, stop, tiny
from tests.stored_runs import is_mixed

WORKER_POINTS = (
    "worker.before-claim",
    "worker.after-claim",
    "worker.before-checkpoint-row@3",
    "worker.before-finish",
)
TRAINER_POINTS = ("trainer.step@30", "trainer.before-rename@2", "trainer.after-rename@2")


def look_after(system: System, run_id: str, **changes: str) -> None:
    """Start the worker again whenever it dies, as `rethink up` does, until the run has ended."""

    def has_ended() -> bool:
        if not system.workers["0"].running:
            system.start_worker("0", **changes)
        return RunState(system.state(run_id)).terminal

    eventually(has_ended, 120)


# ------------------------------------------------------------- 1. SIGKILL at named points


def test_a_run_survives_the_death_of_each_part_in_turn(system: System) -> None:
    """The short version of the tests below: one run, through which every part is killed.

    API between storing the run and telling a worker; worker after its claim; trainer within an
    epoch, before and after it renames a checkpoint; broker; worker before the terminal write.
    The run SUCCEEDS, and its metrics are an undisturbed run's.
    """
    points = ("worker.after-claim", *TRAINER_POINTS, "worker.before-finish")
    assert system.api is not None
    system.api.terminate()
    system.start_api(**system.failpoints("api.before-hint"))
    system.end_workers()
    armed = system.failpoints(*points)
    system.start_worker(**armed)
    with pytest.raises(httpx.TransportError):
        system.submit(tiny(seed=1), 80)
    assert system.struck("api.before-hint")
    run_id = tiny(seed=1).hash()[:16]
    assert system.state(run_id) == RunState.QUEUED
    system.start_api()
    eventually(lambda: not system.workers["0"].running)
    system.broker.kill()
    time.sleep(0.5)
    system.broker.start()
    look_after(system, run_id, **armed)
    assert system.state(run_id) == RunState.SUCCEEDED
    assert system.struck(*points)
    system.end_workers()
    assert system.is_undisturbed(run_id)


@pytest.mark.slow
@pytest.mark.parametrize("point", [*WORKER_POINTS, *TRAINER_POINTS])
def test_a_run_survives_sigkill_at(point: str, system: System) -> None:
    """SIGKILL of worker or trainer there: the run SUCCEEDS with an undisturbed one's numbers."""
    system.end_workers()
    armed = system.failpoints(point)
    system.start_worker(**armed)
    run_id = system.submit(tiny(seed=2, random_flip=True), 60)
    look_after(system, run_id, **armed)
    assert system.state(run_id) == RunState.SUCCEEDED
    assert system.struck(point)
    with system.database.read() as session:
        assert not is_mixed(session, run_id)
    system.end_workers()
    assert system.is_undisturbed(run_id)
    system.http.delete(f"/runs/{run_id}").raise_for_status()
    again = system.submit(tiny(seed=2, random_flip=True).replace(replicate=1), 60)
    system.http.delete(f"/runs/{again}").raise_for_status()


@pytest.mark.slow
def test_a_run_survives_sigkill_of_the_api_while_it_takes_back(system: System) -> None:
    """The API dies within the transaction that takes a run back: nothing of it is stored, and the
    next API does it.
    """
    assert system.api is not None
    system.end_workers()
    system.start_worker()
    run_id = system.submit(tiny(seed=3), ENDLESS)
    system.await_epoch(run_id, 3)
    system.api.terminate()
    system.start_api(**system.failpoints("api.taking-back"))
    system.end_workers()
    eventually(lambda: not system.api.running)  # type: ignore[union-attr]
    assert system.state(run_id) == RunState.RUNNING
    system.start_api()
    eventually(lambda: system.state(run_id) == RunState.QUEUED)
    system.start_worker()
    system.cut_short(run_id, 3)
    assert [a.outcome for a in system.attempts(run_id)] == ["lost", "cancelled"]
    assert system.is_undisturbed(run_id)


def test_no_trainer_outlives_its_worker(system: System) -> None:
    """SIGKILL of a worker ends its trainer within a second or two, in the middle of an epoch."""
    system.worker()
    run_id = system.submit(tiny(n_train=50_000, width=1, seed=4), ENDLESS)
    eventually(lambda: system.state(run_id) == RunState.RUNNING)
    worker = system.holder(run_id)
    (trainer,) = worker.children
    worker.kill()
    assert eventually(lambda: not is_running(trainer), 5) < 3


@pytest.mark.slow
def test_a_predecessor_in_the_same_slot_is_succeeded_at_once(system: System) -> None:
    """A worker that starts in the slot of a dead one does not wait for its lease to run out."""
    system.end_workers()
    patient = {"RETHINK_LEASE_SECONDS": "300"}
    worker = system.start_worker(**patient)
    run_id = system.submit(tiny(seed=5), ENDLESS)
    system.await_epoch(run_id, 5)
    worker.kill()
    started = time.monotonic()
    system.start_worker(**patient)
    eventually(lambda: system.run(run_id).attempt == 2)
    assert time.monotonic() - started < 30 * slowness()
    system.cut_short(run_id, 5)
    assert system.is_undisturbed(run_id)
    listed = system.http.get("/workers").json()
    assert len(listed) == 1, "the dead one is no longer listed"


# ------------------------------------------------------------- 2., 3. repeated and stale


def test_a_message_that_comes_many_times_starts_one_attempt(system: System) -> None:
    """Two workers hear of one run ten times: one attempt trains it, once."""
    system.worker("0"), system.worker("1")
    broker = Broker(system.broker.url)
    run_id = system.store(tiny(seed=6), 60)
    for _ in range(10):
        assert broker.wake_a_worker()
    broker.close()
    system.await_state(run_id, RunState.SUCCEEDED)
    assert [a.outcome for a in system.attempts(run_id)] == ["completed"]


def stop_between_transactions(servers: Servers, program: Program) -> None:
    """SIGSTOP. Within a transaction it would keep its locks: for 15 s on PostgreSQL, which then
    ends its session; on SQLite, where all are on one machine, until it is continued.
    """
    while True:
        stop(program.pid)
        try:
            if servers.postgres is None:
                probe = sqlite3.connect(servers.system.home / "rethink.db", timeout=0.5)
                probe.isolation_level = None
                # Exclusive: whoever only reads keeps others from committing, too.
                probe.execute("BEGIN EXCLUSIVE")
                probe.execute("ROLLBACK")
            else:
                url = servers.system.environment["RETHINK_DATABASE_URL"]
                probe = psycopg.connect(url, options="-c lock_timeout=500")
                probe.execute("SELECT 1 FROM event_head FOR UPDATE")
                probe.execute("SELECT 1 FROM run FOR UPDATE")
        except (sqlite3.OperationalError, psycopg.errors.LockNotAvailable):
            program.send(signal.SIGCONT)
            time.sleep(0.05)
        else:
            return
        finally:
            probe.close()


def test_a_stopped_worker_is_succeeded_and_gives_up_when_it_wakes(
    system: System, servers: Servers
) -> None:
    """SIGSTOP for longer than the lease: another worker takes over; continued, the first writes
    nothing, says so, and is free for other runs. Its trainer had gone on all the while.
    """
    system.worker("0"), system.worker("1")
    # Epochs of some 30 ms, so that it is not in a transaction most of the time.
    run_id = system.submit(tiny(n_train=1000, seed=7), ENDLESS)
    system.await_epoch(run_id, 5)
    holder = system.holder(run_id)
    stop_between_transactions(servers, holder)
    eventually(lambda: system.run(run_id).attempt == 2)
    system.await_epoch(run_id, system.run(run_id).epochs_done + 5)
    said = holder.said
    holder.send(signal.SIGCONT)
    eventually(lambda: "It is given up" in holder.said[len(said) :])
    system.cut_short(run_id, 5)
    assert [a.outcome for a in system.attempts(run_id)] == ["lost", "cancelled"]
    written_by = list(system.writers(run_id).values())
    assert written_by == sorted(written_by), "no epoch of the first after one of the second"
    assert system.is_undisturbed(run_id)

    def is_idle() -> bool:
        listed = system.http.get("/workers").json()
        return [w["state"] for w in listed if w["id"].endswith(f"-{holder.pid}")] == ["idle"]

    eventually(is_idle, 5)


# ------------------------------------------------------------- 4. what they depend on goes away


def test_a_run_goes_on_while_the_database_is_away_for_some_seconds(
    system: System, servers: Servers
) -> None:
    """The short version: longer than a lease. See the next test."""
    _survive_an_outage(system, servers, seconds=6)


@pytest.mark.slow
def test_a_run_goes_on_while_the_database_is_away_for_a_minute(
    system: System, servers: Servers
) -> None:
    """In mid-run, for many leases. The trainer goes on and saves; afterwards everything it measured
    is delivered, the run was never taken for lost, and the API answers again.
    """
    _survive_an_outage(system, servers, seconds=60)


def _survive_an_outage(system: System, servers: Servers, seconds: float) -> None:
    system.worker()
    # Epochs of some 30 ms: those of other tests are so short that a minute is enough for ENDLESS.
    run_id = system.submit(tiny(n_train=1000, seed=int(8 + seconds)), ENDLESS)
    system.await_epoch(run_id, 5)
    before = system.run(run_id).epochs_done

    def newest_checkpoint() -> str:
        return max(file.name for file in (system.home / "runs" / run_id).glob("*.pt"))

    with servers.database_away():
        time.sleep(1)
        newest = newest_checkpoint()
        time.sleep(seconds - 1)
        assert newest_checkpoint() > newest, "the trainer did not go on"
    eventually(lambda: system.http.get("/health").status_code == 200)
    system.await_epoch(run_id, before + 20)
    system.cut_short(run_id, 5)
    assert [a.outcome for a in system.attempts(run_id)] == ["cancelled"]
    assert system.is_undisturbed(run_id)


@pytest.mark.slow
def test_a_run_goes_on_after_a_sleep_of_the_whole_machine(system: System) -> None:
    """The laptop is closed and opened again: all leases have run out, yet nothing is taken back."""
    system.worker()
    run_id = system.submit(tiny(seed=16), ENDLESS)
    system.await_epoch(run_id, 5)
    worker, api = system.holder(run_id), system.api
    assert api is not None
    before = system.run(run_id).epochs_done
    pids = [worker.pid, *worker.children, api.pid]
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for pid in pids:
            os.kill(pid, number)
        time.sleep(6 if number == signal.SIGSTOP else 0)
    system.await_epoch(run_id, before + 20)
    time.sleep(2)
    system.cut_short(run_id, 5)
    assert [a.outcome for a in system.attempts(run_id)] == ["cancelled"]
    assert system.is_undisturbed(run_id)


def test_a_broker_that_goes_away_costs_time_only(system: System) -> None:
    """While it is down runs go on and new ones are accepted; the same worker trains them after."""
    system.end_workers()
    worker = system.worker()
    first = system.submit(tiny(seed=9), ENDLESS)
    system.await_epoch(first, 3)
    system.broker.kill()
    started = time.monotonic()
    second = system.submit(tiny(seed=10), 3)
    assert time.monotonic() - started < 5 * slowness(), "a request must not hang"
    system.await_epoch(first, system.run(first).epochs_done + 20)
    system.broker.start()
    system.cut_short(first, 1)
    system.await_state(second, RunState.SUCCEEDED)
    third = system.submit(tiny(seed=11), 3)
    system.await_state(third, RunState.SUCCEEDED)
    assert worker.running


def test_a_worker_waits_for_a_broker_and_a_database_that_come_later(
    system: System, servers: Servers
) -> None:
    """It says what it waits for, neither ends nor fills its log, and then works."""
    system.end_workers()
    run_id = system.store(tiny(seed=12), 3)
    system.broker.kill()
    if servers.postgres is not None:
        servers.postgres.stop()
    worker = system.start_worker("late", wait=False)
    expected = "waiting for the database" if servers.postgres else "Cannot connect to"
    eventually(lambda: expected in worker.said)
    if servers.postgres is not None:
        servers.postgres.start()
    eventually(lambda: "Cannot connect to" in worker.said)
    assert worker.said.count("Cannot connect to") < 10
    system.broker.start()
    system.await_state(run_id, RunState.SUCCEEDED)
    assert worker.running


# ------------------------------------------------------------- ending and sharing


def test_a_worker_in_mid_run_ends_within_seconds_and_another_goes_on(system: System) -> None:
    """SIGTERM: the run is saved at the next step, handed back at no cost, taken over at once."""
    system.worker("0"), system.worker("1")
    run_id = system.submit(tiny(seed=13), ENDLESS)
    system.await_epoch(run_id, 5)
    worker = system.holder(run_id)
    (trainer,) = worker.children
    seconds = worker.terminate()
    assert seconds < 8
    assert not is_running(trainer)
    assert eventually(lambda: system.run(run_id).attempt == 2) < 8
    system.cut_short(run_id, 5)
    assert [a.outcome for a in system.attempts(run_id)] == ["preempted", "cancelled"]
    assert system.run(run_id).lost == 0
    assert system.is_undisturbed(run_id)
    print(f"\nSIGTERM to end of the worker: {seconds:.1f} s")


def test_a_worker_ends_within_seconds_when_nothing_answers(
    system: System, servers: Servers
) -> None:
    """Its trainer hangs, the broker is down, and so is PostgreSQL: SIGTERM still ends it."""
    system.worker()
    run_id = system.submit(tiny(seed=19), ENDLESS)
    system.await_epoch(run_id, 2)
    worker = system.holder(run_id)
    os.kill(worker.children[0], signal.SIGSTOP)
    system.broker.kill()
    if servers.postgres is not None:
        servers.postgres.stop()
    seconds = worker.terminate()
    assert seconds < 10
    if servers.postgres is not None:
        servers.postgres.start()
    system.broker.start()
    eventually(lambda: system.state(run_id) == RunState.QUEUED)


def test_workers_share_a_queue_and_the_list_says_what_each_does(system: System) -> None:
    """Two workers on one host: each run is trained once, both train, the list names their runs."""
    system.worker("0"), system.worker("1")
    ids = [system.submit(tiny(seed=seed), ENDLESS) for seed in (20, 21)]
    for run_id in ids:
        system.await_epoch(run_id, 1)
    listed = {}

    def both_are_busy() -> bool:
        found = system.http.get("/workers").json()
        listed.update({w["run_id"]: w for w in found if w["state"] == "busy"})
        return set(ids) <= set(listed)

    eventually(both_are_busy)
    assert all(listed[run_id]["memory_bytes"] > 50_000_000 for run_id in ids)
    holders = {system.run(run_id).worker_id for run_id in ids}
    assert holders == {listed[run_id]["id"] for run_id in ids}
    assert len(holders) == 2
    for run_id in ids:
        system.post(run_id, "cancel")
        system.await_state(run_id, RunState.CANCELLED)


@pytest.mark.slow
def test_a_run_goes_on_at_another_host_that_shares_the_artifacts(system: System) -> None:
    """A home of its own, only the checkpoints are shared: it goes on from where it stopped."""
    system.end_workers()
    shared = {"RETHINK_ARTIFACTS": str(system.home / "runs")}
    first = system.start_worker(**shared)
    run_id = system.submit(tiny(seed=15), ENDLESS)
    system.await_epoch(run_id, 5)
    first.terminate()
    other = system.home.with_name("other-host")
    other.mkdir(exist_ok=True)
    if not (other / "datasets").exists():
        (other / "datasets").symlink_to((system.home / "datasets").resolve())
    system.start_worker("other", RETHINK_HOME=str(other), **shared)
    system.cut_short(run_id, 5)
    provenance = system.attempts(run_id)[1].provenance
    assert provenance is not None
    assert provenance["first_step"] > 0
    assert not (other / "runs").exists()
    system.end_workers()
    assert system.is_undisturbed(run_id)
