"""Memory and processor use of the worker's processes, from Linux's /proc; empty elsewhere."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Gauge:
    """Reads what processes use; utilisation is the mean since the previous reading."""

    def __init__(self) -> None:
        self._time, self._cpu_seconds = time.monotonic(), 0.0

    def read(self, pids: Sequence[int]) -> dict[str, Any]:
        """`memory_bytes` (resident, summed) and `utilization` (cores kept busy, summed)."""
        try:
            memory = sum(_resident_bytes(pid) for pid in pids)
            cpu_seconds = sum(_cpu_seconds(pid) for pid in pids)
        except (OSError, ValueError, IndexError):
            return {}
        now = time.monotonic()
        elapsed, used = now - self._time, cpu_seconds - self._cpu_seconds
        is_first, self._time, self._cpu_seconds = not self._cpu_seconds, now, cpu_seconds
        if is_first or used < 0 or elapsed <= 0:
            return {"memory_bytes": memory}
        return {"memory_bytes": memory, "utilization": round(used / elapsed, 2)}


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _cpu_seconds(pid: int) -> float:
    # The name in field 2 may hold spaces and brackets: count from the last bracket.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
