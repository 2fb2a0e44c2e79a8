"""The trainer child as its worker sees it: start, orders, reports, end.

Notable choices:
- Threads of its own write the orders and read the reports: neither a trainer that does not listen
  nor a worker that waits for its database ever blocks the other.
- The child asks the kernel to be killed with the thread that started it, and ends when its standard
  input does: two ways, so that no trainer outlives its worker.
"""

import contextlib
import logging
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

from pydantic import ValidationError

from core.settings import get_settings
from worker import wire

logger = logging.getLogger(__name__)
ROOT = Path(__file__).parents[1]
START_SECONDS = 120.0
"""Time a trainer gets to load torch and say that it is ready."""


def environment(home: Path) -> dict[str, str]:
    """What a process that trains is started with, where the user has not chosen otherwise.

    GNU OpenMP's threads wait by spinning, for milliseconds. Where other programs want the processor
    too they keep it from the very thread they wait for, and small networks fall to a hundredth of
    their speed; after 10,000 turns, some microseconds, they sleep in place of it (docs/LOG.md).

    Compiled loops are kept in the home, for the trainers after this one; machines that share it do
    not share them.
    """
    ours = {"NUMBA_CACHE_DIR": str(home / "cache" / "numba" / platform.node())}
    if "OMP_WAIT_POLICY" not in os.environ:
        ours["GOMP_SPINCOUNT"] = "10000"
    return ours | os.environ


class TrainerDied(Exception):
    """The trainer ended when it should not have. The message says how."""


class Child:
    """A running `python -m worker.trainer`."""

    def __init__(
        self, stopping: threading.Event | None = None, variables: Mapping[str, str] | None = None
    ) -> None:
        """Start one, with `variables` added to its environment, and wait until it is ready.

        Raises:
            TrainerDied: it did not get ready, or `stopping` was set meanwhile.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "worker.trainer", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **environment(get_settings().root),
                "PYTHONPATH": str(ROOT),
                "PYTHONUNBUFFERED": "1",
                **(variables or {}),
            },
            start_new_session=True,  # its own process group: killed whole, spared Ctrl-C
            text=True,
            encoding="utf-8",
        )
        self._reports: SimpleQueue[wire.Report | None] = SimpleQueue()
        self._orders: SimpleQueue[str | None] = SimpleQueue()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        for target, pipe in (
            (self._write, self._process.stdin),
            (self._read, self._process.stdout),
        ):
            threading.Thread(target=target, args=[pipe], daemon=True).start()
        self.capabilities = self._await_ready(stopping or threading.Event())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def order(self, order: wire.Order) -> None:
        """Send an order; one to a dead trainer is dropped, `next_report` tells of its death."""
        self._orders.put(order.model_dump_json())

    def next_report(self, seconds: float) -> wire.Report | None:
        """The next report, or None after `seconds` without one.

        Raises:
            TrainerDied: the process ended.
        """
        try:
            report = self._reports.get(timeout=seconds)
        except Empty:
            return None
        if report is None:
            self._reports.put(None)  # for whoever asks again
            raise TrainerDied(self._obituary())
        return report

    def kill(self) -> None:
        """End the trainer and whatever it started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._orders.put(None)

    def _await_ready(self, stopping: threading.Event) -> dict[str, object]:
        deadline = time.monotonic() + START_SECONDS
        while not stopping.is_set() and time.monotonic() < deadline:
            report = self.next_report(0.1)
            if isinstance(report, wire.Ready):
                return report.capabilities
        self.kill()
        if stopping.is_set():
            raise TrainerDied("The worker was told to stop while its trainer started")
        raise TrainerDied(f"The trainer was not ready within {START_SECONDS:.0f} s")

    def _write(self, pipe: IO[str]) -> None:
        with contextlib.suppress(OSError), pipe:  # a broken pipe: it is dead
            while (line := self._orders.get()) is not None:
                pipe.write(line + "\n")
                pipe.flush()

    def _read(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                try:
                    self._reports.put(wire.REPORT.validate_json(line))
                except ValidationError:
                    logger.warning("the trainer said what is not understood: %.200s", line)
        self._process.wait()
        self._reports.put(None)
        self._orders.put(None)

    def _obituary(self) -> str:
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return "The trainer was killed, as the system does when memory runs out"
        if code < 0:
            return f"The trainer ended by {signal.Signals(-code).name}"
        return f"The trainer ended with exit code {code}"
