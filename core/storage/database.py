"""Transactions on SQLite or PostgreSQL.

Notable choices:
- A transaction is the unit of truth: events appended in it get their sequence numbers at its very
  end, under the lock of one counter row, so that they are gap-free and in commit order.
- SQLite transactions start as BEGIN IMMEDIATE when they write: a writer waits for the other
  writer at the start and never fails in the middle. Write-ahead logging only where the library
  is free of the WAL-reset fault (sqlite.org/wal.html#walresetbug); else a truncated journal.
"""

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from core import credentials, home
from core.run.errors import DatabaseUnavailable, DiskFull, InvalidInput
from core.settings import Settings
from core.storage import events

logger = logging.getLogger(__name__)
if TYPE_CHECKING:
    from alembic.config import Config

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

    @property
    def shown(self) -> str:
        """The URL without secrets."""
        return credentials.hidden(self.url.render_as_string(hide_password=True))

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
        sentence = f"The database {self.shown} cannot be used ({reason})."
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


def _newer(error: Exception) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"The database was made by a newer version of Rethink ({error}). Update Rethink, or point "
        "RETHINK_HOME or RETHINK_DATABASE_URL elsewhere."
    )


def _configuration() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[2] / "alembic"))
    return config


def refuse_newer(settings: Settings) -> None:
    """Refuse a database whose schema this version does not know; one that is away may come yet.

    Raises:
        DatabaseUnavailable: it was made by a newer version.
    """
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    database = Database(settings.database)
    try:
        with database.engine.connect() as connection:
            heads = MigrationContext.configure(connection).get_current_heads()
        ScriptDirectory.from_config(_configuration()).get_revisions(heads)
    except CommandError as error:
        raise _newer(error) from error
    except (DBAPIError, sa.exc.TimeoutError):
        pass
    finally:
        database.close()


def _keep_private(url: sa.URL) -> None:
    """Make the file of SQLite this user's alone; its journal gets the same mode."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return
    with contextlib.suppress(OSError):  # what is wrong with it SQLite says when it opens it
        os.close(os.open(url.database, os.O_RDWR | os.O_CREAT, 0o600))
        Path(url.database).chmod(0o600)


def migrate(settings: Settings, say: Callable[[str], None] = logger.info) -> None:
    """Bring the database to the newest schema; create it if there is none.

    One with an older schema is copied into the home's `backups` before. On PostgreSQL, which has
    tools of its own, `say` is told that the schema changes.

    Raises:
        DatabaseUnavailable: it cannot be reached or written.
        HomeUnavailable: the folder that holds all state cannot.
    """
    from alembic import command
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    home.folder(settings)
    config = _configuration()
    database = Database(settings.database)
    _keep_private(database.url)
    try:
        with database._reachable(), database.engine.connect() as opened:
            # As one that writes, on SQLite too: a worker that is there already may write meanwhile.
            connection = opened.execution_options(rethink_write=True)
            if database.url.get_backend_name() == "postgresql":
                # One migration at a time, whoever starts it.
                connection.exec_driver_sql("SELECT pg_advisory_lock(7467)")
            config.attributes["connection"] = connection
            revisions = ScriptDirectory.from_config(config).walk_revisions()
            known = [script.revision for script in revisions]  # the newest first
            schema = MigrationContext.configure(connection).get_current_revision()
            if schema in known[1:]:
                say(_backup(settings, database.url, schema, known[0]))
            command.upgrade(config, "head")
            connection.commit()
    except CommandError as error:
        raise _newer(error) from error
    finally:
        database.close()


def _backup(settings: Settings, url: sa.URL, schema: str, newest: str) -> str:
    """Copy an SQLite database before its schema changes. Returns what there is to say."""
    changes = f"The database goes from schema {schema} to {newest}"
    if url.get_backend_name() != "sqlite":
        return f"{changes}. The way back is a copy that pg_dump made before: docs/deployment.md."
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = home.folder(settings, "backups") / f"rethink-schema-{schema}-{time}.db"
    part = copy.with_suffix(".part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        with (
            closing(sqlite3.connect(str(url.database))) as source,
            closing(sqlite3.connect(part)) as target,
        ):
            source.backup(target)
        part.replace(copy)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise DatabaseUnavailable(
            f"No copy of the database could be made before its schema changes ({error}), so that "
            f"nothing was changed. Make room for it in {copy.parent}."
        ) from error
    return f"{changes}; before that it was copied to {copy}"
