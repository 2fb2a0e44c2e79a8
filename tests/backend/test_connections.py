"""What strangers can do to the server with connections alone."""

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from backend import connections
from core import address, descriptors
from core.settings import Settings
from tests.backend.conftest import TOKEN
from tests.processes import eventually

HALF = b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n"

FEW = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
from backend.__main__ import main
sys.exit(main())
"""
"""`python -m backend` with few descriptors."""


@contextlib.contextmanager
def opened(port: int, count: int, sent: bytes = HALF) -> Iterator[list[socket.socket]]:
    """Connections that have sent so much, and wait."""
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            found.append(stack.enter_context(socket.create_connection(("127.0.0.1", port), 20)))
            with contextlib.suppress(ConnectionError):
                found[-1].sendall(sent)
        yield found


def closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


async def hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        message = await receive()
        while message.get("more_body"):
            message = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})


@contextlib.contextmanager
def serving(limit: int, seconds: float) -> Iterator[int]:
    """A server of `hello`; yields its port."""
    config = uvicorn.Config(hello, http=connections.protocol(limit, seconds), log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.parametrize(
    "sent", [b"", HALF, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1"]
)
def test_a_request_that_does_not_come_to_an_end_is_closed(sent: bytes) -> None:
    with serving(100, seconds=0.3) as port, opened(port, 1, sent) as [connection]:
        assert closed(connection)


def test_a_kept_connection_may_not_keep_the_next_request_open() -> None:
    with serving(100, seconds=0.3) as port, opened(port, 1, HALF + b"\r\n" + HALF) as [connection]:
        heard = b""
        while part := connection.recv(1000):
            heard += part
        assert b"hello" in heard


def test_the_longest_wait_is_closed_when_there_are_too_many() -> None:
    with serving(5, seconds=60) as port, opened(port, 8) as found:
        assert [closed(connection) for connection in found[:4]] == [True] * 4
        found[-1].sendall(b"\r\n")
        assert found[-1].recv(12) == b"HTTP/1.1 200"


def test_health_answers_beside_more_half_open_connections_than_descriptors(
    settings: Settings, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    environment = {"RETHINK_HOME": str(settings.root), "RETHINK_TOKEN": TOKEN, "PATH": "/usr/bin"}
    with log.open("w") as file:
        server = subprocess.Popen(
            [sys.executable, "-c", FEW, "--port", "0"],
            env=environment,
            cwd=Path(__file__).parents[2],
            stderr=file,
        )
    try:
        eventually(lambda: address.listening(settings) or server.poll() is not None)
        url = address.listening(settings)["url"]
        with opened(int(url.rpartition(":")[2]), 300):
            for _ in range(3):
                assert httpx.get(f"{url}/api/v1/health", timeout=20).status_code == 200
        assert len(log.read_text()) < 5_000
    finally:
        server.terminate()
        server.wait(20)


def test_the_soft_limit_is_raised_at_the_start() -> None:
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (128, 1000));"
        "from core import descriptors; print(descriptors.raise_limit())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(answer.stdout) == 1000
    assert connections.limit_for(1000) == 900
    assert descriptors.raise_limit() >= 1000


def test_strangers_cannot_flood_the_log() -> None:
    seldom = connections.Seldom()

    def passes(text: str) -> bool:
        return seldom.filter(logging.makeLogRecord({"msg": text}))

    for flood in connections.FLOODS:
        assert [passes(f"{flood}: {i}") for i in range(100)] == [True] + [False] * 99
    assert all(passes("a run was lost") for _ in range(3))
