"""The stream replays what was missed, follows what comes, and ends with the server."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from core import messages
from core.messages import Hints
from core.run.lifecycle import Outcome
from core.run.metrics import Progress
from core.settings import Settings
from core.storage import events, leases
from core.storage.database import Database
from tests.backend.conftest import TOKEN
from tests.core.storage.test_runs import epoch, submit
from tests.followers import Heard, following, until
from tests.services import Valkey

AUTH = {"Authorization": f"Bearer {TOKEN}"}


class Server:
    """`python -m backend` as a process of its own."""

    def __init__(self, home: Path, database_url: str, broker_url: str) -> None:
        self.home, self.database_url, self.broker_url = home, database_url, broker_url
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        environment = {
            "RETHINK_HOME": str(self.home),
            "RETHINK_TOKEN": TOKEN,
            "RETHINK_DATABASE_URL": self.database_url,
            "RETHINK_BROKER_URL": self.broker_url,
            "RETHINK_PORT": str(self.port),
            "PATH": "/usr/bin:/bin",
        }
        started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "backend"], env=environment, cwd=Path(__file__).parents[2]
        )
        while True:
            try:
                assert httpx.get(f"{self.url}/api/v1/health").status_code == 200
            except httpx.TransportError:
                assert self.process.poll() is None
                assert time.monotonic() < started + 30
                time.sleep(0.02)
            else:
                self.start_seconds = time.monotonic() - started
                return

    def stop(self) -> float:
        """Seconds that a SIGTERM took."""
        started = time.monotonic()
        self.process.terminate()
        assert self.process.wait(15) == 0
        return time.monotonic() - started

    @contextmanager
    def stream(
        self, topics: str = "runs", **headers: str
    ) -> Iterator[Iterator[tuple[str, int | None, Any]]]:
        """(kind, id, data) of each event."""
        timeout = httpx.Timeout(10, read=20)
        with httpx.stream(
            "GET",
            f"{self.url}/api/v1/stream",
            params={"topics": topics},
            headers={**AUTH, **headers},
            timeout=timeout,
        ) as answer:
            assert answer.status_code == 200
            yield _parse(answer.iter_lines())


def _parse(lines: Iterator[str]) -> Iterator[tuple[str, int | None, Any]]:
    event: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if line:
            key, _, value = line.partition(": ")
            event[key] = value
        elif event:
            number = int(event["id"]) if "id" in event else None
            yield event["event"], number, json.loads(event["data"])
            event = {}


@pytest.fixture
def server(database: Database, home: Path, valkey: Valkey) -> Iterator[Server]:
    url = database.url.render_as_string(hide_password=False)
    running = Server(home, url, valkey.url)
    database.on_commit = Hints(valkey.url).news
    yield running
    if running.process.poll() is None:
        running.stop()


def test_a_new_client_starts_at_the_present_and_hears_all_that_follows(
    server: Server, database: Database
) -> None:
    submit(database, seed=0)
    with server.stream() as heard:
        assert next(heard) == ("hello", 1, {"seq": 1})
        run_id = submit(database, seed=1)
        assert next(heard) == ("created", 2, {"run_id": run_id})
        with database.write() as session:
            run = leases.claim(session, "w", 60)
            assert run is not None
            leases.record_epochs(session, run.id, run.attempt, [epoch(1)])
        kinds = [next(heard)[:2], next(heard)[:2]]
        assert kinds == [("state", 3), ("epoch", 4)]


def test_a_client_that_comes_back_gets_what_it_missed(server: Server, database: Database) -> None:
    for seed in range(5):
        submit(database, seed=seed)
    with server.stream(**{"Last-Event-ID": "2"}) as heard:
        assert [next(heard)[1] for _ in range(3)] == [3, 4, 5]


def test_a_client_that_missed_too_much_is_reset(server: Server, database: Database) -> None:
    for seed in range(5):
        submit(database, seed=seed)
    with database.write() as session:
        events.prune(session, keep=2)
    for behind in ("1", "99"):
        with server.stream(**{"Last-Event-ID": behind}) as heard:
            assert next(heard) == ("reset", 5, {"seq": 5})


def test_one_run_can_be_followed_alone(server: Server, database: Database) -> None:
    first, second = submit(database, seed=0), submit(database, seed=1)
    with server.stream(topics=f"run:{second}", **{"Last-Event-ID": "0"}) as heard:
        assert next(heard)[2] == {"run_id": second}
        with database.write() as session:
            events.append(session, "state", first, state="x")
            events.append(session, "state", second, state="y")
        assert next(heard)[2] == {"run_id": second, "state": "y"}


def test_progress_is_passed_on_without_a_number(
    server: Server, database: Database, valkey: Valkey
) -> None:
    run_id = submit(database)
    hints = Hints(valkey.url)
    with server.stream() as heard:
        next(heard)
        hints.progress(run_id, Progress(phase="training", step=5), fraction=0.5, eta_seconds=9.0)
        kind, number, data = next(heard)
    assert (kind, number) == ("progress", None)
    assert data["progress"]["step"] == 5
    assert data["fraction"] == 0.5


def test_a_hint_that_is_not_understood_is_dropped(
    server: Server, database: Database, valkey: Valkey
) -> None:
    run_id = submit(database)
    broker = messages.connect(valkey.url)
    whole = messages.ProgressHint(run_id=run_id, progress=Progress(phase="training", loss=7.5))
    text = whole.as_json()
    with server.stream() as heard:
        next(heard)
        for faulty in (
            text.replace("7.5", "1e999"),
            text.replace("7.5", "NaN"),
            text.replace("7.5", '"low"'),
            text.replace("training", "x" * 10_000),
            '{"run_id": 1}',
            "[]",
            "no JSON",
            b"\xff",
        ):
            broker.publish(messages.PROGRESS, faulty)
        broker.publish(messages.PROGRESS, text)
        kind, _, data = next(heard)
        assert (kind, data["progress"]["loss"]) == ("progress", 7.5)


def test_streams_go_on_by_polling_when_the_hints_are_lost(
    server: Server, database: Database
) -> None:
    database.on_commit = None
    with server.stream() as heard:
        next(heard)
        run_id = submit(database)
        started = time.monotonic()
        assert next(heard)[2] == {"run_id": run_id}
        assert time.monotonic() - started < 5


def test_a_restart_of_the_server_loses_and_repeats_nothing(
    server: Server, database: Database
) -> None:
    submit(database, seed=0)
    with server.stream() as heard:
        _, last, _ = next(heard)
    server.stop()
    submit(database, seed=1)
    server.start()
    submit(database, seed=2)
    with server.stream(**{"Last-Event-ID": str(last)}) as heard:
        assert [next(heard)[1] for _ in range(2)] == [2, 3]


def test_the_server_starts_fast_and_ends_with_streams_open(server: Server) -> None:
    assert server.start_seconds < 10  # under 2 s on an idle machine; tests share theirs
    ended = threading.Event()

    def watch() -> None:
        with server.stream() as heard:
            for _ in heard:
                pass
        ended.set()

    threading.Thread(target=watch, daemon=True).start()
    time.sleep(0.5)
    assert server.stop() < 8
    assert ended.wait(5)


@pytest.mark.parametrize(
    ("query", "headers", "words"),
    [
        ({"topics": "secrets"}, {}, "use runs, or run:<id>"),
        ({"topics": ""}, {}, "use runs, or run:<id>"),
        ({}, {"Last-Event-ID": "abc"}, "use a number"),
        ({}, {"Last-Event-ID": "9" * 40}, "use a number"),
    ],
)
def test_bad_requests_for_a_stream_are_refused(
    settings: Settings, query: dict[str, str], headers: dict[str, str], words: str, api: Any
) -> None:
    assert settings.token
    answer = api.get("/api/v1/stream", params=query, headers=headers)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_many_writers_and_readers_for_minutes(server: Server, database: Database) -> None:
    """Eight writers, fifty readers, three minutes: no error, no lost or repeated number. Prints the
    time from commit to client, of every event at every reader.
    """
    _load(server, database, seconds=180, writers=8, readers=50)


def test_writers_and_readers_for_some_seconds(server: Server, database: Database) -> None:
    """The short version: four writers, ten readers."""
    _load(server, database, seconds=4, writers=4, readers=10)


def _load(server: Server, database: Database, seconds: float, writers: int, readers: int) -> None:
    url = database.url.render_as_string(hide_password=False)
    hints, committed = Hints(server.broker_url), dict[int, float]()

    def note(seq: int) -> None:
        committed[seq] = time.time()
        hints.news(seq)

    def write(stop_at: float) -> None:
        own = Database(url, on_commit=note)
        while time.monotonic() < stop_at:
            with own.write() as session:
                events.append(session, "test", None)
            time.sleep(0.2)
        own.close()

    async def watch() -> list[list[Heard]]:
        with database.write() as session:
            events.append(session, "begin", None)
        async with following(server.port, TOKEN, readers, last_seen=0) as crowd:
            with ThreadPoolExecutor(writers) as pool:
                stop_at = time.monotonic() + seconds
                loop = asyncio.get_running_loop()
                await asyncio.gather(
                    *(loop.run_in_executor(pool, write, stop_at) for _ in range(writers))
                )
            with database.write() as session:
                events.append(session, "end", None)
            await until(lambda: all(client.heard[-1].kind == "end" for client in crowd), 30)
            return [client.heard for client in crowd]

    heard = asyncio.run(watch())
    with database.read() as session:
        last = events.head(session)
    assert last > seconds, "the writers hardly wrote"
    for one in heard:
        assert [event.seq for event in one] == list(range(1, last + 1))
    times = [(event.at, event.seq) for one in heard for event in one if event.kind == "test"]
    delays = sorted(at - committed[seq] for at, seq in times if seq is not None)
    p50, p95, p99 = (1000 * delays[int(len(delays) * q)] for q in (0.5, 0.95, 0.99))
    kind = database.url.get_backend_name()
    print(
        f"\n{kind}: {writers} writers, {last} events in {seconds:.0f} s, {readers} readers; "
        f"commit to client p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms"
    )


def test_ending_a_run_tells_how(server: Server, database: Database) -> None:
    run_id = submit(database)
    with database.write() as session:
        run = leases.claim(session, "w", 60)
        assert run is not None
        attempt = run.attempt
    with database.write() as session:
        leases.finish(session, run_id, attempt, Outcome.FAILED, {"message": "no", "detail": ""})
    with server.stream(**{"Last-Event-ID": "2"}) as heard:
        _, _, data = next(heard)
    assert (data["state"], data["outcome"], data["attempt"]) == ("FAILED", "failed", 1)
