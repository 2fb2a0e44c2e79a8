"""`system`: API, workers, broker and database as processes, on SQLite and on PostgreSQL."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import System
from tests.services import Postgres


class Servers:
    """What lives longer than one test: processes take seconds to start."""

    def __init__(self, system: System, postgres: Postgres | None) -> None:
        self.system, self.postgres = system, postgres

    @contextmanager
    def database_away(self) -> Iterator[None]:
        """PostgreSQL is down; SQLite is locked by someone who does not let go."""
        if self.postgres is not None:
            self.postgres.stop()
            yield
            self.postgres.start()
            return
        connection = sqlite3.connect(self.system.home / "rethink.db", timeout=30)
        connection.isolation_level = None
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
        connection.close()


@pytest.fixture(
    scope="module",
    # A minute each is too long for every run of the tests; PostgreSQL is also the rarer layout.
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)],
)
def servers(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    data_home: Path,
    cifar10: object,  # noqa: ARG001
) -> Iterator[Servers]:
    """A system whose API runs; PostgreSQL is its own, so that it can be stopped."""
    home = tmp_path_factory.mktemp("system") / "home"
    home.mkdir()
    (home / "datasets").symlink_to(data_home / "datasets")
    postgres = Postgres() if request.param == "postgresql" else None
    url = postgres.new_database() if postgres else f"sqlite:///{home / 'rethink.db'}"
    system = System(home, url)
    try:
        system.start_api()
        yield Servers(system, postgres)
    finally:
        system.close()
        if postgres is not None:
            postgres.close()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def system(servers: Servers) -> Iterator[System]:
    """The system, with nothing queued; afterwards nothing is."""
    with servers.system.tidy():
        yield servers.system
