"""Many browsers that only watch cost little, and each still hears everything."""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from core.messages import Hints
from core.storage import events
from tests.processes import TOKEN, System

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Use(NamedTuple):
    memory_bytes: int
    cpu_seconds: float


def use_of(pid: int) -> Use:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return Use(int(fields[21]) * PAGE_BYTES, ticks / os.sysconf("SC_CLK_TCK"))


class Client:
    """A browser's stream, with as little of its own as can be."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: list[int] = []

    async def follow(self) -> None:
        reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        request = (
            "GET /api/v1/stream?topics=runs HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        )
        self.writer.write(request.encode())
        while line := await reader.readline():
            if line.startswith(b"HTTP"):
                assert b" 200 " in line, line
            if line.startswith(b"data: "):
                data = json.loads(line[6:])
                self.heard.append(data.get("number", 0))


def test_some_idle_streams_each_hear_what_comes(system: System) -> None:
    """The short version: 40 clients, 2 s."""
    asyncio.run(_watch(system, clients=40, seconds=2))


@pytest.mark.slow
def test_500_idle_streams_cost_little(system: System) -> None:
    """Prints the API's memory and processor use with 500 clients that only watch, for a minute."""
    asyncio.run(_watch(system, clients=500, seconds=60))


async def _watch(system: System, clients: int, seconds: float) -> None:
    assert system.api is not None
    pid = system.api.pid
    alone = use_of(pid)
    crowd = [Client(system.port) for _ in range(clients)]
    following = [asyncio.create_task(client.follow()) for client in crowd]
    for client in crowd:
        while not client.heard:  # its hello
            await asyncio.sleep(0.01)
    before, started = use_of(pid), time.monotonic()
    await asyncio.sleep(seconds)
    after, elapsed = use_of(pid), time.monotonic() - started
    hints = Hints(system.broker.url)
    system.database.on_commit = hints.news
    sent = time.monotonic()
    with system.database.write() as session:
        events.append(session, "test", None, number=7)
    for client in crowd:
        while client.heard[-1] != 7:
            await asyncio.sleep(0.005)
            assert time.monotonic() < sent + 20
    to_all = time.monotonic() - sent
    system.database.on_commit = None
    hints.close()
    for task, client in zip(following, crowd, strict=True):
        task.cancel()
        client.writer.close()
    await asyncio.gather(*following, return_exceptions=True)
    assert all(client.heard == [0, 7] for client in crowd)
    grown = (after.memory_bytes - alone.memory_bytes) / 1e6
    print(
        f"\n{system.database.url.get_backend_name()}: {clients} idle streams: API "
        f"{after.memory_bytes / 1e6:.0f} MB (+{grown:.0f} MB), "
        f"{(after.cpu_seconds - before.cpu_seconds) / elapsed:.0%} of a core; "
        f"one event reached all in {to_all:.2f} s"
    )
    assert grown < 0.4 * clients, "a stream should cost some 100 kB, not megabytes"
