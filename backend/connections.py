"""Connections of strangers: how many there may be, how long they may take, and what they log.

Anyone who reaches the port may open connections without a token and send nothing. Uvicorn has no
time limit for that, and once descriptors run out asyncio fills the log with failed accepts.
"""

import asyncio
import logging
import time
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 20.0
"""Time a request may take to arrive whole, headers and body."""
RESERVED = 100
"""Descriptors for all but connections: database, broker, files of the page and figures."""
SELDOM_SECONDS = 60.0
FLOODS = (
    "socket.accept() out of system resource",
    "Exceeded concurrency limit",
    "Invalid HTTP request received",
)
"""How messages begin that strangers can bring about as often as they like."""


def limit_for(descriptors: int) -> int:
    """Connections at a time where the process may have that many descriptors."""
    return max(descriptors - RESERVED, 20)


class Protocol(H11Protocol):
    """HTTP/1.1 for a limited number of connections, each request to arrive within some time.

    When there are too many, the one that has kept us waiting longest for a request is closed.
    """

    limit: ClassVar[int]
    seconds: ClassVar[float]
    waiting: ClassVar[dict["Protocol", asyncio.TimerHandle]]
    """Connections without a whole request, the longest first."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_request()
        if len(self.connections) >= self.limit and len(self.waiting) > 1:
            next(iter(self.waiting))._give_up()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        self._await_request()
        super().on_response_complete()
        self._look()  # the next request may have been there already

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_request(self) -> None:
        self._stop_waiting()
        self.waiting[self] = self.loop.call_later(self.seconds, self._give_up)

    def _look(self) -> None:
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._stop_waiting()

    def _stop_waiting(self) -> None:
        if timer := self.waiting.pop(self, None):
            timer.cancel()

    def _give_up(self) -> None:
        self._stop_waiting()
        self.connections.discard(self)
        self.transport.abort()


def protocol(limit: int, seconds: float = REQUEST_SECONDS) -> type[Protocol]:
    """The protocol of one server."""
    return type("Limited", (Protocol,), {"limit": limit, "seconds": seconds, "waiting": {}})


class Seldom(logging.Filter):
    """Lets through what strangers bring about once a minute, of each kind."""

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        kind = next((flood for flood in FLOODS if text.startswith(flood)), None)
        now = time.monotonic()
        if kind is None:
            return True
        if now - self._passed.get(kind, float("-inf")) < SELDOM_SECONDS:
            return False
        self._passed[kind] = now
        return True
