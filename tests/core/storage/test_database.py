"""Schema, transactions, and what a user is told when the database cannot be used."""

import os
import re
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from core.paper.scales import Scale
from core.paper.studies import StudyName, plan
from core.run.demands import Demand
from core.run.errors import DatabaseUnavailable, HomeUnavailable
from core.run.questions import question_of
from core.run.spec import Precision, RunSpec
from core.settings import Settings
from core.storage import clock, runs, studies
from core.storage.database import Database, migrate, refuse_newer, wal_is_safe
from core.storage.tables import Base, Run

ALEMBIC = Path(__file__).parents[3] / "alembic"


def test_migrations_lead_to_the_tables_as_they_are_declared(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_go_down_and_up_again(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(ALEMBIC))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.commit()
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}
        command.upgrade(config, "head")
        connection.commit()
    with database.read() as session:
        assert session.scalar(sa.text("SELECT seq FROM event_head")) == 0


def test_a_study_of_an_old_database_keeps_its_plan(database: Database) -> None:
    """Revision 0002 read it from the runs and their demands."""
    entries = plan(StudyName.EVERYTHING, Scale.SMOKE)
    with database.write() as session:
        study, _ = studies.submit(session, "everything", {}, entries)
    config = Config()
    config.set_main_option("script_location", str(ALEMBIC))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
        connection.commit()
        columns = {column["name"] for column in sa.inspect(connection).get_columns("study_run")}
        assert "spec" not in columns
        command.upgrade(config, "head")
        connection.commit()
    with database.write() as session:
        assert studies.plan_of(session, study.id) == entries
        studies.cancel(session, study.id)
        runs.delete(session, entries[0].spec.hash()[:16])
        assert studies.plan_of(session, study.id) == entries


def test_a_run_of_an_old_database_has_its_question(database: Database) -> None:
    """Also one with a field that this version does not know."""
    spec = RunSpec(engine=3, precision=Precision.BF16)
    with database.write() as session:
        run, _ = runs.submit(session, spec, Demand(epochs=2), owner="study:s:1a")
        other, _ = runs.submit(session, RunSpec(seed=1), Demand(epochs=2))
        other.spec = {**other.spec, "later": 1}
    downgraded(database, "0003")
    with database.read() as session:
        kept = session.get_one(Run, run.id)
        assert (kept.question, kept.engine) == (question_of(RunSpec()), 3)
        assert session.get_one(Run, other.id).question != question_of(RunSpec(seed=1))
        assert list(runs.demands(session, run.id)) == ["study:s:1a"]


def downgraded(database: Database, revision: str, *, again: bool = True) -> None:
    """Take the database down to the revision, and up `again`."""
    config = Config()
    config.set_main_option("script_location", str(ALEMBIC))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        connection.commit()
        assert "question" not in {c["name"] for c in sa.inspect(connection).get_columns("run")}
        if again:
            command.upgrade(config, "head")
            connection.commit()


def test_an_older_database_is_copied_before_it_is_changed(database: Database, home: Path) -> None:
    with database.write() as session:
        runs.submit(session, RunSpec(), Demand(epochs=2))
    settings = Settings(home=home, database_url=database.url.render_as_string(False))
    said: list[str] = []
    migrate(settings, said.append)
    assert (said, list(home.glob("backups/*"))) == ([], [])
    downgraded(database, "0003", again=False)
    migrate(settings, said.append)
    (sentence,) = said
    assert "goes from schema 0003 to " in sentence
    if database.url.get_backend_name() == "postgresql":
        assert "pg_dump" in sentence
        return
    (copy,) = home.glob("backups/*")
    assert re.fullmatch(r"rethink-schema-0003-\d{8}T\d{6}Z\.db", copy.name)
    assert str(copy) in sentence
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as opened:
        assert opened.execute("SELECT version_num FROM alembic_version").fetchall() == [("0003",)]
        assert opened.execute("SELECT count(*) FROM run").fetchall() == [(1,)]


def test_without_a_copy_nothing_is_changed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    migrate(settings)
    database = Database(settings.database)
    downgraded(database, "0003", again=False)
    database.close()
    (tmp_path / "backups").write_text("no folder")
    before = (tmp_path / "rethink.db").read_bytes()
    with pytest.raises(HomeUnavailable, match="backups"):
        migrate(settings)
    assert (tmp_path / "rethink.db").read_bytes() == before


def test_migrating_twice_changes_nothing(database: Database, home: Path) -> None:
    with database.write() as session:
        session.execute(sa.text("UPDATE event_head SET seq = 7"))
    migrate(Settings(home=home, database_url=database.url.render_as_string(False)))
    with database.read() as session:
        assert session.scalar(sa.text("SELECT seq FROM event_head")) == 7


def test_a_database_of_a_newer_version_is_refused(database: Database, home: Path) -> None:
    with database.write() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    settings = Settings(home=home, database_url=database.url.render_as_string(False))
    for start in (migrate, refuse_newer):  # the latter by a worker, or the API alone
        with pytest.raises(DatabaseUnavailable, match="newer version of Rethink"):
            start(settings)


def test_a_database_that_is_current_old_or_away_is_not_taken_for_newer(
    database: Database, home: Path
) -> None:
    settings = Settings(home=home, database_url=database.url.render_as_string(False))
    refuse_newer(settings)
    with database.write() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    refuse_newer(settings)
    refuse_newer(Settings(home=home, database_url="sqlite:////proc/nowhere/rethink.db"))


def test_the_database_is_this_user_s_alone_in_a_home_that_was_there(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    file = tmp_path / "rethink.db"
    tmp_path.chmod(0o755)
    old = os.umask(0o022)
    try:
        migrate(settings)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        file.chmod(0o644)
        migrate(settings)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    finally:
        os.umask(old)


def test_the_clock_is_the_database_s_and_moves_within_a_transaction(database: Database) -> None:
    with database.write() as session:
        first = clock.now(session)
        session.execute(sa.text("SELECT count(*) FROM run"))
        second = clock.now(session)
    assert 1.7e9 < first <= second < first + 5


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////proc/nowhere/rethink.db",
        "postgresql://rethink:secret@127.0.0.1:1/rethink",
    ],
)
def test_an_unreachable_database_is_named_without_its_password(url: str, home: Path) -> None:
    database = Database(Settings(home=home, database_url=url).database)
    with pytest.raises(DatabaseUnavailable) as caught, database.read() as session:
        session.execute(sa.text("SELECT 1"))
    assert "Check RETHINK_DATABASE_URL" in caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
    ],
)
def test_write_ahead_logging_is_used_only_where_sqlite_is_safe(
    version: tuple[int, int, int], safe: bool
) -> None:
    assert wal_is_safe(version) is safe


@pytest.mark.parametrize("program", ["backend", "worker run"])
def test_every_server_refuses_a_newer_schema(home: Path, program: str) -> None:
    settings = Settings(home=home)
    migrate(settings)
    database = Database(settings.database)
    with database.write() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    changes = {"RETHINK_HOME": str(home), "RETHINK_BROKER_URL": "redis://127.0.0.1:1"}
    answer = subprocess.run(
        [sys.executable, "-m", *program.split(), *(["--port=0"] if program == "backend" else [])],
        cwd=ALEMBIC.parent,
        env={**os.environ, **changes},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: The database was made by a newer version of Rethink")
