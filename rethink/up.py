"""`rethink up`: broker, migrations, API and workers on this machine, ended by one Ctrl-C.

Signals only set a flag, which each step looks at: an exception out of a signal handler could lose
a child that has just been started.
"""

import contextlib
import errno
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from core import __version__, credentials, descriptors, home, token
from core.run.errors import BrokerUnavailable, RethinkError
from core.settings import Settings
from core.storage import database, upgrades
from rethink import broker
from rethink.client import Client
from rethink.demo import Demo
from rethink.lock import only_one
from rethink.processes import (
    Child,
    Children,
    adopt_orphans,
    module,
    module_environment,
    stop_on_signals,
)
from rethink.text import say
from rethink.workers import Workers

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}
"""What a browser on this machine opens when the server is bound to every address."""
START_SECONDS = 60.0
END_SECONDS = 7.5
"""How long workers and API may take to end, together."""
FIRST_WORKER_SECONDS = 20
"""How long a launch waits for the worker that is on its way; clients wait for 30."""
END_BROKER_SECONDS = 1.5
"""How long the broker may take after them: less than ten seconds in all."""


class StartFailed(RethinkError):
    title = "Rethink could not start"


def up(settings: Settings, *, host: str, port: int, demo: bool) -> None:
    """Run everything until SIGINT, SIGTERM or SIGHUP.

    Raises:
        RethinkError: it could not start; the message says why. Nothing is left running.
    """
    stop, hurry = stop_on_signals()
    home.keep_private()
    descriptors.raise_limit()
    home.folder(settings)
    with only_one(settings) as publish:
        port = _free_port(host, port)
        url = f"http://{WILDCARDS.get(host, _bracketed(host))}:{port}"
        adopt_orphans()
        stack = Stack(settings, host=host, port=port, url=url)
        try:
            stack.start(stop, publish)
            if not stop.is_set():
                stack.welcome(demo=demo)
            while not stop.wait(0.2):
                stack.children.look_after()
        finally:
            stack.stop(hurry)


class Stack:
    """All that `rethink up` runs."""

    def __init__(self, settings: Settings, *, host: str, port: int, url: str) -> None:
        self.settings, self.url = settings, url
        self.host, self.port = host, port
        self.token = token.read_or_create(settings)
        self.logs = home.folder(settings, "logs")
        self.children = Children(say)
        self.embedded: broker.EmbeddedBroker | None = None
        self.api: Child | None = None
        self.workers: Workers | None = None
        self.client = Client(url, self.token, settings=settings)
        self.demo: Demo | None = None

    def start(self, stop: threading.Event, publish: Callable[[dict[str, Any]], None]) -> None:
        """Start everything; returns when the API answers, or `stop` is set.

        Raises:
            RethinkError: a part could not start.
        """
        say(f"Rethink {__version__}, home {self.settings.root}")
        broker_url = self._start_broker()
        self._prepare_database()
        publish({"pid": os.getpid(), "url": self.url, "broker_url": broker_url})
        if stop.is_set():
            return
        environment = module_environment(
            {
                "RETHINK_HOME": str(self.settings.root),
                "RETHINK_BROKER_URL": broker_url,
                "RETHINK_HOST": self.host,
                "RETHINK_PORT": str(self.port),
            }
        )
        where = ("--host", self.host, "--port", str(self.port))
        waits = {"RETHINK_FIRST_WORKER_SECONDS": f"{FIRST_WORKER_SECONDS}"}
        self.api = self._child("api", module("backend", *where), environment | waits)
        self._wait_for_api(stop)
        if not stop.is_set():  # after the API, which then has the processor to itself
            self.workers = Workers(self.settings)
            self.workers.start(self.children, environment, self.logs)

    def _prepare_database(self) -> None:
        """Bring it to the newest schema, after saying what the version means for its runs."""
        opened = database.Database(self.settings.database)
        try:
            for sentence in upgrades.meaning(opened):
                say(sentence)
        finally:
            opened.close()
        database.migrate(self.settings, say)

    def _start_broker(self) -> str:
        if url := self.settings.broker_url:
            if not broker.answers(url):
                raise BrokerUnavailable(
                    f"The broker {credentials.hidden(url)} does not answer. Start it, or "
                    "leave RETHINK_BROKER_URL empty to have one started here."
                )
            return url
        self.embedded = broker.EmbeddedBroker(self.settings, self.logs / "valkey.log")
        self.children.start(self.embedded.child)
        self.embedded.wait()
        return self.embedded.url

    def _child(self, name: str, command: list[str], environment: dict[str, str]) -> Child:
        child = Child(
            name=name, command=command, environment=environment, log=self.logs / f"{name}.log"
        )
        self.children.start(child)
        return child

    def _wait_for_api(self, stop: threading.Event) -> None:
        assert self.api is not None
        deadline = time.monotonic() + START_SECONDS
        while not stop.is_set():
            with contextlib.suppress(RethinkError):
                self.client.health()
                return
            if not self.api.running or time.monotonic() > deadline:
                raise StartFailed(self._why(self.api))
            stop.wait(0.05)

    def _why(self, child: Child) -> str:
        """Why a child did not start: its own sentence, or the end of its log."""
        words = child.last_words()
        sentence = words.rpartition("error: ")[2]
        if words and sentence != words and "\n" not in sentence:
            return sentence
        return f"The {child.name} did not start. Its log, {child.log}, ends with:\n{words}"

    def welcome(self, *, demo: bool) -> None:
        """Print the link that signs a browser in, and show the race."""
        say(f"\n  Open  {_link(self.url, self.token)}\n")
        if self.workers:
            say(f"{self.workers.capacity.sentence}.")
        say(f"Ctrl-C ends it. Logs are in {self.logs}")
        if self.host in WILDCARDS:
            say(
                "It can be reached from other machines, without encryption: see docs/deployment.md."
            )
        if demo:
            count = len(self.workers.slots) if self.workers else 1
            self.demo = Demo(self.client, say, workers=count)
            self.demo.start()

    def stop(self, hurry: threading.Event) -> None:
        """End every child, the broker last, and remove what only a running server has."""
        if self.demo:
            self.demo.stop()
        if self.children.all:
            say("\nStopping …")
        own = [self.embedded.child] if self.embedded else []
        rest = [child for child in self.children.all if child not in own]
        self.children.stop(rest, END_SECONDS, hurry)
        self.children.stop(own, END_BROKER_SECONDS, hurry)
        self.children.end_orphans()
        if self.embedded:
            self.embedded.clean_up()
        self.client.close()


def _link(url: str, token: str) -> str:
    """What to open: with the token on a terminal only, as files and journals are read by others."""
    if sys.stdout.isatty():
        return f"{url}/#token={quote(token, safe='')}"
    return f"{url} and sign in with the token that `rethink token` prints"


def _free_port(host: str, port: int) -> int:
    """`port`, or a free one for 0.

    Raises:
        StartFailed: the port is in use, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartFailed(
                f"Port {port} of {host} is in use. Choose another with `rethink up --port "
                f"{port + 1 if port < 65535 else 8001}`, or let it find one: `--port 0`."
            ) from error
        raise StartFailed(
            f"The API cannot be bound to {host}:{port} ({error.strerror}). Choose another with "
            "--host and --port."
        ) from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
