"""Many browsers that only watch cost little, and each still hears everything."""

import asyncio
import os
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from core.messages import Hints
from core.storage import events
from tests.followers import following, until
from tests.integration.conftest import Servers
from tests.processes import TOKEN, System, slowness

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Use(NamedTuple):
    memory_bytes: int
    cpu_seconds: float


def use_of(pid: int) -> Use:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return Use(int(fields[21]) * PAGE_BYTES, ticks / os.sysconf("SC_CLK_TCK"))


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
    async with following(system.port, TOKEN, clients) as crowd:
        before, started = use_of(pid), time.monotonic()
        await asyncio.sleep(seconds)
        after, elapsed = use_of(pid), time.monotonic() - started
        append(system, number=7)
        to_all = await until(lambda: all(c.heard[-1].kind == "test" for c in crowd), 20)
    assert all([h.kind for h in client.heard] == ["hello", "test"] for client in crowd)
    grown = (after.memory_bytes - alone.memory_bytes) / 1e6
    print(
        f"\n{system.database.url.get_backend_name()}: {clients} idle streams: API "
        f"{after.memory_bytes / 1e6:.0f} MB (+{grown:.0f} MB), "
        f"{(after.cpu_seconds - before.cpu_seconds) / elapsed:.1%} of a core; "
        f"one event reached all in {to_all:.2f} s"
    )
    assert grown < 0.4 * clients, "a stream should cost some 100 kB, not megabytes"


def append(system: System, **payload: int) -> None:
    """An event of the kind `test`, with the hint that goes with it."""
    hints = Hints(system.broker.url)
    system.database.on_commit = hints.news
    with system.database.write() as session:
        events.append(session, "test", None, **payload)
    system.database.on_commit = None
    hints.close()


def test_streams_stay_open_while_the_database_is_away(system: System, servers: Servers) -> None:
    """They wait, and then go on without a gap: no browser has to connect again."""
    asyncio.run(_sit_out(system, servers))


async def _sit_out(system: System, servers: Servers) -> None:
    async with following(system.port, TOKEN, clients=5) as crowd:
        append(system, number=1)
        with servers.database_away():
            hints = Hints(system.broker.url)
            hints.news(10**9)  # has them all look
            hints.close()
            await asyncio.sleep(3)
        append(system, number=2)

        def all_heard_both() -> bool:
            return all([h.data.get("number") for h in c.heard] == [None, 1, 2] for c in crowd)

        await until(all_heard_both, 20 * slowness())
        assert not any(client.ended for client in crowd)
