"""What a reader gives, and the rules that hold whatever the form."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from core.run.errors import InvalidInput

Labels = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]
"""(n, height, width, channels)"""

MAX_CLASSES = 256
"""Labels are bytes."""
MIN_SIDE = 8
"""Pixels: the smallest crop of a spec."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the user can settle where a source leaves it open."""

    test_fraction: float = 0.2
    """Part of each class that becomes the test set where there is none."""
    split_seed: int = 0
    """Seed of that split."""
    size: int | None = None
    """Side in pixels to which images are cropped and resized; None: they must have one size."""
    label_column: str | None = None
    """Column of a Parquet file; None: found by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A training set, a test set, or one that is to be split."""

    labels: Labels
    images: Callable[[], Iterator[Pixels]]
    """Some at a time, in the order of the labels."""


@dataclass(kw_only=True, slots=True)
class Found:
    train: Part
    test: Part | None
    """None: a part of each class is to be split off."""
    class_names: Sequence[str]
    shape: tuple[int, int, int]
    """Height, width and channels of an image."""
    title: str = ""
    notes: list[str] = field(default_factory=list)
    """What the user should know of how it was read."""

    def check(self) -> None:
        """Raises InvalidInput where training could not use it."""
        parts = [("training", self.train)] + ([("test", self.test)] if self.test else [])
        for name, part in parts:
            if (negative := part.labels[part.labels < 0]).size:
                raise InvalidInput(
                    f"{negative.size:,} {name} labels are negative, the first {negative[0]}: leave "
                    "out images without a label"
                )
        classes = len(self.class_names)
        if classes < 2:
            only = ", ".join(self.class_names) or "none"
            raise InvalidInput(f"there are too few classes ({only}): give two or more")
        if classes > MAX_CLASSES:
            raise InvalidInput(f"there are {classes} classes: {MAX_CLASSES} at most can be used")
        if min(self.shape[:2]) < MIN_SIDE:
            raise InvalidInput(
                f"images are {self.shape[0]}×{self.shape[1]} pixels: {MIN_SIDE}×{MIN_SIDE} are "
                "needed at least"
            )
        for name, part in parts:
            self._check_labels(name, part.labels)

    def _check_labels(self, part: str, labels: Labels) -> None:
        classes = len(self.class_names)
        if not len(labels):
            raise InvalidInput(f"the {part} set is empty")
        if labels.max() >= classes:
            raise InvalidInput(
                f"the {part} set has label {labels.max()}: labels are 0 to {classes - 1} here"
            )
        present = np.unique(labels)
        if part == "training" and len(present) < 2:
            raise InvalidInput("all training images are of one class: give two or more")
        missing = [self.class_names[i] for i in range(classes) if i not in present]
        if missing:
            few = ", ".join(missing[:5]) + ("…" if len(missing) > 5 else "")
            self.notes.append(f"no {part} image is of class {few}")


def numbered(labels: Labels) -> list[str]:
    """Names of classes that have none: 0 to the largest label, each of which must be there."""
    last = int(labels.max(initial=-1))
    if last >= MAX_CLASSES:
        raise InvalidInput(f"training labels go up to {last}: 0 to {MAX_CLASSES - 1} can be used")
    present = set(np.unique(labels).tolist())
    missing = [i for i in range(last) if i not in present]
    if missing and labels.min() >= 0:  # negative ones are refused by `check`
        raise InvalidInput(
            f"training labels go up to {last}, but none is {missing[0]}: number the classes from "
            "0 on, without gaps"
        )
    return [str(i) for i in range(last + 1)]


def split(labels: Labels, fraction: float, seed: int) -> npt.NDArray[np.bool_]:
    """Which of `labels` go to the test set: of each class the fraction, by seed.

    Of two images of a class or more at least one goes to each set; a single one is trained on.
    Raw bits of a counter-based generator decide, so that every machine splits alike.
    """
    rank = np.random.Philox(key=seed).random_raw(len(labels))
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        most = len(members) - 1
        count = min(max(round(fraction * len(members)), 1), most)
        chosen[members[np.argsort(rank[members], kind="stable")[:count]]] = True
    return chosen
