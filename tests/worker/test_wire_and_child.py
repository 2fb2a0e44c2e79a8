"""What worker and trainer say to each other, and what the worker does with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from core import failpoints
from core.run.demands import Demand
from core.run.errors import DatabaseUnavailable
from core.run.lifecycle import Interrupt, Outcome, RunState
from core.run.metrics import EpochMetrics, Progress
from core.run.spec import RunSpec
from core.settings import Settings
from core.storage import leases, runs
from core.storage.artifacts import Folder
from core.storage.database import Database, migrate
from tests.processes import eventually, tiny
from worker import wire
from worker.child import Child, TrainerDied
from worker.outbox import Outbox

METRICS = EpochMetrics(
    epoch=1,
    step=4,
    train_loss=0.1 + 0.2,
    train_accuracy=1 / 3,
    test_loss=2.0,
    test_accuracy=0.3,
    online_loss=1e-300,
    online_accuracy=0.4,
    learning_rate=0.01,
    images_per_second=100,
    train_seconds=1,
    evaluation_seconds=0.5,
)


# ---------------------------------------------------------------------------------- wire


@pytest.mark.parametrize(
    "order",
    [
        wire.Train(
            run_id="r",
            attempt=1,
            spec=tiny(),
            demands=[Demand(epochs=3)],
            curve=[METRICS],
            checkpoints=[wire.SavedState(key="r/1.pt", sha256="0" * 64)],
        ),
        wire.Change(demands=[]),
        wire.Stop(why=Interrupt.PAUSE),
    ],
    ids=lambda order: order.do,
)
def test_an_order_arrives_as_it_was_sent(order: wire.Order) -> None:
    assert wire.ORDER.validate_json(order.model_dump_json()) == order


@pytest.mark.parametrize(
    "report",
    [
        wire.Ready(capabilities={"device": "cpu"}),
        wire.Provenance(provenance={"numerics": {"threads": 1}}),
        wire.ProgressReport(progress=Progress(phase="training", step=3)),
        wire.Epoch(metrics=METRICS),
        wire.Saved(step=4, epoch=1, key="r/1.pt", sha256="0" * 64, size=9),
        wire.Ended(outcome=Outcome.FAILED, error={"message": "no", "detail": ""}),
    ],
    ids=lambda report: report.tells,
)
def test_a_report_arrives_as_it_was_sent_to_the_last_bit(report: wire.Report) -> None:
    line = report.model_dump_json(exclude_none=True)
    assert "\n" not in line
    assert wire.REPORT.validate_json(line) == report


@pytest.mark.parametrize("line", ["", "{}", '{"do": "exec", "code": "1"}', '{"do": "train"}'])
def test_what_is_no_order_is_refused(line: str) -> None:
    with pytest.raises(ValidationError):
        wire.ORDER.validate_json(line)


# --------------------------------------------------------------------------------- child


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the trainer that starts at once: what it does is up to the test."""
    (tmp_path / "worker").mkdir()
    (tmp_path / "worker" / "__init__.py").touch()
    monkeypatch.setattr("worker.child.ROOT", tmp_path)
    return tmp_path / "worker" / "trainer.py"


READY = 'print(\'{"tells": "ready", "capabilities": {}}\', flush=True)\n'


def test_a_trainer_that_ends_says_how(program: Path) -> None:
    program.write_text(READY + "import sys; sys.stdin.readline(); sys.exit(7)")
    child = Child()
    child.order(wire.Stop(why=Interrupt.PAUSE))
    with pytest.raises(TrainerDied, match="exit code 7"):
        child.next_report(10)
    with pytest.raises(TrainerDied):  # and says it again to whoever asks again
        child.next_report(0)
    assert not child.alive
    child.order(wire.Stop(why=Interrupt.PAUSE))  # dropped
    child.kill()


def test_a_trainer_that_does_not_start_says_how(program: Path) -> None:
    program.write_text("raise SystemExit(3)")
    with pytest.raises(TrainerDied, match="exit code 3"):
        Child()


