"""`rethink up` as a user meets it: real processes, real signals."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.settings import Settings, get_settings
from rethink import discovery
from rethink.cli import main
from rethink.up import _link
from worker.datasets.images import ImageDataset

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"Open\s+(http://127\.0\.0\.1:(\d+))")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def environment(home: Path, **changes: str) -> dict[str, str]:
    """This process's environment without any RETHINK_ variable but the given ones."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RETHINK_")}
    few = {"RETHINK_DEMO": "0", "RETHINK_WORKERS": "1"}
    return {**clean, "RETHINK_HOME": str(home), **few, **changes}


def rethink(home: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "rethink", *arguments],
        cwd=ROOT,
        env=environment(home, **changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def eventually(holds: Callable[[], object], seconds: float) -> float:
    """Wait until `holds()`; returns the seconds it took."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - started


class Up:
    """A `rethink up` with a home of its own."""

    def __init__(self, home: Path, **changes: str) -> None:
        self.home = home
        self.output = home.with_name(f"{home.name}.out")
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rethink", "up", "--port", "0"],
                cwd=ROOT,
                env=environment(home, **changes),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.seconds_to_start = eventually(lambda: LINK.search(self.said) or self.ended, 40)
        found = LINK.search(self.said)
        assert found, self.said
        self.url, self.port = found[1], int(found[2])
        self.token = (home / "token").read_text().strip()

    @property
    def said(self) -> str:
        return self.output.read_text()

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def processes(self) -> dict[int, str]:
        """Command lines of all processes that belong to this home, `rethink up` included."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                variables = (folder / "environ").read_bytes().decode(errors="replace")
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue  # it ended meanwhile, or is another user's
            ours = f"RETHINK_HOME={self.home}\0" in variables or f"{self.home}/" in command
            if ours and state != "Z":
                found[int(folder.name)] = command
        return found

    def pid_of(self, name: str) -> int | None:
        return next((pid for pid, command in self.processes.items() if name in command), None)

    def kill_all(self) -> None:
        for pid in self.processes:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One that the tests below share, for what leaves it running."""
    running = Up(tmp_path_factory.mktemp("up") / "home")
    try:
        yield running
    finally:
        running.kill_all()


@pytest.fixture
def fresh_settings() -> Iterator[None]:
    """The settings are read anew, and forgotten afterwards."""
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@linux_only
def test_it_starts_four_programs_and_prints_a_link_that_works(up: Up) -> None:
    eventually(lambda: up.pid_of("worker.trainer"), 30)
    for program in ("valkey-server", "-m backend", "-m worker run"):
        assert up.pid_of(program), up.processes
    answer = httpx.get(f"{up.url}/api/v1/runs", headers={"Authorization": f"Bearer {up.token}"})
    assert answer.status_code == 200
    assert httpx.get(f"{up.url}/api/v1/runs").status_code == 401


@linux_only
@pytest.mark.timeout(240)
def test_on_an_empty_home_the_race_begins_and_its_first_epochs_are_seen(
    data_home: Path,
    cifar10: ImageDataset,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "datasets").symlink_to(data_home / "datasets")
    up = Up(home, RETHINK_DEMO="1", RETHINK_WORKERS="2")
    try:
        both = r"^ +[12] +[\d.]+% +[\d.]+%   \| +[12] +[\d.]+% +[\d.]+%$"
        eventually(lambda: re.search(both, up.said, re.MULTILINE), 150)
        assert "2 workers of 1 thread: RETHINK_WORKERS." in up.said
        assert f"Watch it at {up.url}/#/race\n" in up.said
        up.process.send_signal(signal.SIGINT)
        eventually(lambda: up.ended, 10)
        assert not up.processes
    finally:
        up.kill_all()


@linux_only
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_race_ends_as_in_the_paper(
    data_home: Path,
    cifar10: ImageDataset,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    """Five minutes on two cores that do nothing else."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "datasets").symlink_to(data_home / "datasets")
    up = Up(home, RETHINK_DEMO="1", RETHINK_WORKERS="2")
    told = (
        r"([\d.]+) times as long \(the paper: 1\.96\)\. .* (\d+) % against \d+ %, which is guessing"
    )
    try:
        eventually(lambda: re.search(told, up.said), 3500)
        found = re.search(told, up.said)
        assert found is not None
        assert 1.7 < float(found[1]) < 2.2
        assert 48 <= int(found[2]) <= 54
    finally:
        up.kill_all()


@linux_only
def test_the_brokers_socket_and_the_secrets_are_this_users_alone(up: Up) -> None:
    assert (up.home / "run" / "valkey.sock").stat().st_mode & 0o777 == 0o700
    for secret in ("token", "up.lock"):
        assert (up.home / secret).stat().st_mode & 0o077 == 0
    password = json.loads((up.home / "up.lock").read_text())["broker_url"].split(":")[2][:20]
    assert all(password not in command for command in up.processes.values())


def test_commands_find_the_server_of_the_same_home(up: Up) -> None:
    listed = rethink(up.home, "runs", "--json")
    assert json.loads(listed.stdout) == []
    assert rethink(up.home, "token").stdout.strip() == up.token


def test_a_command_with_the_wrong_token_says_what_to_do(up: Up) -> None:
    answer = rethink(up.home, "runs", RETHINK_URL=up.url, RETHINK_TOKEN="wrong")
    assert answer.returncode == 1
    assert "rethink token" in answer.stderr


@pytest.mark.usefixtures("fresh_settings")
def test_bad_input_has_exit_code_2_and_names_field_value_and_limit(
    up: Up, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(up.home).items():
        monkeypatch.setenv(name, value)
    for arguments, words in (
        (["--corruption", "1.5"], ["corruption", "1.5", "1"]),
        (["--batch-size", "0"], ["batch_size", "0", "1"]),
        (["--epochs", "1000000000"], ["epochs", "1000000000", "10000"]),
        (["--epochs", "0"], ["epochs", "0", "1"]),
        (["--model", "resnet"], ["--model", "resnet", "inception", "mlp-3x512"]),
        (["--epochs", "many"], ["--epochs", "integer"]),
        (["--name", "x" * 201], ["name", "200"]),
        (["--learning-rate", "nan"], ["learning_rate", "nan", "finite"]),
        (["--set", "no_such_field=1"], ["no_such_field"]),
        (["--preset", "nothing"], ["nothing", "demo"]),
    ):
        monkeypatch.setattr(sys, "argv", ["rethink", "run", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr().err
        assert ended.value.code == 2, said
        assert all(word in said for word in words), said
        assert len(said.strip().splitlines()) == 1, said
    assert json.loads(rethink(up.home, "runs", "--json").stdout) == []


def test_a_second_up_names_the_first_and_ends(up: Up) -> None:
    second = rethink(up.home, "up", "--port", "0")
    assert second.returncode == 1
    assert str(up.process.pid) in second.stderr
    assert up.url in second.stderr
    assert not up.ended


def test_the_token_is_printed_on_a_terminal_only(up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    assert up.token not in up.said
    assert "`rethink token`" in up.said
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert _link(up.url, up.token) == f"{up.url}/#token={up.token}"


@linux_only
def test_a_second_server_of_a_home_does_not_take_the_first_one_s_address_away(up: Up) -> None:
    log = up.home / "second.log"
    with log.open("w") as file:
        second = subprocess.Popen(
            [sys.executable, "-m", "rethink", "api", "--port", "0"],
            cwd=ROOT,
            env=environment(up.home),
            stderr=file,
        )
    try:
        eventually(lambda: "listening on" in log.read_text(), 40)
        assert discovery.find(Settings(home=up.home)).url == up.url
    finally:
        second.terminate()
        second.wait(20)
    assert rethink(up.home, "runs", "--json").returncode == 0
    assert discovery.find(Settings(home=up.home)).url == up.url


@linux_only
def test_a_child_that_crashes_is_started_again(up: Up) -> None:
    first = up.pid_of("-m backend")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    eventually(lambda: up.pid_of("-m backend") not in (None, first), 15)
    eventually(lambda: _is_healthy(up.url), 20)  # at the same address
    assert "api ended unexpectedly (signal SIGKILL)" in up.said


@linux_only
@pytest.mark.timeout(180)
def test_workers_run_side_by_side_and_more_join_them(tmp_path: Path) -> None:
    up = Up(tmp_path / "home", RETHINK_WORKERS="2")
    try:
        eventually(lambda: len(_workers(up)) == 2, 60)
        reason = "2 workers of 1 thread: RETHINK_WORKERS"
        assert f"{reason}." in up.said
        assert [(w["threads"], w["workers_reason"]) for w in _workers(up)] == [(1, reason)] * 2
        full = rethink(up.home, "worker", RETHINK_WORKERS="2")
        _is_one_sentence(full, reason, "--workers 1")
        beside = subprocess.Popen(
            [sys.executable, "-m", "rethink", "worker", "--workers", "2"],
            cwd=ROOT,
            env=environment(up.home),
            start_new_session=True,
        )
        eventually(lambda: len(_workers(up)) == 4 or beside.poll() is not None, 60)
        beside.terminate()
        assert beside.wait(20) == 0
        assert not re.search("--slot [23]", str(up.processes))
        assert len(re.findall("--slot [01]", str(up.processes))) == 2
        up.process.send_signal(signal.SIGTERM)
        eventually(lambda: up.ended, 20)
        assert not up.processes
    finally:
        up.kill_all()


@linux_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_everything_within_ten_seconds(tmp_path: Path, number: int) -> None:
    up = Up(tmp_path / "home")
    try:
        if number == signal.SIGTERM:  # once when all is up, once amid the start
            eventually(lambda: up.pid_of("worker.trainer"), 30)
        up.process.send_signal(number)
        eventually(lambda: up.ended, 10)
        assert up.process.returncode == 0, up.said
        assert not up.processes
        assert not list(up.home.rglob("*.sock"))
        assert not list((up.home / "servers").iterdir())
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", up.port)) != 0
    finally:
        up.kill_all()


@linux_only
def test_sigkill_of_up_leaves_no_process_and_the_next_start_is_clean_and_fast(
    tmp_path: Path,
) -> None:
    up = Up(tmp_path / "home")
    try:
        eventually(lambda: up.pid_of("worker.trainer"), 30)
        up.process.kill()
        up.process.wait()
        eventually(lambda: not up.processes, 12)
        again = Up(up.home)
        assert again.seconds_to_start < 15  # 5 on a machine that is not busy with other tests
        again.kill_all()
    finally:
        up.kill_all()


def test_a_busy_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for command in ("up", "api"):
            answer = rethink(tmp_path / "home", command, "--port", str(port))
            _is_one_sentence(answer, str(port), "--port")


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")  # even root makes no folder below a file
    for command in (["up", "--port", "0"], ["api", "--port", "0"], ["migrate"], ["worker"]):
        answer = rethink(tmp_path / "file" / "home", *command)
        _is_one_sentence(answer, str(tmp_path / "file" / "home"), "RETHINK_HOME")


def test_an_unreachable_broker_is_named_without_its_password(tmp_path: Path) -> None:
    url = "redis://:secret@127.0.0.1:1/0"
    answer = rethink(tmp_path / "home", "up", "--port", "0", RETHINK_BROKER_URL=url)
    _is_one_sentence(answer, "127.0.0.1:1", "RETHINK_BROKER_URL")
    assert "secret" not in answer.stderr


def test_an_unreachable_database_is_named_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://user:secret@127.0.0.1:1/rethink"
    answer = rethink(tmp_path / "home", "up", "--port", "0", RETHINK_DATABASE_URL=url)
    _is_one_sentence(answer, "127.0.0.1:1", "RETHINK_DATABASE_URL")
    assert "secret" not in answer.stderr


@pytest.mark.parametrize("url", ["nonsense", "mysql://user:secret@host/db", "postgresql://x:y/z"])
def test_a_database_of_another_kind_is_refused_without_its_password(
    tmp_path: Path, url: str
) -> None:
    answer = rethink(tmp_path / "home", "migrate", RETHINK_DATABASE_URL=url)
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: RETHINK_DATABASE_URL is not allowed: write postgresql")
    assert "secret" not in answer.stderr


def test_a_setting_that_is_not_allowed_is_named(tmp_path: Path) -> None:
    answer = rethink(tmp_path / "home", "up", RETHINK_PORT="99999")
    assert answer.returncode == 2
    assert "port" in answer.stderr.lower()
    assert "99999" in answer.stderr


def test_without_a_server_client_commands_say_how_to_start_one(tmp_path: Path) -> None:
    for command in (["runs"], ["run", "--epochs", "1"]):
        _is_one_sentence(rethink(tmp_path / "home", *command), "rethink up")


def _is_one_sentence(answer: subprocess.CompletedProcess[str], *words: str) -> None:
    assert answer.returncode == 1, answer
    assert "Traceback" not in answer.stderr + answer.stdout
    assert len(answer.stderr.strip().splitlines()) == 1, answer.stderr
    for word in words:
        assert word in answer.stderr, answer.stderr


def _workers(up: Up) -> list[dict[str, Any]]:
    header = {"Authorization": f"Bearer {up.token}"}
    return list(httpx.get(f"{up.url}/api/v1/workers", headers=header).json())


def _is_healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/v1/health").is_success
    except httpx.HTTPError:
        return False
