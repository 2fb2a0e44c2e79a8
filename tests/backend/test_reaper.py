"""The reaper takes back what is lost, never what only seems so, and repeats hints that got lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from backend import broker as brokers
from backend import reaper
from backend.broker import Broker
from backend.reaper import Reaper
from core import messages
from core.run.errors import DatabaseUnavailable
from core.run.lifecycle import RunState
from core.settings import Settings
from core.storage import leases
from core.storage.database import Database
from tests.core.storage.test_runs import state, submit
from tests.services import Valkey


class Clock:
    """The database's clock, set by hand."""

    seconds = 1e9

    def __call__(self, _: object) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(reaper, "now", found)
    return found


@pytest.fixture
def broker(valkey: Valkey) -> Iterator[Broker]:
    """A real one without any hint."""
    found = Broker(valkey.url)
    with redis.Redis.from_url(messages.redis_url(valkey.url)) as client:
        client.delete(messages.QUEUE)
    yield found
    found.close()


@pytest.fixture
def looking(database: Database, home: Path, broker: Broker) -> Reaper:
    """With a lease of 60 s, heartbeats every 10 s and a look every 15 s."""
    return Reaper(Settings(home=home, token="t"), database, broker)


def lose(database: Database) -> str:
    """A run whose lease has run out."""
    run_id = submit(database)
    with database.write() as session:
        assert leases.claim(session, "w", -1) is not None
    return run_id


def look_for(looking: Reaper, clock: Clock, seconds: float) -> None:
    """As many looks as fit in."""
    end = clock.seconds + seconds
    while clock.seconds < end:
        looking.look()
        clock.seconds += looking.settings.reap_seconds


def test_a_run_is_taken_back_after_a_lease_of_health(
    looking: Reaper, database: Database, clock: Clock
) -> None:
    """Not at once after the API's start: workers that live need that time to renew their leases."""
    run_id = lose(database)
    look_for(looking, clock, 60)
    assert state(database, run_id) == RunState.RUNNING
    looking.look()
    assert state(database, run_id) == RunState.QUEUED


def test_after_an_outage_the_lease_of_health_begins_anew(
    looking: Reaper, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error, a lock that held it up, a laptop's sleep and a clock set back are all the same."""
    look_for(looking, clock, 600)
    run_id = lose(database)

    def away() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(database, "write", lambda: (_ for _ in ()).throw(unavailable))
            patch.setattr(looking._stop, "wait", lambda _: looking._stop.set())
            looking._run()
        looking._stop.clear()

    unavailable = DatabaseUnavailable("away")
    for trouble in (away, lambda: clock_moves(clock, 3600), lambda: clock_moves(clock, -3600)):
        trouble()
        look_for(looking, clock, 60)
        assert state(database, run_id) == RunState.RUNNING
    looking.look()
    assert state(database, run_id) == RunState.QUEUED


def clock_moves(clock: Clock, seconds: float) -> None:
    clock.seconds += seconds


def test_hints_that_got_lost_are_sent_again(
    looking: Reaper,
    database: Database,
    broker: Broker,
    valkey: Valkey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One for each waiting run, but no more than `MAX_HINTS`, however often it looks."""
    monkeypatch.setattr(brokers, "MAX_HINTS", 8)
    for waiting in (1, 2):
        submit(database, seed=waiting)
        for _ in range(2):
            looking.look()
            assert broker.waiting_hints() == waiting
    with redis.Redis.from_url(messages.redis_url(valkey.url)) as client:
        client.delete(messages.QUEUE)
    for seed in range(3, 15):
        submit(database, seed=seed)
    looking.look()
    looking.look()
    assert broker.waiting_hints() == 8


def test_a_broker_that_is_away_stops_nothing_else(
    database: Database, home: Path, clock: Clock
) -> None:
    looking = Reaper(Settings(home=home, token="t"), database, Broker("unix:///nowhere/socket"))
    run_id = lose(database)
    submit(database, seed=1)  # of which a worker should be told
    look_for(looking, clock, 61)
    assert state(database, run_id) == RunState.QUEUED
