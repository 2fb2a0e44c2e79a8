"""From what a reader gives to arrays in place: which set and row each image goes to, and whether
images repeat.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from core.run.errors import DataCorrupt
from worker.datasets.formats.found import Found, Options, Part, split
from worker.datasets.sources import Arrays, Report, preparing


class Placed:
    """A part of the source, and where its images go."""

    def __init__(self, part: Part, to_test: npt.NDArray[np.bool_]) -> None:
        self.part, self.to_test = part, to_test
        self.rows = np.where(to_test, np.cumsum(to_test), np.cumsum(~to_test)) - 1

    def chunks(self) -> Iterator[tuple[slice, Any]]:
        start = 0
        for images in self.part.images():
            yield slice(start, start + len(images)), images
            start += len(images)
        if start != len(self.to_test):
            expected = len(self.to_test)
            raise DataCorrupt(f"{start:,} images were read where there are {expected:,} labels")


def place(found: Found, options: Options) -> list[Placed]:
    """Where each image goes; a note where a test set has to be split off."""
    if found.test is not None:
        return [
            Placed(part, np.full(len(part.labels), to_test))
            for part, to_test in ((found.train, False), (found.test, True))
        ]
    labels = found.train.labels
    found.notes.append(
        f"no test set was found: {100 * options.test_fraction:g} % of each class were taken, by "
        f"seed {options.split_seed}"
    )
    return [Placed(found.train, split(labels, options.test_fraction, options.split_seed))]


def fill(arrays: Arrays, placed: Sequence[Placed], report: Report) -> list[str]:
    """Read all images into `arrays`; returns what is to be known of images that are equal."""
    total, done = sum(len(each.to_test) for each in placed), 0
    train: dict[bytes, int] = {}  # labels by digest
    test: set[bytes] = set()
    contradicted: set[bytes] = set()
    for each in placed:
        for part, images in each.chunks():
            report(preparing(f"reading {total:,} images", done / total))
            done += len(images)
            labels = each.part.labels[part]
            for to_test, whole, whole_labels in (
                (False, arrays.train_images, arrays.train_labels),
                (True, arrays.test_images, arrays.test_labels),
            ):
                chosen = each.to_test[part] == to_test
                rows = each.rows[part][chosen]
                whole[rows] = images[chosen]
                whole_labels[rows] = labels[chosen]
            for image, label, to_test in zip(images, labels, each.to_test[part], strict=True):
                digest = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
                if to_test:
                    test.add(digest)
                elif train.setdefault(digest, int(label)) != label:
                    contradicted.add(digest)
    notes = []
    if both := len(train.keys() & test):
        notes.append(f"{both:,} different images are in the training set and in the test set")
    if repeated := len(arrays.train_labels) - len(train):
        notes.append(
            f"{repeated:,} training images repeat others: random labels contradict each other there"
        )
    if contradicted:
        notes.append(f"{len(contradicted):,} of them are under several classes")
    return notes
