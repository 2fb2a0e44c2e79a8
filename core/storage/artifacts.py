"""Where checkpoints are kept: a folder, local or shared between hosts.

A key is `<run id>/<file name>`, made by the program alone; no path from a request comes here. An
object store would be another class with the same three methods.
"""

import shutil
from pathlib import Path


class Folder:
    """Artifacts as files below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

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

    def remove(self, run_id: str) -> None:
        """Remove all artifacts of a run, if there are any."""
        shutil.rmtree(self.path(run_id), ignore_errors=True)
