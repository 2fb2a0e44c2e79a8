"""Label noise and partial shuffling beyond the paper, for users of noisy labels.

Each draws one uniform number an example from the data seed, so that what is changed at p = .2 is
among what is changed at p = .3, as in the paper's test.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from core.run.errors import DataCorrupt
from core.run.spec import RunSpec
from worker.training.draws import Floats, Ints, Stream, permutations, raw, uniform
from worker.training.randomize import Batch, Labels, Pixels


def symmetric(labels: Labels) -> Ints:
    """Each label replaced with probability p by a uniform class of the others: all are wrong."""
    other = (labels.true + 1 + labels.below(labels.classes - 1)) % labels.classes
    return np.where(labels.replaced(), other, labels.true)


def pair_flip(labels: Labels) -> Ints:
    """Each label replaced with probability p by the next class (Han et al. 2018)."""
    return np.where(labels.replaced(), (labels.true + 1) % labels.classes, labels.true)


def by_matrix(matrix: list[list[float]]) -> Callable[[Labels], Ints]:
    """Labels replaced with probability p by a class drawn from their row of a transition matrix.

    Args:
        matrix: classes × classes; row i has the probabilities of each class for a changed label i.
    """
    rows = np.asarray(matrix, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[0] != rows.shape[1]:
        raise ValueError(f"matrix is not allowed: it has the shape {rows.shape}, use a square")
    if (rows < 0).any() or not np.allclose(rows.sum(axis=1), 1):
        raise ValueError("matrix is not allowed: each row must be probabilities that add up to 1")
    return partial(_by_rows, rows)


def _by_rows(rows: Floats, labels: Labels) -> Ints:
    if len(rows) != labels.classes:
        raise DataCorrupt(
            f"The transition matrix is for {len(rows)} classes, and the dataset has "
            f"{labels.classes}."
        )
    others = (labels.uniform()[:, None] >= np.cumsum(rows, axis=1)[labels.true]).sum(axis=1)
    return np.where(labels.replaced(), np.minimum(others, labels.classes - 1), labels.true)


CONFUSED = {9: 1, 2: 0, 4: 7, 3: 5, 5: 3}
"""Truck → automobile, bird → airplane, deer → horse, cat ↔ dog (Patrini et al. 2017)."""


def asymmetric_cifar10(labels: Labels) -> Ints:
    """CIFAR-10's usual asymmetric noise: p of the labels of five classes become a similar class."""
    if labels.spec.dataset != "cifar10":
        raise DataCorrupt(
            f"asymmetric_noise is CIFAR-10's: for {labels.spec.dataset} write a plugin with "
            "`by_matrix`."
        )
    similar = np.arange(labels.classes)
    similar[list(CONFUSED)] = list(CONFUSED.values())
    return np.where(labels.replaced(), similar[labels.true], labels.true)


def from_file(path: str | Path, column: str = "", true: str = "") -> Callable[[Labels], Ints]:
    """Labels as people gave them, from a file with one for each training image in its order.

    Args:
        path: `.npy` of integers, `.npz`, or `.csv` with a heading.
        column: which array or column, where there are several.
        true: the array or column of true labels, which must be the dataset's own.
    """
    return partial(_read, Path(path).expanduser(), column, true)


def _read(path: Path, column: str, true: str, labels: Labels) -> Ints:
    if labels.is_test:
        return labels.true
    columns = _columns(path)
    names = ", ".join(columns)
    for name in filter(None, (column, true)):
        if name not in columns:
            raise DataCorrupt(f"{path} has no labels {name!r}: it has {names}.")
    if not column and len(columns) > 1:
        raise DataCorrupt(f"{path} has several columns: choose one of {names}.")
    found = columns[column or next(iter(columns))]
    if found.shape != labels.true.shape:
        raise DataCorrupt(
            f"{path} has {len(found):,} labels, and the training set has "
            f"{len(labels.true):,} images."
        )
    if found.min() < 0 or found.max() >= labels.classes:
        raise DataCorrupt(f"{path} has labels outside 0 to {labels.classes - 1}.")
    if true and not np.array_equal(columns[true], labels.true):
        first = int(np.argmax(columns[true] != labels.true))
        raise DataCorrupt(
            f"{path} is of other data, or in another order: the true label of image {first} is "
            f"{columns[true][first]} there and {labels.true[first]} in the dataset."
        )
    return found


def _columns(path: Path) -> dict[str, Ints]:
    try:
        if path.suffix == ".csv":
            table = np.genfromtxt(path, delimiter=",", names=True, dtype=None, encoding="utf-8")
            found = {name: np.atleast_1d(table[name]) for name in table.dtype.names or ()}
        elif path.suffix in (".npy", ".npz"):
            loaded = np.load(path, allow_pickle=False)
            found = {"": loaded} if path.suffix == ".npy" else dict(loaded)
        else:
            raise DataCorrupt(f"{path} is not a .npy, .npz or .csv file.")
    except (OSError, ValueError) as error:
        raise DataCorrupt(f"{path} cannot be read ({error}).") from error
    if not all(np.issubdtype(array.dtype, np.integer) for array in found.values()):
        raise DataCorrupt(f"{path} has labels that are not integers.")
    return {name: array.astype(np.int64) for name, array in found.items()}


def partly_shuffled(spec: RunSpec, batch: Batch) -> Pixels:
    """A part p of the positions permuted among themselves, the same for all images.

    At p = 1 it is the permutation of `shuffled_pixels` for the same seed.
    """
    n, height, width, channels = batch.pixels.shape
    size = height * width
    order = permutations(raw(spec.data_seed or 0, Stream.SHUFFLED_PIXELS, 0, size))
    draws = uniform(raw(spec.data_seed or 0, Stream.IS_CORRUPTED, 0, size))
    chosen = draws < (spec.corruption or 0.0)
    source = np.arange(size)
    source[chosen] = order[chosen[order]]
    return batch.pixels.reshape(n, size, channels)[:, source].reshape(batch.pixels.shape)
