"""Workers side by side on one machine: each a process with one trainer, in a slot of its own."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from core.run.errors import Conflict, InvalidInput
from core.settings import Settings
from rethink import slots
from rethink.capacity import Capacity, capacity
from rethink.processes import (
    Child,
    Children,
    adopt_orphans,
    module,
    module_environment,
    stop_on_signals,
)
from rethink.text import say

FIRST = 2
"""Workers that start at once; to load torch takes seconds of a core."""
REST_SECONDS = 8.0
"""When the others start."""
END_SECONDS = 8.5


class Workers:
    """Those that one command starts, with the locks of their slots."""

    def __init__(
        self, settings: Settings, *, slot: str | None = None, count: int | None = None
    ) -> None:
        """Take slots: the one named, `count` free ones, or those of the machine that are free.

        Raises:
            Conflict: a worker runs in `slot`.
            InvalidInput: not a name for a slot.
        """
        self.capacity: Capacity = capacity(settings)
        if slot is not None:
            taken = [slots.claim(settings, slot)]
        elif count is not None:
            taken = [slots.claim(settings) for _ in range(count)]
        else:
            taken = slots.claim_below(settings, self.capacity.workers)
        if slot is not None or count is not None:
            self.capacity = replace(self.capacity, workers=len(taken), why="as asked for")
        self.slots = [name for name, _ in taken]
        self.locks = [lock for _, lock in taken]

    def command(self, slot: str) -> list[str]:
        return module("worker", "run", "--slot", slot, "--why", self.capacity.sentence)

    def environment(self, slot: str) -> Mapping[str, str]:
        """What tells the worker its GPU, if there is one for its slot."""
        gpus = self.capacity.gpus
        if not gpus or not slot.isdigit():
            return {}
        return {"CUDA_VISIBLE_DEVICES": gpus[int(slot) % len(gpus)]}

    def start(
        self, children: Children, environment: Mapping[str, str], logs: Path | None = None
    ) -> None:
        """Start the first ones, and have the others started by `children.look_after`."""
        for place, slot in enumerate(self.slots):
            child = Child(
                name=f"worker {slot}",
                command=self.command(slot),
                environment={**environment, **self.environment(slot)},
                log=logs and logs / f"worker-{slot}.log",
            )
            children.start(child, after=0.0 if place < FIRST else REST_SECONDS)


def run(
    settings: Settings, broker: Mapping[str, str], *, slot: str | None, count: int | None
) -> None:
    """Run workers until a signal. A single one replaces this process.

    Raises:
        Conflict: all slots have a worker.
    """
    if slot is not None and count is not None:
        raise InvalidInput("--workers is not allowed with --slot: a slot has one worker")
    workers = Workers(settings, slot=slot, count=count)
    environment = module_environment(broker)
    if not workers.slots:
        raise Conflict(
            f"This machine has its {workers.capacity.sentence}. To start one more all the same: "
            "`rethink worker --workers 1`."
        )
    if len(workers.slots) == 1:
        (only,), (lock,) = workers.slots, workers.locks
        os.set_inheritable(lock, True)
        command = workers.command(only)
        os.execve(command[0], command, {**environment, **workers.environment(only)})
    stop, hurry = stop_on_signals()
    adopt_orphans()
    children = Children(say)
    say(workers.capacity.sentence)
    try:
        workers.start(children, environment)
        while not stop.wait(0.2):
            children.look_after()
    finally:
        children.stop(children.all, END_SECONDS, hurry)
        children.end_orphans()
