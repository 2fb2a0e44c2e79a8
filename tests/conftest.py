"""Fixtures for every test. Each section stands alone; nothing here imports torch.

- Data: `cifar10` is the real dataset, `home` an empty home, `home_with_data` one that has it.
- Services: `database_url` is a fresh, migrated database, once on SQLite and once on PostgreSQL;
  `valkey` is a real broker.
"""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

from core.catalogue.registry import Registry
from core.settings import Settings, get_settings
from core.storage.database import Database, migrate
from tests.services import Postgres, Valkey
from worker import child
from worker.datasets import store
from worker.datasets.images import ImageDataset

# A shell's background jobs ignore Ctrl-C and would hand that down to the programs under test.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Threads of tests that train wait as a trainer's do: before torch is loaded, or it has no effect.
# What Numba compiles is kept between test runs, and is not compiled anew for every test's home.
os.environ.update(child.environment(Path(__file__).parents[1] / ".cache/tests"))

# The same examples in every run; HYPOTHESIS_PROFILE=search looks for new ones.
hypothesis_settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis_settings.register_profile("search", deadline=None, max_examples=1000)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

Add = Callable[[Registry[Any], Any], None]

# ---------------------------------------------------------------------------------- data


@pytest.fixture(scope="session")
def data_home() -> Path:
    """The home whose `datasets` folder is kept between test runs, in `RETHINK_TEST_HOME` if set."""
    checkout = Path(__file__).parents[1]
    return Path(os.environ.get("RETHINK_TEST_HOME") or checkout / ".cache/tests/home").absolute()


@pytest.fixture(scope="session")
def cifar10(data_home: Path) -> ImageDataset:
    """Real CIFAR-10, prepared once."""
    return store.load("cifar10", data_home, folder=get_settings().cifar10)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home, which the settings name."""
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("RETHINK_HOME", str(place))
    get_settings.cache_clear()
    yield place
    get_settings.cache_clear()
    shutil.rmtree(place, ignore_errors=True)  # pytest would keep it for some runs


@pytest.fixture
def home_with_data(home: Path, data_home: Path, cifar10: ImageDataset) -> Path:  # noqa: ARG001
    """A home that is empty but for the prepared CIFAR-10, linked and not copied."""
    (home / "datasets").symlink_to(data_home / "datasets")
    return home


@pytest.fixture
def add() -> Iterator[Add]:
    """Puts a descriptor into a registry of the catalogue until the test ends."""
    added: list[tuple[Registry[Any], str]] = []

    def to(registry: Registry[Any], descriptor: Any) -> None:
        registry.add(descriptor)
        added.append((registry, descriptor.name))

    yield to
    for registry, name in added:
        registry.remove(name)


# ------------------------------------------------------------------------------ services


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL for the whole session."""
    server = Postgres()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> str:
    """One database for the session: to empty it is much cheaper than to make another."""
    if url := os.environ.get("RETHINK_TEST_POSTGRES_URL"):
        return url
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """A real broker for the whole session."""
    server = Valkey()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a schema, on each of the two."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return _emptied(url)


def _emptied(url: str) -> str:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return url


@pytest.fixture
def database_url(empty_database_url: str, home: Path) -> str:
    """A fresh database at the newest schema, on each of the two."""
    migrate(Settings(home=home, database_url=empty_database_url))
    return empty_database_url


@pytest.fixture
def database(database_url: str, home: Path) -> Iterator[Database]:
    """Transactions on a fresh database, on each of the two."""
    opened = Database(Settings(home=home, database_url=database_url).database)
    yield opened
    opened.close()


# ------------------------------------------------------------------------------- parallel


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse two tests of one name: pytest-xdist would run one of them, without a word."""
    names = Counter(item.nodeid for item in items)
    if twice := [name for name, count in names.items() if count > 1]:
        raise pytest.UsageError(f"tests share a name: {', '.join(twice)}")
