"""Slots: each worker of a host has a name of its own, held by a lock for as long as it runs.

A worker that starts in a slot knows that whoever was there before is dead, and takes its run back
at once; so no two may share one.
"""

import contextlib
import fcntl
import itertools
import os
import re
import socket

from core import home
from core.run.errors import Conflict, InvalidInput
from core.settings import Settings

NAME = re.compile(r"[A-Za-z0-9_]{1,40}")


def claim(settings: Settings, slot: str | None = None) -> tuple[str, int]:
    """Take `slot`, or the first free one of 0, 1, 2 …

    Returns its name and the file descriptor that holds the lock; it must stay open.

    Raises:
        Conflict: a worker runs in `slot`.
        InvalidInput: not a name for a slot.
    """
    if slot is not None and not NAME.fullmatch(slot):
        raise InvalidInput(f"slot {slot!r} is not allowed: use up to 40 letters, digits and _")
    folder = home.folder(settings, "workers")
    for name in itertools.count() if slot is None else [slot]:
        path = folder / f"{socket.gethostname()}-{name}.lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        except OSError as error:
            raise home.unavailable(settings, path, error) from error
        else:
            return str(name), descriptor
    raise Conflict(f"A worker already runs in slot {slot} of this machine: choose another --slot.")


def claim_below(settings: Settings, count: int) -> list[tuple[str, int]]:
    """Take those of the slots 0 to `count` - 1 in which no worker runs; as `claim`."""
    taken = []
    for number in range(count):
        with contextlib.suppress(Conflict):
            taken.append(claim(settings, str(number)))
    return taken
