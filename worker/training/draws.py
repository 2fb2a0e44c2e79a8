"""Random draws that are the same on every platform and version.

Notable choices:
- Integers come from the raw 64-bit output of Philox, a counter-based generator (Salmon et al.
  2011), and from integer arithmetic on it alone: no library's sampling code is involved.
- A draw is addressed by (seed, stream, index), not by what was drawn before it. So an epoch's order
  needs no state to resume, and an image keeps its randomization whatever subset it is in.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

UInts = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Stream(IntEnum):
    """What a draw is for; draws of different streams are independent. Never renumber."""

    TRAIN_SUBSET = 1
    TEST_SUBSET = 2
    IS_CORRUPTED = 3
    REPLACEMENT_LABEL = 4
    SHUFFLED_PIXELS = 5
    TRAIN_PIXELS = 6
    TEST_PIXELS = 7
    ORDER = 8
    AUGMENTATION = 9
    NOISE = 10
    """Seeds of the framework's own generator, one a step: dropout."""
    IS_CORRUPTED_TEST = 11
    REPLACEMENT_TEST_LABEL = 12


def raw(seed: int, stream: Stream, index: int, count: int) -> UInts:
    """`count` uniform 64-bit integers. Two indices overlap only after 2^66 of them."""
    bits = np.random.Philox(key=[seed, int(stream)], counter=[0, index, 0, 0])
    return np.asarray(bits.random_raw(count), dtype=np.uint64)


def uniform(bits: UInts) -> Floats:
    """Floats in [0, 1) from the upper 53 bits: exact, so the same everywhere."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def below(bits: UInts, bound: int) -> Ints:
    """Integers in [0, bound) by multiplication (Lemire 2019, without the rejection).

    The probability of each is 1 / bound to within 2^-32: unlike a rejection, no draw is repeated,
    so that the n-th number needs the n-th draw alone.
    """
    return ((bits >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32)).astype(np.int64)


def permutations(bits: UInts) -> Ints:
    """A permutation of the last axis' positions from one raw draw for each.

    The position replaces the lowest bits of its draw, so that no two keys are equal and every
    correct sorting algorithm gives the same answer.
    """
    length = bits.shape[-1]
    mask = np.uint64((1 << max(length - 1, 1).bit_length()) - 1)
    keys = (bits & ~mask) | np.arange(length, dtype=np.uint64)
    keys.sort(axis=-1)
    return (keys & mask).astype(np.int64)
