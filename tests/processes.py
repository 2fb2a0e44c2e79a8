"""The whole system as real processes, for tests that kill, stop and starve parts of it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from core.failpoints import VARIABLE
from core.run.demands import Demand
from core.run.lifecycle import RunState
from core.run.metrics import TIMINGS
from core.run.spec import RunSpec
from core.settings import Settings
from core.storage import runs
from core.storage.database import Database, migrate
from core.storage.tables import Attempt, Metric, Run
from tests.services import Valkey

ROOT = Path(__file__).parents[1]
TOKEN = "a-token-for-tests"
ENDLESS = 10_000
QUICK = {
    "RETHINK_LEASE_SECONDS": "4",
    "RETHINK_HEARTBEAT_SECONDS": "1",
    "RETHINK_REAP_SECONDS": "0.5",
    "RETHINK_CHECKPOINT_SECONDS": "0.1",
    "RETHINK_HANG_SECONDS": "20",
    "RETHINK_THREADS": "1",
}
"""Settings under which what takes minutes takes seconds."""


def tiny(**changes: Any) -> RunSpec:
    """A run on real images that takes milliseconds an epoch: 4 steps of 50 images."""
    small: dict[str, Any] = {"n_train": 200, "n_test": 100, "width": 0.1, "batch_size": 50}
    return RunSpec(**(small | changes))


def slowness() -> float:
    """How much longer than on an idle machine things may take: processes that want a core, a core.

    Times are promised for a machine that is not overloaded; on others only the outcome is.
    """
    return max(1.0, 1.5 * os.getloadavg()[0] / (os.cpu_count() or 1))


def eventually(holds: Callable[[], object], seconds: float = 40) -> float:
    """Wait until `holds()`; returns the seconds it took, as on an idle machine."""
    started, factor = time.monotonic(), slowness()
    while not holds():
        assert time.monotonic() - started < seconds * factor, f"not within {seconds} s"
        time.sleep(0.03)
    return (time.monotonic() - started) / factor


KEPT = ("PATH", "NUMBA_CACHE_DIR")
"""Variables that programs under test have from the tests; nothing else of the user's."""


class Program:
    """One of the project's programs, with its log in a file."""

    def __init__(self, name: str, environment: dict[str, str], log: Path, *arguments: str) -> None:
        self.environment, self.log = environment, log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", name, *arguments],
                env={n: os.environ[n] for n in KEPT if n in os.environ} | environment,
                cwd=ROOT,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self) -> float:
        """Ask it to end; returns the seconds it took, as on an idle machine."""
        started = time.monotonic()
        self.process.terminate()
        assert self.process.wait(60) == 0, self.said[-3000:]
        return (time.monotonic() - started) / slowness()

    @property
    def children(self) -> list[int]:
        """Process ids of what it has started."""
        listings = Path(f"/proc/{self.pid}/task").glob("*/children")
        return [int(pid) for listing in listings for pid in listing.read_text().split()]


