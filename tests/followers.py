"""Streams as browsers open them, with so little of their own that a test can have hundreds."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple


class Heard(NamedTuple):
    kind: str
    seq: int | None
    data: dict[str, Any]
    at: float
    """Seconds since 1970, on this process's clock."""


class Follower:
    """One open stream of all runs; `heard` grows while `follow` runs."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self.heard: list[Heard] = []
        self.ended = False
        """Whether the server ended the stream."""

    async def follow(self, last_seen: int | None = None) -> None:
        """Listen until the server ends it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        headers = [f"Host: 127.0.0.1:{self.port}", f"Authorization: Bearer {self.token}"]
        if last_seen is not None:
            headers.append(f"Last-Event-ID: {last_seen}")
        request = "\r\n".join(["GET /api/v1/stream?topics=runs HTTP/1.1", *headers, "", ""])
        try:
            writer.write(request.encode())
            kind, seq = "", None
            while line := await reader.readline():
                name, _, value = line.rstrip().partition(b": ")
                if line.startswith(b"HTTP"):
                    assert b" 200 " in line, line
                elif name == b"id":
                    seq = int(value)
                elif name == b"event":
                    kind = value.decode()
                elif name == b"data":
                    self.heard.append(Heard(kind, seq, json.loads(value), time.time()))
                    kind, seq = "", None
            self.ended = True
        finally:
            writer.close()


@asynccontextmanager
async def following(
    port: int, token: str, clients: int, last_seen: int | None = None
) -> AsyncIterator[list[Follower]]:
    """So many streams, each of which has heard something."""
    crowd = [Follower(port, token) for _ in range(clients)]
    tasks = [asyncio.create_task(client.follow(last_seen)) for client in crowd]
    try:
        await until(lambda: all(client.heard for client in crowd), 60)
        yield crowd
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


async def until(holds: Any, seconds: float) -> float:
    """Wait until `holds()`; returns the seconds it took."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        await asyncio.sleep(0.005)
    return time.monotonic() - started
