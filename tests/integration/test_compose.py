"""docker-compose.yml and the Dockerfiles, checked as far as that goes without a Docker engine.

Not run here: the command of Valkey's health check, for want of `valkey-cli`.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import yaml

from core.settings import Settings
from rethink.broker import find_binary
from tests.services import Postgres, postgres_programs
from worker.datasets.images import ImageDataset

ROOT = Path(__file__).parents[2]
SECRETS = {"RETHINK_TOKEN": "t" * 32, "POSTGRES_PASSWORD": "p1", "VALKEY_PASSWORD": "v1"}
VARIABLE = re.compile(r"\$(\$|\{(\w+)(?:(:-|:\?)([^}]*))?\})")


def resolve(value: Any, variables: Mapping[str, str]) -> Any:
    """`value` with each ${NAME:-default} and ${NAME:?message} replaced, as Compose does it."""
    if isinstance(value, dict):
        return {key: resolve(part, variables) for key, part in value.items()}
    if isinstance(value, list):
        return [resolve(part, variables) for part in value]
    if not isinstance(value, str):
        return value

    def one(found: re.Match[str]) -> str:
        dollar, name, operator, text = found.groups()
        if dollar == "$":
            return "$"
        if variables.get(name):
            return variables[name]
        assert operator == ":-", f"{name} is required: {text}"
        return str(text)

    return VARIABLE.sub(one, value)


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


@pytest.fixture(scope="module")
def services(raw: dict[str, Any]) -> dict[str, Any]:
    return dict(resolve(raw, SECRETS)["services"])


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_has_a_default(raw: dict[str, Any], secret: str) -> None:
    others = {name: value for name, value in SECRETS.items() if name != secret}
    with pytest.raises(AssertionError, match=f"{secret} is required"):
        resolve(raw, others)


def test_every_variable_resolves_and_every_setting_exists(services: dict[str, Any]) -> None:
    assert set(services) == {"postgres", "valkey", "api", "worker", "worker-gpu"}
    for service in services.values():
        assert "${" not in str(service)
        for name in service.get("environment", {}):
            if name.startswith("RETHINK_"):
                assert name.removeprefix("RETHINK_").lower() in Settings.model_fields


SETTLED = {
    "RETHINK_HOME": "the volume is mounted there",
    "RETHINK_DATABASE_URL": "the file's own PostgreSQL",
    "RETHINK_BROKER_URL": "the file's own Valkey",
    "RETHINK_HOST": "within the container; PUBLISH is the host's",
    "RETHINK_PORT": "likewise",
    "RETHINK_URL": "for client commands, which no service runs",
    "RETHINK_DEMO": "for `rethink up`",
}
API_ALONE = {
    *("TOKEN", "ALLOWED_HOSTS", "MAX_QUEUED", "MIN_FREE_MB", "REAP_SECONDS"),
    "FIRST_WORKER_SECONDS",
}
WORKERS_ALONE = {"CIFAR10", "THREADS", "CHECKPOINT_SECONDS", "HANG_SECONDS"}


def test_every_setting_is_settable_and_reaches_who_reads_it(raw: dict[str, Any]) -> None:
    settable = {f"RETHINK_{field.upper()}" for field in Settings.model_fields} - set(SETTLED)
    given = SECRETS | {name: f"value of {name}" for name in settable}
    services = resolve(raw, given)["services"]
    for name, others in (("api", WORKERS_ALONE), ("worker", API_ALONE), ("worker-gpu", API_ALONE)):
        found = services[name]["environment"]
        expected = settable - {f"RETHINK_{setting}" for setting in others}
        assert {key: found[key] for key in expected} == {key: given[key] for key in expected}
        assert set(found) - expected <= set(SETTLED)


def test_a_setting_that_is_not_set_is_left_to_its_default(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("api", "worker"):
        with monkeypatch.context() as patched:
            for variable in [v for v in os.environ if v.startswith("RETHINK_")]:
                patched.delenv(variable)
            for variable, value in services[name]["environment"].items():
                if variable not in (*SETTLED, "RETHINK_TOKEN"):
                    patched.setenv(variable, value)
            assert Settings(token="") == Settings.model_construct()


def test_no_log_and_no_service_grows_without_limit(services: dict[str, Any]) -> None:
    for service in services.values():
        assert service["logging"]["driver"] == "json-file"
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"])


def test_servers_are_waited_for_and_restarted(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["restart"] == "unless-stopped"
        for other, wanted in service.get("depends_on", {}).items():
            assert wanted == {"condition": "service_healthy"}
            assert "healthcheck" in services[other], f"{name} waits for {other}"
    assert services["worker-gpu"]["profiles"] == ["gpu"]


def test_only_this_machine_reaches_it_and_only_the_api(services: dict[str, Any]) -> None:
    published = {name: s["ports"] for name, s in services.items() if "ports" in s}
    assert published == {"api": ["127.0.0.1:8000:8000"]}


def test_api_and_workers_share_their_home_in_a_named_volume(
    raw: dict[str, Any], services: dict[str, Any]
) -> None:
    for name in ("api", "worker", "worker-gpu"):
        assert services[name]["environment"]["RETHINK_HOME"] == "/data"
        assert services[name]["volumes"] == ["data:/data"]
    for service in services.values():
        for volume in service["volumes"]:
            assert volume.split(":")[0] in raw["volumes"]


@pytest.mark.parametrize("room", ["api", "worker"])
def test_dockerfiles_copy_what_exists_and_what_the_room_needs(room: str) -> None:
    text = (ROOT / "docker" / f"{room}.Dockerfile").read_text()
    copied = [
        source for line in re.findall(r"^COPY (.+)$", text, re.M) for source in line.split()[:-1]
    ]
    assert all((ROOT / source).exists() for source in copied), copied
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert all(f"!{source.split('/')[0]}" in ignored for source in copied)
    needed = {"api": {"core", "backend", "frontend"}, "worker": {"core", "worker"}}[room]
    assert needed | {"rethink", "alembic"} <= set(copied)
    assert "USER rethink" in text


def test_the_api_image_installs_no_torch() -> None:
    wanted = subprocess.run(
        [sys.executable, "docker/requirements_of.py", "api"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "fastapi" in wanted
    assert "sqlalchemy" in wanted
    assert "torch" not in wanted


def test_the_locks_pin_what_the_project_asks_for_and_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [(ROOT / f).read_text().splitlines() for f in LOCKS]
    locks = [{line.split(" ;")[0] for line in lock} for lock in lines]  # markers may differ
    assert locks[0] <= locks[1]
    for lock, asked in (
        (locks[0], [*project["dependencies"], *extras["api"], *extras["worker"]]),
        (locks[1], extras["test"]),
    ):
        pinned = {line.split("==")[0] for line in lock}
        assert {re.split(r"[^\w-]", requirement)[0] for requirement in asked} <= pinned


LOCKS = ("requirements.txt", "requirements-test.txt")


def test_the_health_check_of_postgresql_tells_whether_it_answers(
    services: dict[str, Any], postgres: Postgres, tmp_path: Path
) -> None:
    kind, command = services["postgres"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    for host, code in ((postgres.folder, 0), (tmp_path, 2)):
        environment = {**os.environ, "PATH": str(postgres_programs()), "PGHOST": str(host)}
        done = subprocess.run(["/bin/sh", "-c", command], check=False, env=environment)
        assert done.returncode == code


def test_the_services_commands_run_and_train_a_run_together(
    services: dict[str, Any],
    postgres: Postgres,
    tmp_path: Path,
    data_home: Path,
    cifar10: ImageDataset,  # noqa: ARG001
) -> None:
    """Valkey, API and worker by the commands and variables of the file, only hosts replaced."""
    broker_port, api_port = _free_port(), _free_port()
    broker = f"127.0.0.1:{broker_port}"
    database = postgres.new_database()
    (tmp_path / "datasets").symlink_to(data_home / "datasets")

    def environment(name: str) -> dict[str, str]:
        found = dict(services[name]["environment"])
        if "RETHINK_HOME" in found:
            assert found["RETHINK_DATABASE_URL"].endswith("@postgres:5432/rethink")
            url = found["RETHINK_BROKER_URL"].replace("valkey:6379", broker)
            found |= {"RETHINK_HOME": str(tmp_path), "RETHINK_DATABASE_URL": database}
            found |= {"RETHINK_BROKER_URL": url}
        return found

    shell, flag, valkey = services["valkey"]["command"]
    valkey += f" --bind 127.0.0.1 --port {broker_port} --dir {tmp_path}"
    api = [part.replace("8000", str(api_port)) for part in services["api"]["command"]]
    url = f"http://127.0.0.1:{api_port}/api/v1"
    token = {"Authorization": f"Bearer {SECRETS['RETHINK_TOKEN']}"}
    with ExitStack() as running:
        running.enter_context(
            _process([shell, flag, valkey], environment("valkey"), tmp_path / "valkey.log")
        )
        _eventually(lambda: _ping(broker, SECRETS["VALKEY_PASSWORD"]))
        assert not _ping(broker, "wrong")
        running.enter_context(_process(api, environment("api"), tmp_path / "api.log"))
        _eventually(lambda: _get(f"{url}/health").get("status") == "ok")
        _run_health_check(services["api"], api_port)
        assert environment("worker")["RETHINK_WORKERS"] == "", "they fill the machine"
        few = {**environment("worker"), "RETHINK_WORKERS": "2"}
        running.enter_context(_process(services["worker"]["command"], few, tmp_path / "worker.log"))
        _eventually(lambda: _get(f"{url}/health").get("workers") == 2)
        listed = httpx.get(f"{url}/workers", headers=token).json()
        assert [worker["state"] for worker in listed] == ["idle"] * 2
        small = {"spec": {"n_train": 100, "n_test": 100}, "epochs": 1}
        run = httpx.post(f"{url}/runs", json=small, headers=token).json()
        _eventually(lambda: _get(f"{url}/runs/{run['id']}", token).get("state") == "SUCCEEDED")


def _run_health_check(service: dict[str, Any], port: int) -> None:
    kind, _, *arguments = service["healthcheck"]["test"]
    assert kind == "CMD"
    for number, code in ((port, 0), (_free_port(), 1)):
        command = [sys.executable, *(a.replace("8000", str(number)) for a in arguments)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=10)
        assert done.returncode == code


@contextmanager
def _process(command: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    binary = find_binary()
    assert binary is not None
    program = [sys.executable, "-m", "rethink"] if command[0] == "rethink" else [command[0]]
    path = f"{Path(binary.path).parent}:{os.environ['PATH']}"
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RETHINK_")}
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [*program, *command[1:]],
            cwd=ROOT,
            env={**clean, "PATH": path, **environment},
            stdout=out,
            stderr=out,
        ) as process,
    ):
        try:
            yield
            assert process.poll() is None, log.read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def _eventually(holds: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


def _get(url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    try:
        return dict(httpx.get(url, headers=headers).json())
    except (httpx.HTTPError, ValueError):
        return {}


def _ping(address: str, password: str) -> bool:
    client = redis.Redis.from_url(f"redis://:{password}@{address}")
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
