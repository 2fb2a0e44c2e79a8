"""The forms in which a user's own dataset is read; docs/datasets.md states the rules.

A reader looks through everything first, so that what cannot be used is refused before anything is
written, and then gives the images a few at a time: a dataset need not fit into memory.
"""

from pathlib import Path

from core.run.errors import InvalidInput
from worker.datasets.formats import folders, known, npz, parquet
from worker.datasets.formats.found import Found, Options
from worker.datasets.sources import Report

FORMS = "a folder with a folder of images for each class, an .npz file, or Parquet files"


def named(source: str) -> str:
    """The source in full, as the user's current folder would be lost."""
    if source.startswith(known.PREFIX):
        return source
    return str(Path(source).expanduser().absolute())


def find(source: str, options: Options, work: Path, report: Report) -> Found:
    """What is at `source`, a path or torchvision:NAME; `work` is an empty folder.

    Raises:
        InvalidInput: it is no dataset that can be used.
        DataUnavailable: it cannot be fetched.
        DataCorrupt: a file is damaged.
        OSError: a file cannot be read.
    """
    if source.startswith(known.PREFIX):
        return known.find(source.removeprefix(known.PREFIX), work, report)
    path = Path(source).expanduser().absolute()
    if path.is_dir():
        if any(path.rglob("*.parquet")):
            return parquet.find(path, options, report)
        return folders.find(path, options, report)
    if not path.exists():
        raise InvalidInput(f"there is no {path}: name {FORMS}")
    if path.suffix == ".npz":
        return npz.find(path)
    if path.suffix == ".parquet":
        return parquet.find(path, options, report)
    raise InvalidInput(f"{path} has no form that is read: name {FORMS}, and unpack archives first")
