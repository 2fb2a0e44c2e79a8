"""Redis as Celery reads it, but for messages that are none: they are skipped.

Kombu ends the worker at the first one. A message carries no work, so nothing is lost with it.
"""

import logging
from queue import Empty
from typing import Any

import kombu.transport
from kombu.transport import redis

logger = logging.getLogger(__name__)
FAULTS = (LookupError, TypeError, ValueError, AttributeError)
"""What reading a message that is none comes to."""


class Channel(redis.Channel):
    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except FAULTS as error:
            logger.warning("a message that is no JSON was skipped: %s", error)
            raise Empty from error


class Transport(redis.Transport):
    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> None:
        tag = None
        try:
            tag = message["properties"]["delivery_tag"]
            if not isinstance(tag, str):
                raise TypeError("its delivery tag is no text")
            super()._deliver(message, queue)  # type: ignore[no-untyped-call]
        except FAULTS as error:
            logger.warning("a message that cannot be read was skipped: %r", error)
            for channel in self.channels if isinstance(tag, str) else ():
                channel.basic_ack(tag)  # or it would count as one that is being worked on


def install() -> None:
    """Have Celery use it in this process."""
    for scheme in ("redis", "rediss"):
        kombu.transport.TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
