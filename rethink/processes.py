"""Child processes of `rethink up`: started, logged, restarted, and ended with all they started.

Notable choices:
- Each child leads a session of its own, so that Ctrl-C in the terminal reaches `rethink up` alone,
  which then ends the children in order.
- Whoever a child leaves behind is adopted (Linux: `PR_SET_CHILD_SUBREAPER`) and ended too.
- Children start from the main thread only: what ties them to their parent is tied to its thread.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rethink import tether

PR_SET_CHILD_SUBREAPER = 36
LOG_LIMIT = 20_000_000
"""Bytes; a longer log is moved to `.1`, over the previous one."""
BACKOFF = (1.0, 2.0, 5.0, 15.0, 30.0)
"""Seconds before a child that crashed is started again, by the number of crashes in a row."""
STEADY_SECONDS = 60.0
"""A child that lived this long starts again without delay if it crashes."""

ROOT = Path(__file__).parents[1]
"""The folder that holds core, backend, worker and rethink."""


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs one of the project's modules, whatever the current folder holds."""
    return [sys.executable, "-P", "-m", name, *arguments]


def module_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `changes`, in which `module` commands work."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1", **changes}


@dataclass(kw_only=True)
class Child:
    """A process that should run for as long as `rethink up` does."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path | None
    """None: it writes to where this process does."""
    stdin: bytes = b""
    signal_on_death: int = signal.SIGTERM
    """What the child receives when `rethink up` itself is killed."""

    crashes: int = 0
    started_at: float = 0.0
    restart_at: float | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        self.rotate_log()
        self.restart_at, self.started_at = None, time.monotonic()
        tie = [sys.executable, "-IS", tether.__file__, str(os.getpid()), str(self.signal_on_death)]
        with self.log.open("ab") if self.log else contextlib.nullcontext() as log:
            self.process = subprocess.Popen(
                [*tie, *self.command],
                env=dict(self.environment),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT if log else None,
                start_new_session=True,
            )
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self.process.stdin as pipe:
            pipe.write(self.stdin)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll() if self.process else None

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, number: int) -> None:
        """Send a signal to the child and to its process group."""
        if self.process is None:
            return
        if number == signal.SIGKILL:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)
        elif self.running:
            self.process.send_signal(number)

    def rotate_log(self) -> None:
        """Keep the log short. It is emptied in place: the child writes on at its end."""
        if self.log is None:
            return
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > LOG_LIMIT:
                shutil.copyfile(self.log, self.log.with_name(self.log.name + ".1"))
                os.truncate(self.log, 0)

    def last_words(self, lines: int = 8) -> str:
        """The end of the log."""
        if self.log is None:
            return ""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 16_000))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(f"    {line}" for line in text.rstrip().splitlines()[-lines:])


class Children:
    """The children of `rethink up`, in the order in which they start."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.all: list[Child] = []
        self._say = say

    def start(self, child: Child, *, after: float = 0.0) -> None:
        """Start `child` now, or `after` seconds, when `look_after` is called."""
        self.all.append(child)
        if after:
            child.restart_at = time.monotonic() + after
        else:
            child.start()

    def look_after(self) -> None:
        """Start again who crashed, after a delay; empty logs that grew; bury adopted dead."""
        for child in self.all:
            child.rotate_log()
            if child.running:
                continue
            if child.restart_at is None:
                self._plan_restart(child)
            elif time.monotonic() >= child.restart_at:
                child.start()
        self._bury()

    def _plan_restart(self, child: Child) -> None:
        now = time.monotonic()
        child.crashes = 0 if now - child.started_at > STEADY_SECONDS else child.crashes
        delay = BACKOFF[min(child.crashes, len(BACKOFF) - 1)]
        child.crashes += 1
        child.restart_at = now + delay
        log = f" Its log, {child.log}, ends with:\n{child.last_words()}" if child.log else ""
        self._say(
            f"{child.name} ended unexpectedly ({_how(child.exit_code)}); starting it again in "
            f"{delay:.0f} s.{log}"
        )

    def stop(self, children: Sequence[Child], seconds: float, hurry: threading.Event) -> None:
        """Ask `children` to end; after `seconds`, or when `hurry` is set, end them."""
        for child in children:
            child.send(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while any(c.running for c in children) and time.monotonic() < deadline:
            if hurry.wait(0.05):
                break
        for child in children:
            if child.running:
                self._say(f"{child.name} did not end in time and was killed.")
            child.send(signal.SIGKILL)  # also whoever else is in its group
            if child.process is not None:
                child.process.wait()

    def end_orphans(self, seconds: float = 2.0) -> None:
        """End whoever the children left behind. To be called after all of them ended."""
        deadline = time.monotonic() + seconds
        while (orphans := _children_of_this_process()) and time.monotonic() < deadline:
            for pid in orphans:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._bury()
            time.sleep(0.01)

    def _bury(self) -> None:
        """Reap adopted processes that ended; subprocess reaps our own."""
        own = {child.process.pid for child in self.all if child.process}
        for pid in _children_of_this_process() - own:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def stop_on_signals() -> tuple[threading.Event, threading.Event]:
    """Events that are set by the first signal to end, and by the second."""
    stop, hurry = threading.Event(), threading.Event()

    def handle(_number: int, _frame: object) -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a script's background job
            signal.signal(number, handle)
    return stop, hurry


def _children_of_this_process() -> set[int]:
    """Process ids; empty where the system does not tell."""
    pids: set[int] = set()
    for listing in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            pids.update(map(int, listing.read_text().split()))
    return pids


def _how(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"signal {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"
