"""Wakes workers, by task name. A message that is lost is sent again by the reaper."""

import logging
import threading
from typing import TYPE_CHECKING

import redis

from core import failpoints, messages
from core.run.errors import BrokerUnavailable

if TYPE_CHECKING:
    from celery import Celery

logger = logging.getLogger(__name__)
MAX_HINTS = 64
"""Hints that wait with the broker at most: as many idle workers are woken at a time."""


class Broker:
    """The sending half of Celery, loaded at first use to keep the API's start short."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = messages.connect(url) if url else None
        self._celery: Celery | None = None
        self._lock = threading.Lock()

    def wake_a_worker(self) -> bool:
        """Send one hint to claim a run. Returns whether the broker took it."""
        failpoints.reach("api.before-hint")
        if self._client is None:
            return False
        try:
            with self._lock:
                self._sender().send_task(messages.TASK, queue=messages.QUEUE, retry=False)
        except Exception as error:  # kombu raises its transport's own kinds
            logger.warning("no worker was woken, the run waits: %s", error)
            return False
        return True

    def wake_workers(self, waiting: int) -> None:
        """Have as many hints as runs wait with the broker, but no more than `MAX_HINTS`."""
        try:
            for _ in range(min(waiting, MAX_HINTS) - self.waiting_hints()):
                if not self.wake_a_worker():
                    return
        except BrokerUnavailable as error:
            logger.warning("%s", error)

    def waiting_hints(self) -> int:
        """Messages that no worker has taken yet.

        Raises:
            BrokerUnavailable: the broker does not answer.
        """
        if self._client is None:
            raise BrokerUnavailable("No broker is set. Set RETHINK_BROKER_URL.")
        try:
            return int(self._client.llen(messages.QUEUE))
        except (redis.RedisError, OSError) as error:
            raise BrokerUnavailable(
                f"The broker does not answer ({error}). Check RETHINK_BROKER_URL."
            ) from error

    def _sender(self) -> "Celery":
        if self._celery is None:
            from celery import Celery

            self._celery = Celery(
                broker=messages.celery_url(self.url), set_as_current=False, fixups=[]
            )
            self._celery.conf.update(
                task_serializer="json",
                task_ignore_result=True,
                broker_connection_timeout=messages.TIMEOUT,
                broker_transport_options={
                    "socket_connect_timeout": messages.TIMEOUT,
                    "socket_timeout": messages.TIMEOUT,
                    "max_retries": 0,
                },
            )
        return self._celery

    def close(self) -> None:
        if self._celery is not None:
            self._celery.close()
        if self._client is not None:
            self._client.close()
