"""Whether there is room to write: results, checkpoints and the database are of no use without."""

import secrets
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from core.run.errors import DiskFull
from core.settings import Settings

REMEMBERED_SECONDS = 5.0
"""Health may be asked by anyone and often: it does not write each time."""
PROBE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Space:
    """The folder that has the least room, what is free there, and what keeps us from writing."""

    folder: Path
    free: int
    """Bytes."""
    fault: str
    """A sentence; empty if one can write."""
    enough: bool

    @property
    def sentence(self) -> str:
        """What is wrong and what to do; empty where nothing is."""
        if self.fault:
            return f"{self.folder} cannot be written ({self.fault}). Free some space there."
        if not self.enough:
            return (
                f"Only {self.free / 1e6:.0f} MB are free in {self.folder}: free some space there. "
                "Until then no run is launched."
            )
        return ""


class Disk:
    """The folders that hold results; shared by threads."""

    def __init__(self, settings: Settings) -> None:
        self._folders = dict.fromkeys((settings.root, settings.artifacts_folder))
        self._floor = settings.min_free_mb * 1_000_000
        self._lock = threading.Lock()
        self._space: Space | None = None
        self._looked_at = 0.0

    def space(self) -> Space:
        """As it was found within the last seconds."""
        with self._lock:
            now = time.monotonic()
            if self._space is None or now - self._looked_at > REMEMBERED_SECONDS:
                found = [self._look(folder) for folder in self._folders if folder.exists()]
                self._space = min(found, key=lambda s: (not s.fault, s.free))
                self._looked_at = now
            return self._space

    def refuse_if_full(self) -> None:
        """Raises DiskFull: there is too little room for another run."""
        if sentence := self.space().sentence:
            raise DiskFull(sentence)

    def _look(self, folder: Path) -> Space:
        free = shutil.disk_usage(folder).free
        fault = ""
        probe = folder / f".probe-{secrets.token_hex(8)}"
        try:
            try:
                probe.write_bytes(bytes(PROBE_BYTES))
            finally:
                probe.unlink(missing_ok=True)
        except OSError as error:
            fault = error.strerror or str(error)
        return Space(folder, free, fault, free >= self._floor)
