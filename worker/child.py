"""The trainer child as its worker sees it: start, orders, reports, end."""

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO

from pydantic import ValidationError

from worker import wire

logger = logging.getLogger(__name__)
PR_SET_PDEATHSIG = 1
ROOT = Path(__file__).parents[1]
START_SECONDS = 120.0
"""Time a trainer gets to load torch and say that it is ready."""


class TrainerDied(Exception):
    """The trainer ended when it should not have. The message says how."""


class Child:
    """A running `python -m worker.trainer`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "worker.trainer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # its own process group: killed whole, spared Ctrl-C
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            text=True,
            encoding="utf-8",
        )
        self._reports: SimpleQueue[wire.Report | None] = SimpleQueue()
        assert self._process.stdout is not None
        threading.Thread(target=self._read, args=[self._process.stdout], daemon=True).start()
        self.capabilities = self._await_ready()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def order(self, order: wire.Order) -> None:
        """Send an order; one to a dead trainer is dropped, `next_report` tells of its death."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._process.stdin.write(order.model_dump_json() + "\n")
            self._process.stdin.flush()

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
            raise TrainerDied(self._obituary())
        return report

    def kill(self) -> None:
        """End the trainer and whatever it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _await_ready(self) -> dict[str, object]:
        report = self.next_report(START_SECONDS)
        if not isinstance(report, wire.Ready):
            self.kill()
            raise TrainerDied(f"The trainer was not ready within {START_SECONDS:.0f} s")
        return report.capabilities

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            try:
                self._reports.put(wire.REPORT.validate_json(line))
            except ValidationError:
                logger.exception("the trainer said what is not understood: %.200s", line)
        self._process.wait()
        self._reports.put(None)

    def _obituary(self) -> str:
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return "The trainer was killed, as the system does when memory runs out"
        if code < 0:
            return f"The trainer ended by {signal.Signals(-code).name}"
        return f"The trainer ended with exit code {code}"


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