class System:
    """API, workers, broker and database; each may be started, stopped and killed."""

    def __init__(self, home: Path, database_url: str, **changes: str) -> None:
        self.home, self.broker = home, Valkey()
        self.environment = {
            **QUICK,
            "RETHINK_HOME": str(home),
            "RETHINK_TOKEN": TOKEN,
            "RETHINK_DATABASE_URL": database_url,
            "RETHINK_BROKER_URL": self.broker.url,
            **changes,
        }
        settings = Settings(home=home, database_url=database_url)
        migrate(settings)
        self.database = Database(settings.database)
        self.api: Program | None = None
        self.workers: dict[str, Program] = {}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}/api/v1",
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=15,
        )

    # ------------------------------------------------------------------------- processes

    def start_api(self, **changes: str) -> Program:
        if self.api is not None:
            self.api.process.wait(10)
        environment = {**self.environment, "RETHINK_PORT": str(self.port), **changes}
        self.api = Program("backend", environment, self.home / "api.log")
        eventually(self._answers)
        return self.api

    def _answers(self) -> bool:
        assert self.api is not None
        assert self.api.running, self.api.said[-3000:]
        try:
            return self.http.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def start_worker(self, slot: str = "0", *, wait: bool = True, **changes: str) -> Program:
        if slot in self.workers:
            assert not self.workers[slot].running, "a worker runs in this slot"
        log = self.home / f"worker-{slot}.log"
        seen = log.read_text().count(" is ready: ") if log.exists() else 0
        environment = {**self.environment, **changes}
        worker = Program("worker", environment, log, "run", "--slot", slot)
        self.workers[slot] = worker
        if wait:
            eventually(lambda: worker.said.count(" is ready: ") > seen or not worker.running)
            assert worker.running, worker.said[-3000:]
        return worker

    def worker(self, slot: str = "0") -> Program:
        """The worker of a slot, running: one of an earlier test if it is still well."""
        found = self.workers.get(slot)
        return found if found is not None and found.running else self.start_worker(slot)

    def holder(self, run_id: str) -> Program:
        """The worker that trains the run."""
        ends = f"-{self.run(run_id).worker_id}".rpartition("-")[2]
        return next(w for w in self.workers.values() if str(w.pid) == ends)

    def end_workers(self) -> None:
        for worker in self.workers.values():
            if worker.running:
                worker.send(signal.SIGCONT)
                worker.kill()
        self.workers.clear()

    def close(self) -> None:
        self.end_workers()
        if self.api is not None and self.api.running:
            self.api.kill()
        self.http.close()
        self.database.close()
        self.broker.close()

    def failpoints(self, *points: str) -> dict[str, str]:
        """The variable that arms `points` (NAME or NAME@COUNT), once each."""
        parts = []
        for point in points:
            file = self.home / f"failpoint-{point}"
            file.touch()
            parts.append(f"{point}={file}")
        return {VARIABLE: ",".join(parts)}

    def struck(self, *points: str) -> bool:
        """Whether each of `points` has killed its process."""
        return not any((self.home / f"failpoint-{point}").exists() for point in points)

    # ------------------------------------------------------------------------- runs

    def submit(self, spec: RunSpec, epochs: int) -> str:
        """Ask the API for a run, as a user does; returns its id."""
        body = {"spec": spec.model_dump(mode="json", exclude_none=True), "epochs": epochs}
        answer = self.http.post("/runs", json=body)
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])

    def store(self, spec: RunSpec, epochs: int) -> str:
        """Put a run into the queue without anyone being told."""
        with self.database.write() as session:
            return runs.submit(session, spec, Demand(epochs=epochs))[0].id

    def post(self, run_id: str, change: str, **body: Any) -> None:
        answer = self.http.post(f"/runs/{run_id}/{change}", json=body or None)
        assert answer.status_code == 200, answer.text

    def run(self, run_id: str) -> Run:
        with self.database.read() as session:
            return runs.get(session, run_id)

    def state(self, run_id: str) -> str:
        return self.run(run_id).state

    def attempts(self, run_id: str) -> list[Attempt]:
        with self.database.read() as session:
            return list(runs.attempts(session, run_id))

    def writers(self, run_id: str) -> dict[int, int]:
        """The attempt that wrote each epoch."""
        with self.database.read() as session:
            query = sa.select(Metric.epoch, Metric.attempt).where(Metric.run_id == run_id)
            return {row[0]: row[1] for row in session.execute(query)}

    def await_epoch(self, run_id: str, epoch: int, seconds: float = 40) -> None:
        eventually(lambda: self.run(run_id).epochs_done >= epoch, seconds)

    def await_state(self, run_id: str, state: RunState, seconds: float = 60) -> float:
        took = eventually(
            lambda: self.state(run_id) == state or RunState(self.state(run_id)).terminal, seconds
        )
        run = self.run(run_id)
        assert run.state == state, run.error
        return took

    def cut_short(self, run_id: str, more: int) -> None:
        """Let a run train `more` epochs, then end it there with success."""
        self.await_epoch(run_id, self.run(run_id).epochs_done + more)
        self.post(run_id, "cancel")
        self.await_state(run_id, RunState.CANCELLED)

    def curve(self, run_id: str) -> list[dict[str, Any]]:
        """The metrics without the columns that depend on the machine's load."""
        with self.database.read() as session:
            found = runs.curve(session, run_id)
        return [m.model_dump(exclude=set(TIMINGS)) for m in found]

    def is_undisturbed(self, run_id: str) -> bool:
        """Whether the curve is whole, and that of the same spec trained in peace as a new run.

        The new run may take as long as the first did, outages and all.
        """
        curve, spec = self.curve(run_id), RunSpec(**self.run(run_id).spec)
        assert [row["epoch"] for row in curve] == list(range(1, len(curve) + 1))
        self.worker()
        again = self.submit(spec.replace(replicate=1), len(curve))
        self.await_state(again, RunState.SUCCEEDED, 200)
        assert len(self.attempts(again)) == 1
        return curve == self.curve(again)

    @contextmanager
    def tidy(self) -> Iterator[None]:
        """Afterwards nothing waits or runs any more, and no worker has settings of its own.

        One with a lease of minutes, left to the next test, would keep its runs from all others.
        """
        yield
        self._forget_the_dead()
        with self.database.write() as session:
            for run in session.scalars(sa.select(Run)).all():
                if not RunState(run.state).terminal:
                    runs.cancel(session, run.id)
        for worker in self.workers.values():
            worker.send(signal.SIGCONT)
        if self.workers:
            eventually(self._at_rest)
        for worker in self.workers.values():
            if worker.environment != self.environment:
                worker.kill()
        self._forget_the_dead()

    def _forget_the_dead(self) -> None:
        self.workers = {slot: w for slot, w in self.workers.items() if w.running}

    def _at_rest(self) -> bool:
        with self.database.read() as session:
            return RunState.RUNNING not in runs.count_by_state(session)


def is_running(pid: int) -> bool:
    """Whether the process is there, and not just waiting to be buried."""
    try:
        return _state(Path(f"/proc/{pid}/stat")) != "Z"
    except OSError:
        return False


def stop(pid: int) -> None:
    """SIGSTOP, and wait for it: a thread that is in the kernel goes on until it leaves it."""
    os.kill(pid, signal.SIGSTOP)
    threads = Path(f"/proc/{pid}/task")
    eventually(lambda: all(_state(stat) == "T" for stat in threads.glob("*/stat")), 10)


def _state(stat: Path) -> str:
    return stat.read_text().rpartition(")")[2].split()[0]
