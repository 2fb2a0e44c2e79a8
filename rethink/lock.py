"""One `rethink up` a home: the lock, and what others may know of who holds it.

The lock ends with the process that holds it, however that ends. The file holds `pid` and, once
they are known, `url` and `broker_url` (with its password: the file is this user's alone).
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from core import home
from core.run.errors import Conflict
from core.settings import Settings
from rethink import discovery


@contextlib.contextmanager
def only_one(settings: Settings) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Hold the lock of this home; yields a function that writes what others may know.

    Raises:
        Conflict: another `rethink up` holds it.
    """
    path = settings.root / "up.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise home.unavailable(settings, path, error) from error
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _already_running(settings) from None
        except OSError as error:
            raise home.unavailable(settings, path, error) from error

        def publish(facts: dict[str, Any]) -> None:
            file.seek(0)
            file.truncate()
            json.dump(facts, file)
            file.flush()

        publish({"pid": os.getpid()})
        try:
            yield publish
        finally:
            file.truncate(0)  # not deleted: the next one might have opened it already


def _already_running(settings: Settings) -> Conflict:
    facts = discovery.running(settings)
    pid, url = facts.get("pid", "PID"), facts.get("url")
    where = f" at {url}" if url else ""
    return Conflict(
        f"Rethink already runs{where} with home {settings.root} (process {pid}). Open that, end "
        f"it with `kill {pid}`, or set RETHINK_HOME to another folder."
    )