def test_what_is_not_understood_is_passed_over(program: Path) -> None:
    program.write_text(
        READY + "print('no json')\n"
        'print(\'{"tells": "ended", "outcome": "paused"}\', flush=True)\n'
        "import sys; sys.stdin.read()"
    )
    child = Child()
    assert child.next_report(10) == wire.Ended(outcome=Outcome.PAUSED)
    assert child.next_report(0) is None
    child.kill()


def test_a_trainer_that_does_not_listen_blocks_nobody(program: Path) -> None:
    program.write_text(READY + "import time; time.sleep(60)")
    child = Child()
    curve = [METRICS] * 2000  # far more than a pipe holds
    order = wire.Train(run_id="r", attempt=1, spec=tiny(), demands=[], curve=curve, checkpoints=[])
    child.order(order)
    child.order(order)
    child.kill()
    with pytest.raises(TrainerDied, match="was killed"):
        child.next_report(10)


def test_a_killed_trainer_takes_what_it_started_with_it(program: Path) -> None:
    program.write_text(
        "import subprocess, sys, time\n"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        'print(\'{"tells": "ready", "capabilities": {"inner": %d}}\' % inner.pid, flush=True)\n'
        "time.sleep(60)\n"
    )
    child = Child()
    inner = child.capabilities["inner"]
    child.kill()
    eventually(lambda: not Path(f"/proc/{inner}").exists() or _is_zombie(int(str(inner))))


def _is_zombie(pid: int) -> bool:
    return ") Z" in Path(f"/proc/{pid}/stat").read_text()


def test_a_trainer_without_its_parent_ends() -> None:
    """Started by someone who is gone already, as when the worker dies within a millisecond."""
    done = subprocess.run(
        [sys.executable, "-m", "worker.trainer", "1" if os.getppid() != 1 else "2"],
        stdin=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        timeout=60,
        check=False,
    )
    assert done.returncode == 1


# -------------------------------------------------------------------------------- outbox


class Away(Database):
    """A database that can be out of reach."""

    away = False

    def write(self):  # type: ignore[no-untyped-def]
        if self.away:
            raise DatabaseUnavailable("The database cannot be used.")
        return super().write()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Away]:
    settings = Settings(home=tmp_path, token="t")
    migrate(settings)
    opened = Away(settings.database)
    yield opened
    opened.close()


