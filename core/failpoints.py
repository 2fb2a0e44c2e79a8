"""Named points at which a process kills itself, so that tests can show what survives.

Off unless `RETHINK_TEST_FAILPOINT` is set, which no setting and no request can do. It holds one or
more, separated by commas, of

    NAME[@COUNT]=FILE

A process that reaches NAME for the COUNT-th time (1 if left out) removes FILE and sends itself
SIGKILL. Where FILE is gone nothing happens: so each point strikes once, whoever gets there first.
"""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "RETHINK_TEST_FAILPOINT"


@dataclass
class Point:
    file: Path
    count: int
    """Times still to be reached."""

    def strike(self) -> None:
        self.count -= 1
        if self.count > 0:
            return
        try:
            self.file.unlink()
        except FileNotFoundError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def read(text: str) -> dict[str, Point]:
    """The points in the variable's value, by name.

    Raises:
        ValueError: it cannot be read.
    """
    points = {}
    for item in filter(None, text.split(",")):
        name, _, file = item.partition("=")
        name, _, count = name.partition("@")
        points[name] = Point(Path(file), int(count or 1))
    return points


_armed = read(os.environ.get(VARIABLE, ""))


def reach(name: str) -> None:
    """Say that this process is at point `name`."""
    if _armed and (point := _armed.get(name)):
        point.strike()


def reach_before_rename(name: str, suffix: str) -> None:
    """Be at point `name` whenever a file is about to get a name that ends with `suffix`."""
    if name not in _armed:
        return

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename" and str(arguments[1]).endswith(suffix):
            reach(name)

    sys.addaudithook(hear)
