"""Live changes as Server-Sent Events: replay what was missed, then follow.

A client is a cursor into the event log, never a queue: a slow one reads the log later, and costs
no memory. Those at the same place, as nearly all are, share one look at the database. Wake-ups come
over the broker's pub/sub; should they get lost, the hub asks the database every `POLL_SECONDS`
whether there is news, once for all streams, so that idle ones cost nothing. While the database is
away streams stay open and wait. Progress within an epoch is lossy: only a run's newest counts. No
database session is held between two looks.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import redis.asyncio
from pydantic import ValidationError
from sse_starlette import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from core import messages
from core.run.errors import DatabaseUnavailable
from core.storage import events
from core.storage.database import Database

logger = logging.getLogger(__name__)
POLL_SECONDS = 2.0
IDLE_SECONDS = 60.0
"""A stream that nobody woke for this long looks by itself."""
PING_SECONDS = 10
"""A page that hears none for three times as long takes the connection for dead."""
PAGE = 500
PROGRESS_SECONDS = 0.5
MAX_PROGRESS = 200
"""Runs whose progress is remembered, unless more report it at the same time."""
MAX_STREAMS = 1000
"""Open streams at a time; further ones are told to come back."""

Page = tuple[list[bytes], int]
"""Encoded events, and the sequence number to go on from."""


class Hub:
    """Hears for all streams of this process whether there is news."""

    def __init__(self, broker_url: str, database: Database) -> None:
        self.broker_url, self.database = broker_url, database
        self.progress: dict[str, tuple[float, dict[str, Any]]] = {}
        """The newest progress by run, with the time it was heard."""
        self.streams = 0
        self.closing = False
        self.news = asyncio.Event()
        """Set once there may be news, then replaced. Take it before looking, wait on it after."""
        self._looks: dict[tuple[int | None, tuple[str, ...] | None], asyncio.Task[Page]] = {}
        """Looks under way, by place and topics, all begun since the last news."""
        self._tasks: list[asyncio.Task[None]] = []
        self._is_deaf = False

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self._poll())]
        if self.broker_url:
            self._tasks.append(asyncio.create_task(self._listen()))

    def close(self) -> None:
        """Let every stream end. May be called from a signal handler."""
        self.closing = True
        self.wake()

    async def stop(self) -> None:
        self.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self) -> None:
        """Let every stream look at once."""
        # A look begun before may have missed the news: nobody joins it any more.
        waiting, self.news, self._looks = self.news, asyncio.Event(), {}
        waiting.set()

    async def look(self, seq: int | None, run_ids: tuple[str, ...] | None) -> Page:
        """Events after `seq`; who asks for the same at the same time shares the answer.

        Raises:
            DatabaseUnavailable: the database cannot be reached.
        """
        place, looks = (seq, run_ids), self._looks
        if place not in looks:
            looks[place] = asyncio.create_task(run_in_threadpool(self._look, seq, run_ids))
            looks[place].add_done_callback(lambda _: looks.pop(place))
        return await asyncio.shield(looks[place])  # a client that leaves ends it for no other

    def _look(self, seq: int | None, run_ids: tuple[str, ...] | None) -> Page:
        with self.database.read() as session:
            if seq is None:
                newest = events.head(session)
                return [_event("hello", {"seq": newest}, newest)], newest
            page = events.after(session, seq, run_ids=run_ids, limit=PAGE)
            if page is None:
                newest = events.head(session)
                return [_event("reset", {"seq": newest}, newest)], newest
        found, newest = page
        return [_event(e.kind, {"run_id": e.run_id, **e.payload}, e.seq) for e in found], newest

    async def _poll(self) -> None:
        """Wake the streams for what no hint told of."""
        seen = 0
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if not self.streams:
                continue
            try:
                newest = await run_in_threadpool(self._head)
            except DatabaseUnavailable:
                continue
            if newest != seen:
                seen = newest
                self.wake()

    def _head(self) -> int:
        with self.database.read() as session:
            return events.head(session)

    async def _listen(self) -> None:
        while True:
            try:
                await self._follow()
            except (redis.RedisError, OSError) as error:
                if not self._is_deaf:  # once an outage, not once a second
                    logger.warning("no hints from the broker, streams poll: %s", error)
                self._is_deaf = True
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
                self._is_deaf = False
                while True:
                    message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=30.0)
                    if message is not None:
                        self._heard(message)
        finally:
            await client.aclose()

    def _heard(self, message: dict[str, Any]) -> None:
        if message["channel"].decode() == messages.PROGRESS:
            try:
                hint = messages.ProgressHint.model_validate_json(
                    message["data"][: messages.MAX_HINT]
                )
            except ValidationError:
                logger.debug("a progress hint was not understood")
                return
            heard = time.monotonic()
            self.progress[hint.run_id] = (heard, json.loads(hint.as_json()))
            if len(self.progress) > MAX_PROGRESS:
                newest = {k: v for k, v in self.progress.items() if heard - v[0] < 10}
                self.progress = newest
        self.wake()


class Cursor:
    """One client's place in the event log."""

    def __init__(self, hub: Hub, run_ids: tuple[str, ...] | None, last_seen: int | None) -> None:
        self.hub, self.run_ids, self.seq = hub, run_ids, last_seen
        self._progress_seen: dict[str, float] = {}
        self._progress_sent = 0.0

    async def follow(self) -> AsyncIterator[bytes]:
        """Events for sse-starlette, for as long as the client stays."""
        self.hub.streams += 1
        try:
            while not self.hub.closing:
                news = self.hub.news
                try:
                    page, self.seq = await self.hub.look(self.seq, self.run_ids)
                except DatabaseUnavailable:
                    await asyncio.sleep(POLL_SECONDS)
                    continue
                for event in page:
                    yield event
                for event in self._progress():
                    yield event
                if not page:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(news.wait(), IDLE_SECONDS)
        finally:
            self.hub.streams -= 1

    def _progress(self) -> list[bytes]:
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


def _event(kind: str, data: dict[str, Any], seq: int | None = None) -> bytes:
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return ServerSentEvent(text, event=kind, id=None if seq is None else str(seq)).encode()
