"""Transactions on SQLite or PostgreSQL.

Notable choices:
- A transaction is the unit of truth: events appended in it get their sequence numbers at its very
  end, under the lock of one counter row, so that they are gap-free and in commit order.
- SQLite transactions start as BEGIN IMMEDIATE when they write: a writer waits for the other
  writer at the start and never fails in the middle. Write-ahead logging only where the library
  is free of the WAL-reset fault (sqlite.org/wal.html#walresetbug); else a truncated journal.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from core import home
from core.domain.errors import DatabaseUnavailable, DiskFull, InvalidInput
from core.settings import Settings
from core.storage import events

BUSY_SECONDS = 30
"""How long a writer on SQLite waits for another."""

POSTGRESQL: dict[str, str | int] = {
    "connect_timeout": 5,
    # A process that froze within a transaction loses it, and with it the locks that all wait for.
    "options": "-c statement_timeout=60000 -c idle_in_transaction_session_timeout=15000",
    # A server that vanished without a word is noticed within seconds, not after two hours.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""What libpq is told; the last four matter over TCP alone."""

WAL_FIXED = ((3, 51, 3), (3, 50, 7), (3, 44, 6))


def wal_is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite version is free of the WAL-reset fault."""
    return version >= WAL_FIXED[0] or any(
        version[:2] == fixed[:2] and version >= fixed for fixed in WAL_FIXED
    )


class Database:
    """Opens transactions. `on_commit(seq)` is told the newest event after each that made some."""

    def __init__(
        self, url: str, *, on_commit: Callable[[int], None] | None = None, pool_size: int = 10
    ) -> None:
        self.url = _parsed(url)
        self.on_commit = on_commit
        if self.url.get_backend_name() == "sqlite":
            self.engine = _sqlite_engine(self.url, pool_size)
        else:
            self.engine = sa.create_engine(
                self.url,
                pool_pre_ping=True,
                pool_size=pool_size,
                connect_args=POSTGRESQL,
            )

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for queries only.

        Raises:
            DatabaseUnavailable: the database cannot be reached.
        """
        with self._reachable(), Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction: commits at the end, rolls back on any error.

        Raises:
            DatabaseUnavailable: the database cannot be reached; nothing was stored unless the
                connection broke during the commit itself.
        """
        with self._reachable():
            with Session(self.engine, expire_on_commit=False) as session:
                session.connection(execution_options={"rethink_write": True})
                yield session
                newest = events.flush(session)
                session.commit()
            if newest is not None and self.on_commit is not None:
                self.on_commit(newest)

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, sa.exc.TimeoutError) as error:
            raise self._unavailable(error) from error
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> DatabaseUnavailable:
        first = _first(error)
        reason = str(getattr(first, "orig", None) or first).strip().splitlines()[0]
        where = self.url.render_as_string(hide_password=True)
        sentence = f"The database {where} cannot be used ({reason})."
        if any(sign in reason for sign in FULL):
            return DiskFull(f"{sentence} Free some space where it is.")
        return DatabaseUnavailable(f"{sentence} Check RETHINK_DATABASE_URL.")

    def close(self) -> None:
        self.engine.dispose()


FULL = ("database or disk is full", "No space left on device")
"""How SQLite and PostgreSQL say that there is no room."""


def _first(error: BaseException) -> BaseException:
    """The database's first error of those that led to `error`: after it, roll-backs fail too."""
    found, looked_at = error, error.__context__
    while looked_at is not None:
        if isinstance(looked_at, DBAPIError):
            found = looked_at
        looked_at = looked_at.__context__
    return found


def _parsed(url: str) -> sa.URL:
    """`url` in parts.

    Raises:
        InvalidInput: it does not name a database that is supported.
    """
    try:
        parts = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):  # whose words may show a password
        parts = None
    if parts is None or parts.drivername not in ("sqlite", "postgresql+psycopg"):
        raise InvalidInput(
            "RETHINK_DATABASE_URL is not allowed: write postgresql://user:password@host/name, or "
            "leave it empty for SQLite in the home."
        )
    return parts


def _sqlite_engine(url: sa.URL, pool_size: int) -> sa.Engine:
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    journal = "WAL" if wal_is_safe(sqlite3.sqlite_version_info[:3]) else "TRUNCATE"

    @sa.event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("rethink_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def migrate(settings: Settings) -> None:
    """Bring the database to the newest schema; create it if there is none.

    Raises:
        DatabaseUnavailable: it cannot be reached or written.
        HomeUnavailable: the folder that holds all state cannot.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    home.folder(settings)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[2] / "alembic"))
    database = Database(settings.database)
    try:
        with database._reachable(), database.engine.connect() as opened:
            # As one that writes, on SQLite too: a worker that is there already may write meanwhile.
            connection = opened.execution_options(rethink_write=True)
            if database.url.get_backend_name() == "postgresql":
                # One migration at a time, whoever starts it.
                connection.exec_driver_sql("SELECT pg_advisory_lock(7467)")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except CommandError as error:
        raise DatabaseUnavailable(
            f"The database was made by a newer version of Rethink ({error}). Update Rethink, "
            "or point RETHINK_HOME or RETHINK_DATABASE_URL elsewhere."
        ) from error
    finally:
        database.close()
