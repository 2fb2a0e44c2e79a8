"""A worker in this process with a real, warm trainer child, on SQLite and on PostgreSQL; `bench` to
work with it.
"""

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import torch

from core.run.demands import Demand
from core.run.lifecycle import RunState
from core.run.metrics import TIMINGS
from core.run.spec import RunSpec
from core.settings import Settings, get_settings
from core.storage import leases, runs
from core.storage.database import Database, migrate
from core.storage.tables import Attempt, Run
from tests.processes import eventually
from tests.services import Postgres
from worker.supervise import Supervisor
from worker.training import checkpoint

POOL = ThreadPoolExecutor(1)
"""One thread for all work, as in production: a trainer dies with the thread that started it."""


class Bench:
    """The worker, and a user's requests of it."""

    def __init__(self, worker: Supervisor) -> None:
        self.worker = worker
        self.database: Database = worker.database
        self._working: Future[None] | None = None

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
        self.start_work()
        self.end_work()

    def start_work(self) -> None:
        """As a message does, while the test goes on."""
        self._working = POOL.submit(self.worker.work)

    def end_work(self) -> None:
        assert self._working is not None
        self._working.result(60)

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

    @contextmanager
    def stopping(self) -> Iterator[None]:
        """The worker is told to stop; afterwards it may work again."""
        self.worker.stopping.set()
        self.worker._changed.set()
        yield
        self.worker._heart.join()
        self.worker.stopping.clear()
        self.worker._heart = threading.Thread(target=self.worker._beat, daemon=True)
        self.worker._heart.start()

    def cut_short(self, run_id: str, epoch: int) -> None:
        """Train to `epoch` at least, then have that be enough: the run succeeds."""
        spec = RunSpec(**self.run(run_id).spec)
        self.await_epoch(run_id, epoch)
        self.submit(spec, self.run(run_id).epochs_done, owner="study:less")
        self.ask(runs.cancel, run_id)  # the launch's demand, which was for more
        self.end_work()
        assert self.run(run_id).state == RunState.SUCCEEDED, self.run(run_id).error

    def is_undisturbed(self, run_id: str) -> bool:
        """Whether curve and last weights of a run that succeeded equal those of the same trajectory
        trained in one go, as a new run.
        """
        curve, spec = self.curve(run_id), RunSpec(**self.run(run_id).spec)
        assert [row["epoch"] for row in curve] == list(range(1, len(curve) + 1))
        again = self.train(spec.replace(replicate=1), len(curve))
        assert len(self.attempts(again)) == 1
        return curve == self.curve(again) and self.weights(run_id) == self.weights(again)

    def weights(self, run_id: str) -> str:
        """Hash of the weights after the last epoch of a run that succeeded."""
        run, (newest, *_) = self.run(run_id), self.checkpoints(run_id)
        spec = RunSpec(**run.spec)
        state = checkpoint.load(newest, spec, torch.device("cpu"), None)
        assert (run.state, state.step) == (RunState.SUCCEEDED, run.step)
        return checkpoint.weights_hash(state.model)

    def checkpoints(self, run_id: str) -> list[Path]:
        """Files of the checkpoints that the database points at, newest first."""
        with self.database.read() as session:
            rows = leases.checkpoints(session, run_id)
        return [self.worker.folder.path(row.key) for row in rows]


@pytest.fixture(
    scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
)
def worker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, data_home: Path
) -> Iterator[Supervisor]:
    """A started worker; one for the whole session, since its trainer takes seconds to start."""
    home = tmp_path_factory.mktemp("worker") / "home"
    home.mkdir()
    (home / "datasets").symlink_to(data_home / "datasets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETHINK_HOME", str(home))
        patch.setenv("RETHINK_THREADS", "1")
        patch.setenv("RETHINK_CHECKPOINT_SECONDS", "0.1")
        if request.param == "postgresql":
            # A database of its own: that of other tests is emptied again and again.
            server: Postgres = request.getfixturevalue("postgres")
            patch.setenv("RETHINK_DATABASE_URL", server.new_database())
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
        for run in session.scalars(sa.select(Run)).all():
            if not RunState(run.state).terminal:
                runs.cancel(session, run.id)
    POOL.submit(int).result(60)  # whatever was under way has ended
    get_settings.cache_clear()
