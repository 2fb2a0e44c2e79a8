"""A folder of images: a folder for each class, in `train` and `test` or without."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from core.run.errors import InvalidInput
from worker.datasets.formats.found import Found, Options, Part, Pixels
from worker.datasets.formats.pictures import SUFFIXES, Survey
from worker.datasets.sources import Report, preparing

TRAIN = ("train", "training")
TEST = ("test", "testing", "val", "valid", "validation")
"""Names of folders, the first that is there counts."""


def find(root: Path, options: Options, report: Report) -> Found:
    """The dataset in `root`; classes are named after their folders, in the order of the names."""
    skipped: Counter[str] = Counter()
    train_folder = _named(root, TRAIN)
    test_folder = _named(root, TEST) if train_folder else None
    notes = []
    if train_folder:
        others = {p.name for p in _folders(root)} - {
            p.name for p in (train_folder, test_folder) if p
        }
        if others:
            notes.append(f"folders that are no part of it: {', '.join(sorted(others))}")
    train = _classes(root, train_folder or root, skipped)
    names = [name for name, files in train.items() if files]
    test = _classes(root, test_folder, skipped) if test_folder else {}
    if unknown := [name for name, files in test.items() if files and name not in names]:
        raise InvalidInput(f"{test_folder} has class {unknown[0]}, which {train_folder} has not")
    if empty := [name for name, files in train.items() if not files]:
        notes.append(f"folders without an image: {', '.join(empty)}")
    if not names:
        raise InvalidInput(
            f"{train_folder or root} has no images in folders: put those of each class into a "
            "folder of its own, which names the class"
        )
    if skipped:
        kinds = ", ".join(f"{n} {kind}" for kind, n in skipped.most_common(5))
        count = sum(skipped.values())
        notes.append(f"{count:,} files were skipped: no images, or in no class's folder ({kinds})")
    survey, total = Survey(options.size), sum(map(len, [*train.values(), *test.values()]))
    looked = 0
    for files in (*train.values(), *test.values()):
        for file in files:
            report(preparing(f"looking at {total:,} images", looked / total))
            survey.look(file, str(file))
            looked += 1
    return Found(
        train=_part(names, train, survey),
        test=_part(names, test, survey) if test_folder else None,
        class_names=names,
        shape=survey.shape,
        notes=notes,
    )


def _part(names: Sequence[str], classes: dict[str, list[Path]], survey: Survey) -> Part:
    files = [file for name in names for file in classes.get(name, ())]
    labels = [label for label, name in enumerate(names) for _ in classes.get(name, ())]

    def images() -> Iterator[Pixels]:
        return (survey.decode(file, str(file)) for file in files)

    return Part(labels=np.array(labels, np.int64), images=images)


def _folders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))


def _named(root: Path, names: Sequence[str]) -> Path | None:
    """The first folder of such a name that holds folders: one of images is a class."""
    return next((root / n for n in names if (root / n).is_dir() and _folders(root / n)), None)


def _classes(root: Path, folder: Path, skipped: Counter[str]) -> dict[str, list[Path]]:
    """The images below each folder in `folder`, by its name."""
    skipped.update(_kind(p) for p in folder.iterdir() if not p.is_dir())
    return {_text(p.name): list(_images(root, p, skipped)) for p in _folders(folder)}


def _images(root: Path, folder: Path, skipped: Counter[str]) -> Iterator[Path]:
    _check_inside(root, folder)
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders.sort()
        for name in folders:
            if (Path(place) / name).is_symlink():
                _check_inside(root, Path(place) / name)
                skipped["links to folders"] += 1
        for name in sorted(files):
            path = Path(place) / name
            if path.suffix.lower() not in SUFFIXES or name.startswith("."):
                skipped[_kind(path)] += 1
            else:
                _check_inside(root, path)
                yield path


def _check_inside(root: Path, path: Path) -> None:
    if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
        raise InvalidInput(f"{path} is a link that leads out of {root}: put a copy in its place")


def _refuse(error: OSError) -> None:
    raise error


def _kind(path: Path) -> str:
    return path.suffix.lower() or path.name


def _text(name: str) -> str:
    """A file name as text, whatever bytes it has."""
    return name.encode("utf-8", "replace").decode()
