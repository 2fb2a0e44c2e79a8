"""What is permuted or summed for each image anew, and the bits for it, in compiled loops.

Notable choices:
- The bits are those of `worker.training.draws.raw` at the image's index, permutations and sums what
  NumPy would make of them: the tests say so of every function.
- All that one image takes stays in the nearest cache. A loop over images lets go of Python's lock:
  threads that hand it over for each short call of NumPy or PyTorch mostly wait.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from worker.training.compiled import compiled
from worker.training.draws import Ints, Stream, UInts

UInt8s = npt.NDArray[np.uint8]


def permute_each(pixels: UInt8s, seed: int, stream: Stream, indices: Ints) -> UInt8s:
    """Each image's positions in the order of `permutations(raw(seed, stream, index, length))`.

    Args:
        pixels: shape (n, length, channels); a position's channels stay together.
        indices: shape (n,).
    """
    permuted = np.empty_like(pixels)
    key = np.uint64(seed), np.uint64(stream)
    blocks, bits = room_for_bits(pixels.shape[1])
    sorting = np.empty_like(bits), *np.empty((2, 512), dtype=np.uint32)
    _permute_each(*key, indices, pixels, permuted, blocks, bits, *sorting)
    return permuted


def room_for_bits(count: int) -> tuple[UInts, UInts]:
    """Memory for an image's draws, as Philox's blocks of four and as the `count` of them used.

    Made here and not in the loops below, since Numba takes long to compile what makes arrays.
    """
    blocks = np.empty((-(-count // 4), 4), dtype=np.uint64)
    return blocks, blocks.reshape(-1)[:count]


def sums_each(pixels: UInt8s) -> tuple[Ints, Ints]:
    """Sum and sum of squares of each image and channel: (n, length, channels) → (n, channels)."""
    n, _, channels = pixels.shape
    first, second = (np.empty((n, channels), dtype=np.int64) for _ in range(2))
    _sums_each(pixels, first, second)
    return first, second


@compiled()
def _sums_each(pixels: Any, first: Any, second: Any) -> None:
    plane = np.empty(pixels.shape[1], dtype=np.uint8)  # next to each other, to be summed as vectors
    for row in range(pixels.shape[0]):
        for channel in range(pixels.shape[2]):
            for i in range(len(plane)):
                plane[i] = pixels[row, i, channel]
            total = squares = np.int64(0)
            for value in plane:
                total += np.int64(value)
                squares += np.int64(value) * np.int64(value)
            first[row, channel], second[row, channel] = total, squares


# ----------------------------------------------------------------------------------- bits

MULTIPLIERS = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
INCREMENTS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
ROUNDS = 10


def _upper_half(_: Any, a: types.Integer, b: types.Integer) -> Any:
    def generate(_: Any, builder: Any, __: Any, factors: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(factor, wide) for factor in factors))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(a, b), generate


_upper: Any = intrinsic(_upper_half)
"""The upper 64 of a product's 128 bits: processors have them, but Numba no type for them."""


@compiled()
def philox(seed: Any, stream: Any, index: Any, blocks: Any) -> None:
    """Fill uint64 (n, 4): Philox4x64-10 (Salmon et al. 2011), counters as NumPy's begin: from 1."""
    for block in range(len(blocks)):
        a, b, c, d = np.uint64(block + 1), index, np.uint64(0), np.uint64(0)
        key, other = seed, stream
        for _ in range(ROUNDS):
            a, b, c, d = (
                _upper(MULTIPLIERS[1], c) ^ b ^ key,
                MULTIPLIERS[1] * c,
                _upper(MULTIPLIERS[0], a) ^ d ^ other,
                MULTIPLIERS[0] * a,
            )
            key += INCREMENTS[0]
            other += INCREMENTS[1]
        blocks[block, 0], blocks[block, 1], blocks[block, 2], blocks[block, 3] = a, b, c, d


# --------------------------------------------------------------------------- permutations


@compiled()
def _permute_each(
    seed: Any,
    stream: Any,
    indices: Any,
    pixels: Any,
    permuted: Any,
    blocks: Any,
    bits: Any,
    between: Any,
    lower: Any,
    upper: Any,
) -> None:
    n, length, channels = pixels.shape
    mask = np.uint64(1)
    while mask < length - 1:
        mask = mask << np.uint64(1) | np.uint64(1)
    for row in range(n):
        philox(seed, stream, np.uint64(indices[row]), blocks)
        for i in range(length):
            bits[i] = (bits[i] & ~mask) | np.uint64(i)
        _sort(bits, between, lower, upper)
        for channel in range(channels):
            for i in range(length):
                permuted[row, i, channel] = pixels[row, bits[i] & mask, channel]


@compiled()
def _sort(keys: Any, between: Any, lower: Any, upper: Any) -> None:
    """Sort uniform keys: by the upper 18 bits in two passes, then neighbours by insertion.

    In keys of an image hardly any are left to change places, so no branch is hard to predict.

    Args:
        keys, between: uint64 (n,); the second is scratch.
        lower, upper: uint32 (512,), scratch: of each bucket the size, then its next key's place.
    """
    for digit in range(len(lower)):
        lower[digit] = upper[digit] = 0
    for key in keys:
        lower[key >> np.uint64(46) & np.uint64(511)] += np.uint32(1)
        upper[key >> np.uint64(55)] += np.uint32(1)
    start = other = np.uint32(0)
    for digit in range(len(lower)):
        size, another = lower[digit], upper[digit]
        lower[digit], upper[digit] = start, other
        start += size
        other += another
    for key in keys:
        digit = key >> np.uint64(46) & np.uint64(511)
        place = lower[digit]
        between[place] = key
        lower[digit] = place + np.uint32(1)
    for key in between:
        digit = key >> np.uint64(55)
        place = upper[digit]
        keys[place] = key
        upper[digit] = place + np.uint32(1)
    for i in range(1, len(keys)):
        key, to = keys[i], i
        while to > 0 and keys[to - 1] > key:
            keys[to] = keys[to - 1]
            to -= 1
        keys[to] = key
