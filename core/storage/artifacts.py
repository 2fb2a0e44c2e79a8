"""Where checkpoints are kept: a folder, local or shared between hosts.

A key is `<run id>/<file name>`, made by the program alone; no path from a request comes here. An
object store would be another class with the same methods.
"""

import contextlib
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Self

from core.settings import Settings


class Folder:
    """Artifacts as files below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The folder that the settings name."""
        return cls(settings.artifacts_folder)

    def path(self, key: str) -> Path:
        """The file of `key`, its folder made.

        Raises:
            ValueError: the key points outside the folder.
        """
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root.resolve()) or path == self.root.resolve():
            raise ValueError(f"artifact key {key!r} points outside {self.root}")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def discard(self, key: str) -> None:
        """Remove one artifact, if it is there."""
        self.path(key).unlink(missing_ok=True)

    def keep_only(self, run_id: str, keys: Collection[str]) -> None:
        """Remove what a run's folder holds besides `keys`: what attempts that were killed left."""
        folder = self.root / run_id
        kept = {self.path(key).name for key in keys}
        with contextlib.suppress(OSError):  # it can be tried again in the next attempt
            for file in folder.iterdir():
                if file.name not in kept:
                    file.unlink(missing_ok=True)

    def remove(self, run_id: str) -> None:
        """Remove all artifacts of a run, if there are any; of a link to a folder the link alone."""
        folder = self.root / run_id
        with contextlib.suppress(OSError):  # the run itself is gone already
            if folder.is_symlink():
                folder.unlink()
            else:
                shutil.rmtree(self.path(run_id), ignore_errors=True)
