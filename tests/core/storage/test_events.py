"""Sequence numbers have no gaps and appear in commit order, whoever writes."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.storage import events, runs
from core.storage.database import Database
from tests.core.storage.test_runs import submit


def read_all(database: Database, after: int = 0, **options: object) -> list[events.StoredEvent]:
    with database.read() as session:
        found = events.after(session, after, **options)  # type: ignore[arg-type]
    assert found is not None
    return found[0]


def test_a_change_and_its_event_are_one_transaction(database: Database) -> None:
    heard = []
    database.on_commit = heard.append
    with pytest.raises(RuntimeError), database.write() as session:  # noqa: PT012
        events.append(session, "never", None)
        raise RuntimeError
    run_id = submit(database)
    assert [(e.seq, e.kind, e.run_id) for e in read_all(database)] == [(1, "created", run_id)]
    assert heard == [1]


def test_writers_at_the_same_time_leave_no_gap(database: Database) -> None:
    writers, each = 6, 15

    def write(writer: int) -> None:
        for number in range(each):
            with database.write() as session:
                events.append(session, "test", None, writer=writer, number=number)
                events.append(session, "test", None, writer=writer, number=number + 0.5)

    seen: list[int] = []
    stop = threading.Event()

    def follow() -> None:
        cursor = 0
        while not stop.is_set() or cursor < 2 * writers * each:
            with database.read() as session:
                page = events.after(session, cursor)
            assert page is not None
            seen.extend(e.seq for e in page[0])
            cursor = page[1]

    reader = threading.Thread(target=follow)
    reader.start()
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    stop.set()
    reader.join(30)
    assert seen == list(range(1, 2 * writers * each + 1))


def test_a_reader_of_some_runs_gets_theirs_and_moves_on_past_the_others(
    database: Database,
) -> None:
    first, second = submit(database, seed=1), submit(database, seed=2)
    with database.read() as session:
        page = events.after(session, 0, run_ids=[second])
    assert page is not None
    found, cursor = page
    assert [e.run_id for e in found] == [second]
    assert cursor == 2
    with database.write() as session:
        runs.cancel(session, first)
    assert read_all(database, cursor, run_ids=[second]) == []


def test_a_reader_that_is_too_far_behind_is_told_to_start_afresh(database: Database) -> None:
    for seed in range(5):
        submit(database, seed=seed)
    with database.write() as session:
        events.prune(session, keep=2)
    with database.read() as session:
        assert events.after(session, 1) is None
        assert events.after(session, 99) is None  # another database's number
        assert len(read_all(database, 3)) == 2
        assert read_all(database, 5) == []
