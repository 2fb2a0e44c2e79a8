"""Whether there is room to write: results, checkpoints and the database are of no use without."""

import errno
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
REMEDIES = {
    errno.ENOENT: "start the server again, which makes it",
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space there",
}


@dataclass(frozen=True, slots=True)
class Space:
    """The folder that has the least room, what is free there, and what keeps us from writing."""

    folder: Path
    free: int
    """Bytes."""
    fault: str
    """A sentence; empty if one can write."""
    enough: bool
    remedy: str = "free some space there"

    @property
    def sentence(self) -> str:
        """What is wrong and what to do; empty where nothing is."""
        if self.fault:
            return f"{self.folder} cannot be written ({self.fault}): {self.remedy}."
        if not self.enough:
            return (
                f"Only {self.free / 1e6:.0f} MB are free in {self.folder}: {self.remedy}. "
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
                # Checkpoints have a folder from the first on; one home there was at the start.
                there = [folder for folder in self._folders if folder.exists()] or self._folders
                self._space = min(map(self._look, there), key=lambda s: (not s.fault, s.free))
                self._looked_at = now
            return self._space

    def refuse_if_full(self) -> None:
        """Raises DiskFull: there is too little room for another run."""
        if sentence := self.space().sentence:
            raise DiskFull(sentence)

    def _look(self, folder: Path) -> Space:
        free = 0
        probe = folder / f".probe-{secrets.token_hex(8)}"
        try:
            free = shutil.disk_usage(folder).free
            try:
                probe.write_bytes(bytes(PROBE_BYTES))
            finally:
                probe.unlink(missing_ok=True)
        except OSError as error:
            fault = error.strerror or str(error)
            remedy = REMEDIES.get(error.errno or 0, "make it writable")
            return Space(folder, free, fault, free >= self._floor, remedy)
        return Space(folder, free, "", free >= self._floor)
