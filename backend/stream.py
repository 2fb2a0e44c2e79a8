"""Live changes as Server-Sent Events: replay what was missed, then follow.

A client is a cursor into the event log, never a queue: a slow one reads the log later, and costs
no memory. Wake-ups come over the broker's pub/sub; should they get lost, each stream looks into
the database every `POLL_SECONDS`. Progress within an epoch is lossy: only a run's newest counts.
No database session is held between two looks.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import redis.asyncio
from starlette.concurrency import run_in_threadpool

from core import messages
from core.storage import events
from core.storage.database import Database

logger = logging.getLogger(__name__)
POLL_SECONDS = 2.0
PAGE = 500
PROGRESS_SECONDS = 0.5
MAX_STREAMS = 1000
"""Open streams at a time; further ones are told to come back."""


class Hub:
    """Hears the hints for all streams of this process, over one connection to the broker."""

    def __init__(self, broker_url: str) -> None:
        self.broker_url = broker_url
        self.progress: dict[str, tuple[float, dict[str, Any]]] = {}
        """The newest progress by run, with the time it was heard."""
        self.streams = 0
        self.closing = False
        self.news = asyncio.Event()
        """Set once there may be news, then replaced. Take it before looking, wait on it after."""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self.broker_url:
            self._task = asyncio.create_task(self._listen())

    def close(self) -> None:
        """Let every stream end. May be called from a signal handler."""
        self.closing = True
        self.wake()

    async def stop(self) -> None:
        self.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Let every stream look at once."""
        waiting, self.news = self.news, asyncio.Event()
        waiting.set()

    async def _listen(self) -> None:
        while True:
            try:
                await self._follow()
            except (redis.RedisError, OSError) as error:
                logger.warning("no hints from the broker, streams poll: %s", error)
            await asyncio.sleep(1)

    async def _follow(self) -> None:
        client = redis.asyncio.Redis.from_url(
            messages.redis_url(self.broker_url),
            socket_connect_timeout=messages.TIMEOUT,
            health_check_interval=15,
        )
        try:
            async with client.pubsub() as pubsub:
                await pubsub.subscribe(messages.NEWS, messages.PROGRESS)
                while True:
                    message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=30.0)
                    if message is not None:
                        self._heard(message)
        finally:
            await client.aclose()

    def _heard(self, message: dict[str, Any]) -> None:
        if message["channel"].decode() == messages.PROGRESS:
            try:
                data = json.loads(message["data"])
                self.progress[str(data["run_id"])] = (time.monotonic(), data)
            except (ValueError, TypeError, KeyError):
                logger.warning("a progress hint could not be read")
        self.wake()


class Cursor:
    """One client's place in the event log."""

    def __init__(
        self, hub: Hub, database: Database, run_ids: list[str] | None, last_seen: int | None
    ) -> None:
        self.hub, self.database, self.run_ids = hub, database, run_ids
        self.seq = last_seen
        self._progress_seen: dict[str, float] = {}
        self._progress_sent = 0.0

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """Events for sse-starlette, for as long as the client stays."""
        if self.seq is None:
            self.seq = await run_in_threadpool(self._head)
            yield _event("hello", {"seq": self.seq}, self.seq)
        self.hub.streams += 1
        try:
            while not self.hub.closing:
                news, caught_up = self.hub.news, True
                for event in await run_in_threadpool(self._read):
                    yield event
                    caught_up = False
                for event in self._progress():
                    yield event
                if caught_up:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(news.wait(), POLL_SECONDS)
        finally:
            self.hub.streams -= 1

    def _head(self) -> int:
        with self.database.read() as session:
            return events.head(session)

    def _read(self) -> list[dict[str, Any]]:
        assert self.seq is not None
        with self.database.read() as session:
            page = events.after(session, self.seq, run_ids=self.run_ids, limit=PAGE)
            if page is None:
                self.seq = events.head(session)
                return [_event("reset", {"seq": self.seq}, self.seq)]
        found, self.seq = page
        return [_event(e.kind, {"run_id": e.run_id, **e.payload}, e.seq) for e in found]

    def _progress(self) -> list[dict[str, Any]]:
        now = time.monotonic()
        if now - self._progress_sent < PROGRESS_SECONDS:
            return []
        fresh = [
            (run_id, heard, data)
            for run_id, (heard, data) in self.hub.progress.items()
            if heard > self._progress_seen.get(run_id, 0.0)
            and now - heard < 10
            and (self.run_ids is None or run_id in self.run_ids)
        ]
        if fresh:
            self._progress_sent = now
        for run_id, heard, _ in fresh:
            self._progress_seen[run_id] = heard
        return [_event("progress", data) for _, _, data in fresh]


def _event(kind: str, data: dict[str, Any], seq: int | None = None) -> dict[str, Any]:
    event = {"event": kind, "data": json.dumps(data, separators=(",", ":"), allow_nan=False)}
    return event if seq is None else {**event, "id": str(seq)}