@pytest.fixture
def outbox(database: Away, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outbox:
    """Of a claimed run."""
    monkeypatch.setattr("worker.outbox.RETRY_SECONDS", 0.0)
    with database.write() as session:
        run_id = runs.submit(session, RunSpec(), Demand(epochs=3))[0].id
        leases.claim(session, "w", 60)
    return Outbox(database, Folder(tmp_path / "runs"), run_id, 1, lease_seconds=60)


def test_reports_wait_in_order_until_the_database_is_back(outbox: Outbox, database: Away) -> None:
    database.away = True
    for number in (1, 2, 3):
        outbox.put(wire.Epoch(metrics=METRICS.model_copy(update={"epoch": number})))
        assert not outbox.deliver()
    assert outbox.finish(wire.Ended(outcome=Outcome.COMPLETED)) is None
    database.away = False
    assert outbox.finish(wire.Ended(outcome=Outcome.COMPLETED)) == RunState.SUCCEEDED
    with database.read() as session:
        assert [m.epoch for m in runs.curve(session, outbox.run_id)] == [1, 2, 3]


def test_a_run_is_not_lost_while_much_is_delivered_after_an_outage(
    outbox: Outbox, database: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease ran out meanwhile, and a reaper looks after every transaction: each renews it."""
    monkeypatch.setattr("worker.outbox.AT_ONCE", 10)
    with database.write() as session:
        session.execute(sa.text("UPDATE run SET lease_until = 0"))
    for number in range(1, 26):
        outbox.put(wire.Epoch(metrics=METRICS.model_copy(update={"epoch": number})))
    taken: list[list[str]] = []

    def reap(_: int) -> None:
        database.on_commit = None
        with database.write() as session:
            taken.append(leases.take_back(session))
        database.on_commit = reap

    database.on_commit = reap
    assert outbox.deliver()
    assert taken == [[], [], []]
    with database.read() as session:
        assert runs.get(session, outbox.run_id).epochs_done == 25


def test_a_delivery_leaves_the_database_to_others_for_as_long_as_it_took(
    outbox: Outbox, database: Away
) -> None:
    assert outbox.due_at == float("inf"), "nothing waits"
    outbox.put(wire.Epoch(metrics=METRICS))
    assert outbox.due_at <= time.monotonic(), "the first is not kept waiting"
    database.on_commit = lambda _: time.sleep(0.3)  # a slow disk
    assert outbox.deliver()
    ended = time.monotonic()
    outbox.put(wire.Epoch(metrics=METRICS.model_copy(update={"epoch": 2})))
    assert outbox.due_at > ended + 0.25
    assert outbox.finish(wire.Ended(outcome=Outcome.COMPLETED)) is not None, "an end does not wait"


def test_a_lost_run_keeps_what_its_trainer_had_reported(outbox: Outbox, database: Away) -> None:
    database.away = True
    outbox.put(wire.Epoch(metrics=METRICS))
    assert not outbox.lose("The trainer was killed")
    database.away = False
    assert outbox.lose("The trainer was killed")
    with database.read() as session:
        run = runs.get(session, outbox.run_id)
        assert (run.state, run.epochs_done, run.lost) == (RunState.QUEUED, 1, 1)


def test_an_answer_that_was_lost_after_a_commit_repeats_nothing(
    outbox: Outbox, database: Away
) -> None:
    """The connection broke during the commit: the outbox cannot know, and sends again."""
    commit = database.write

    def commit_and_break():  # type: ignore[no-untyped-def]
        from contextlib import contextmanager

        @contextmanager
        def broken():  # type: ignore[no-untyped-def]
            with commit() as session:
                yield session
            raise DatabaseUnavailable("The connection broke.")

        return broken()

    outbox.put(wire.Epoch(metrics=METRICS))
    outbox.put(wire.Saved(step=4, epoch=1, key="r/1.pt", sha256="0" * 64, size=9))
    database.write = commit_and_break  # type: ignore[method-assign]
    assert not outbox.deliver()
    database.write = commit  # type: ignore[method-assign]
    assert outbox.deliver()
    with database.read() as session:
        assert len(runs.curve(session, outbox.run_id)) == 1
        assert len(leases.checkpoints(session, outbox.run_id)) == 1
        kinds = session.scalars(sa.text("SELECT kind FROM event ORDER BY seq")).all()
    assert kinds.count("epoch") == 1


def test_checkpoints_no_longer_needed_are_removed_once_that_is_stored(
    outbox: Outbox, database: Away
) -> None:
    files = []
    for number in (1, 2, 3):
        key = f"{outbox.run_id}/{number}.pt"
        files.append(outbox.folder.path(key))
        files[-1].write_bytes(b"x")
        outbox.put(wire.Saved(step=number, epoch=0, key=key, sha256="0" * 64, size=1))
        database.away = number == 3
        outbox.deliver()
    assert [file.exists() for file in files] == [True, True, True]
    database.away = False
    outbox.deliver()
    assert [file.exists() for file in files] == [False, True, True]


def test_an_artifact_s_key_cannot_leave_the_folder(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "runs")
    for key in ("../secret", "/etc/passwd", "a/../../secret", ""):
        with pytest.raises(ValueError, match="points outside"):
            folder.path(key)


# ---------------------------------------------------------------------------- failpoints


def test_failpoints_are_off_unless_they_are_asked_for() -> None:
    assert not failpoints._armed
    failpoints.reach("worker.before-claim")
    failpoints.reach_before_rename("trainer.before-rename", ".pt")


def test_a_failpoint_strikes_once_at_the_time_it_names(tmp_path: Path) -> None:
    file = tmp_path / "armed"
    code = (
        "from core import failpoints\n"
        "for number in range(5):\n"
        "    print(number, flush=True)\n"
        "    failpoints.reach('here')\n"
    )

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code],
            env={failpoints.VARIABLE: f"here@3={file}"},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )

    file.touch()
    first, second = run(), run()
    assert (first.returncode, first.stdout.split()) == (-signal.SIGKILL, ["0", "1", "2"])
    assert (second.returncode, len(second.stdout.split())) == (0, 5)
