"""A worker in this process with a real, warm trainer child, on SQLite; `bench` to work with it."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.domain.demands import Demand
from core.domain.lifecycle import RunState
from core.domain.metrics import TIMINGS
from core.domain.spec import RunSpec
from core.settings import Settings, get_settings
from core.storage import leases, runs
from core.storage.database import Database, migrate
from core.storage.tables import Attempt, Run
from worker.supervise import Supervisor

ENDLESS = 10_000


def tiny(**changes: Any) -> RunSpec:
    """A run on real images that takes milliseconds an epoch: 4 steps of 50 images."""
    small: dict[str, Any] = {"n_train": 200, "n_test": 100, "width": 0.1, "batch_size": 50}
    return RunSpec(**(small | changes))


def eventually(holds: Callable[[], object], seconds: float = 20) -> float:
    """Wait until `holds()`; returns the seconds it took."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - started


class Bench:
    """The worker, and a user's requests of it."""

    def __init__(self, worker: Supervisor) -> None:
        self.worker = worker
        self.database: Database = worker.database
        self._thread: threading.Thread | None = None

    def submit(self, spec: RunSpec, epochs: int, **options: Any) -> str:
        with self.database.write() as session:
            return runs.submit(session, spec, Demand(epochs=epochs), **options)[0].id

    def ask(self, change: Callable[..., Any], run_id: str, *arguments: Any) -> None:
        with self.database.write() as session:
            change(session, run_id, *arguments)

    def run(self, run_id: str) -> Run:
        with self.database.read() as session:
            return runs.get(session, run_id)

    def attempts(self, run_id: str) -> list[Attempt]:
        with self.database.read() as session:
            return list(runs.attempts(session, run_id))

    def work(self) -> None:
        """As a message does, to the end."""
        self.worker.work()

    def start_work(self) -> None:
        """As a message does, while the test goes on."""
        self._thread = threading.Thread(target=self.worker.work)
        self._thread.start()

    def end_work(self) -> None:
        assert self._thread is not None
        self._thread.join(30)
        assert not self._thread.is_alive()

    def await_epoch(self, run_id: str, epoch: int) -> None:
        eventually(lambda: self.run(run_id).epochs_done >= epoch)

    def train(self, spec: RunSpec, epochs: int) -> str:
        run_id = self.submit(spec, epochs)
        self.work()
        assert self.run(run_id).state == RunState.SUCCEEDED, self.run(run_id).error
        return run_id

    def curve(self, run_id: str) -> list[dict[str, Any]]:
        """The metrics without the columns that depend on the machine's load."""
        with self.database.read() as session:
            found = runs.curve(session, run_id)
        return [m.model_dump(exclude=set(TIMINGS)) for m in found]

    def undisturbed(self, spec: RunSpec, epochs: int) -> list[dict[str, Any]]:
        """The curve of the same trajectory, trained in one go as a run of its own."""
        return self.curve(self.train(spec.replace(replicate=spec.replicate + 1), epochs))

    def checkpoints(self, run_id: str) -> list[Path]:
        """Files of the checkpoints that the database points at, newest first."""
        with self.database.read() as session:
            rows = leases.checkpoints(session, run_id)
        return [self.worker.folder.path(row.key) for row in rows]


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory, data_home: Path) -> Iterator[Supervisor]:
    """A started worker; one for the whole session, since its trainer takes seconds to start."""
    home = tmp_path_factory.mktemp("worker") / "home"
    home.mkdir()
    (home / "datasets").symlink_to(data_home / "datasets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETHINK_HOME", str(home))
        patch.setenv("RETHINK_THREADS", "1")
        patch.setenv("RETHINK_CHECKPOINT_SECONDS", "0.1")
        settings = Settings()
        migrate(settings)
        started = Supervisor(settings, "test")
        started.start()
    yield started
    started.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def bench(
    worker: Supervisor,
    cifar10: object,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    """The worker, idle; afterwards nothing waits for it any more."""
    monkeypatch.setenv("RETHINK_HOME", str(worker.settings.root))
    monkeypatch.setenv("RETHINK_THREADS", "1")
    monkeypatch.setenv("RETHINK_CHECKPOINT_SECONDS", "0.1")
    get_settings.cache_clear()
    yield Bench(worker)
    with worker.database.write() as session:
        for run in runs.page(session, limit=1000)[0]:
            if not RunState(run.state).terminal:
                runs.cancel(session, run.id)
    eventually(lambda: not worker._busy.locked())
    get_settings.cache_clear()
