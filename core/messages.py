"""Hints between processes: wake a worker, say that there is news. None carries work or truth.

Hints may be lost, late or repeated: the database says what is left to do. So publishing never
raises, and gives up after two seconds.
"""

import json
import logging
import time
from typing import Any, Self

import redis
from pydantic import BaseModel, Field, ValidationError, model_validator

from core.run.errors import InvalidInput
from core.run.metrics import Progress

TASK = "rethink.work"
"""Celery task that means: claim the best waiting run. It has no arguments."""
QUEUE = "rethink"
NEWS = "rethink:news"
"""Channel that carries the newest event's sequence number."""
PROGRESS = "rethink:progress"
"""Channel that carries progress within an epoch, as JSON."""

MAX_HINT = 4_000
"""Characters of a hint; a longer one is none of ours."""

TIMEOUT = 2.0
RETRY_SECONDS = 5.0
"""Time without hints after one could not be sent."""
logger = logging.getLogger(__name__)


SCHEMES = {
    "redis": ("redis", "redis"),
    "rediss": ("rediss", "rediss"),
    "valkey": ("redis", "redis"),
    "valkeys": ("rediss", "rediss"),
    "unix": ("unix", "redis+socket"),
    "redis+socket": ("unix", "redis+socket"),
}
"""A URL's scheme as redis-py and as Celery name it; valkey:// is redis:// by its newer name."""


def redis_url(url: str) -> str:
    """`url` as redis-py reads it.

    Raises:
        InvalidInput: it is no URL of a broker.
    """
    return _with_scheme(url, 0)


def celery_url(url: str) -> str:
    """`url` as Celery reads it.

    Raises:
        InvalidInput: it is no URL of a broker.
    """
    return _with_scheme(url, 1)


def _with_scheme(url: str, reader: int) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        # Shown if it is a scheme: what stands before a host may be a password.
        named = f"begins with {scheme}" if separator and scheme.isalnum() else "is no URL"
        raise InvalidInput(
            f"RETHINK_BROKER_URL {named}, which is not allowed: use redis://host:port/0, "
            "rediss://… or unix:///path/to/socket."
        )
    return f"{SCHEMES[scheme][reader]}://{rest}"


def connect(url: str, **options: Any) -> redis.Redis:
    """A client that does not hang: it gives up connecting and waiting after two seconds.

    Raises:
        InvalidInput: `url` is no URL of a broker.
    """
    try:
        return redis.Redis.from_url(
            redis_url(url), socket_connect_timeout=TIMEOUT, socket_timeout=TIMEOUT, **options
        )
    except ValueError:  # whose words may show a part of the password
        raise InvalidInput(
            "RETHINK_BROKER_URL cannot be read: write redis://:password@host:port/0. In the "
            "password %2F stands for /, %23 for # and %3F for ?."
        ) from None


class ProgressHint(BaseModel):
    """How far a run is within its epoch and, 0 to 1 and in seconds, in all."""

    run_id: str = Field(max_length=16)
    progress: Progress
    fraction: float | None = Field(None, ge=0, le=1)
    eta_seconds: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _is_finite(self) -> Self:
        self.as_json()
        return self

    def as_json(self) -> str:
        """As it is published and passed on; raises ValueError where a number is not finite."""
        values = self.model_dump()
        values["progress"] = self.progress.model_dump(exclude_none=True)
        return json.dumps(values, separators=(",", ":"), allow_nan=False)


class Hints:
    """Publishes hints; swallows and logs what goes wrong."""

    def __init__(self, broker_url: str) -> None:
        self._client = connect(broker_url) if broker_url else None
        self._was_lost = False
        self._retry_at = 0.0

    def news(self, seq: int) -> None:
        """Say that events up to `seq` are there."""
        self._publish(NEWS, str(seq))

    def progress(
        self,
        run_id: str,
        progress: Progress,
        *,
        fraction: float | None = None,
        eta_seconds: float | None = None,
    ) -> None:
        """Say how far a run is."""
        try:
            hint = ProgressHint(
                run_id=run_id, progress=progress, fraction=fraction, eta_seconds=eta_seconds
            )
        except ValidationError as error:
            logger.debug("a progress hint was not sent: %s", error)
        else:
            self._publish(PROGRESS, hint.as_json())

    def _publish(self, channel: str, message: str) -> None:
        if self._client is None or time.monotonic() < self._retry_at:
            return
        try:
            self._client.publish(channel, message)
            self._was_lost = False
        except (redis.RedisError, OSError) as error:
            if not self._was_lost:  # once an outage, not once a second
                logger.warning("hint not sent, streams will poll instead: %s", error)
            self._was_lost = True
            # Whoever publishes has work to do, and a broker that hangs costs two seconds a try.
            self._retry_at = time.monotonic() + RETRY_SECONDS

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
