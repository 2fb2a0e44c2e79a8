"""What is drawn or summed for each image anew: loops that Numba compiles at their first call.

Notable choices:
- The bits are those of `worker.training.draws.raw` at the image's index, and what is made of them
  is what NumPy would make: the tests say so of every function.
- All that one image takes stays in the nearest cache. A loop over images lets go of Python's lock:
  threads that hand it over for each short call of NumPy or PyTorch mostly wait.
- Logarithm, sine and cosine are written out. The C library would compute one number at a time, as
  NumPy does in float64; polynomials are compiled to vector instructions, and are 10 times as fast.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from worker.training.compiled import compiled
from worker.training.draws import Floats, Ints, Stream, UInts

UInt8s = npt.NDArray[np.uint8]
Int32s = npt.NDArray[np.int32]
Float32s = npt.NDArray[np.float32]


def permute_each(pixels: UInt8s, seed: int, stream: Stream, indices: Ints) -> UInt8s:
    """Each image's positions in the order of `permutations(raw(seed, stream, index, length))`.

    Args:
        pixels: shape (n, length, channels); a position's channels stay together.
        indices: shape (n,).
    """
    permuted = np.empty_like(pixels)
    key = np.uint64(seed), np.uint64(stream)
    blocks, bits = _room_for_bits(pixels.shape[1])
    sorting = np.empty_like(bits), *np.empty((2, 512), dtype=np.uint32)
    _permute_each(*key, indices, pixels, permuted, blocks, bits, *sorting)
    return permuted


def gaussian_each(
    mean: Floats, std: Floats, count: int, seed: int, stream: Stream, indices: Ints, grid: float
) -> tuple[Float32s, Int32s]:
    """Normal values from `raw(seed, stream, index, count)` of each index (Box and Muller 1958).

    Float64 up to the last step: platforms differ in its last bits, which the grid hides.

    Args:
        mean, std: shape (n, channels); value i of a row is of channel i mod channels.
        count: values of a row. Two draws make two: where it is odd, the last value is left out.
        indices: shape (n,).
        grid: the distance of two multiples.

    Returns:
        The values in float32, and the multiples of `grid` nearest to them before that rounding:
        both of shape (n, count).
    """
    values = np.empty((len(indices), count), dtype=np.float32)
    multiples = np.empty((len(indices), count), dtype=np.int32)
    key = np.uint64(seed), np.uint64(stream)
    blocks, bits = _room_for_bits(count + count % 2)
    scaling = np.empty(len(bits)), *np.empty((2, TILE * mean.shape[1]))
    _gaussian_each(*key, indices, mean, std, 1 / grid, values, multiples, blocks, bits, *scaling)
    return values, multiples


def _room_for_bits(count: int) -> tuple[UInts, UInts]:
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


# -------------------------------------------------------------------------------- Gaussian

LN2_UPPER, LN2_LOWER = 6.93147180369123816490e-01, 1.90821492927058770002e-10
SQRT_HALF = np.array(0.5**0.5).view(np.int64)[()]
MULTIPLY_AND_ADD = {"contract"}
"""As one instruction where there is one: the last bit of a value may differ."""
TILE = 64
"""Positions whose moments are laid out as their values are, so that those are scaled as vectors."""


@compiled(fastmath=MULTIPLY_AND_ADD)
def _gaussian_each(
    seed: Any,
    stream: Any,
    indices: Any,
    mean: Any,
    std: Any,
    per_unit: Any,
    values: Any,
    multiples: Any,
    blocks: Any,
    bits: Any,
    noise: Any,
    means: Any,
    stds: Any,
) -> None:
    n, count = values.shape
    channels = mean.shape[1]
    for row in range(n):
        philox(seed, stream, np.uint64(indices[row]), blocks)
        box_muller(bits, noise)
        for i in range(0, len(means), channels):
            for channel in range(channels):
                means[i + channel], stds[i + channel] = mean[row, channel], std[row, channel]
        for start in range(0, count, len(means)):
            part = slice(start, min(count, start + len(means)))
            _scale(noise[part], means, stds, per_unit, values[row, part], multiples[row, part])


@compiled(fastmath=MULTIPLY_AND_ADD)
def _scale(noise: Any, means: Any, stds: Any, per_unit: Any, values: Any, multiples: Any) -> None:
    for i in range(len(values)):
        value = means[i] + stds[i] * noise[i]
        values[i] = value
        multiples[i] = np.int32(np.rint(value * per_unit))


@compiled(fastmath=MULTIPLY_AND_ADD)
def box_muller(bits: Any, noise: Any) -> None:
    """`gaussians` of an even number of draws.

    The angle is taken apart in whole numbers: quarters of a turn, and what is left or wanting.
    """
    for i in range(len(noise) // 2):
        u = np.int64(bits[2 * i] >> np.uint64(11)) * 2.0**-53
        radius = np.sqrt(-2.0 * _log(1.0 - u))
        turn = np.int64(bits[2 * i + 1] >> np.uint64(11))
        quarter = (turn + (1 << 50)) >> 51
        x = (turn - (quarter << 51)) * (2.0 * np.pi * 2.0**-53)
        sine, cosine = _sine(x), _cosine(x)
        if quarter & 1:
            sine, cosine = cosine, -sine
        if quarter & 2:
            sine, cosine = -sine, -cosine
        noise[2 * i], noise[2 * i + 1] = radius * cosine, radius * sine


@compiled(fastmath=MULTIPLY_AND_ADD)
def _log(x: Any) -> Any:
    """Natural logarithm of a normal number, to 1 ulp: __ieee754_log of fdlibm 5.3 (Sun 1993)."""
    bits = np.float64(x).view(np.int64)
    exponent = (bits - SQRT_HALF) >> 52
    f = np.int64(bits - (exponent << 52)).view(np.float64) - 1.0  # within [√½ - 1, √2 - 1]
    s = f / (2.0 + f)
    z = s * s
    r = 1.531383769920937332e-01 + z * 1.479819860511658591e-01
    r = 2.222219843214978396e-01 + z * (1.818357216161805012e-01 + z * r)
    r = 3.999999999940941908e-01 + z * (2.857142874366239149e-01 + z * r)
    r = z * (6.666666666666735130e-01 + z * r)
    h = 0.5 * f * f
    return exponent * LN2_UPPER - ((h - (s * (h + r) + exponent * LN2_LOWER)) - f)


@compiled(fastmath=MULTIPLY_AND_ADD)
def _sine(x: Any) -> Any:
    """Of |x| ≤ π/4, to 1 ulp: __kernel_sin of fdlibm 5.3."""
    z = x * x
    r = -2.50507602534068634195e-08 + z * 1.58969099521155010221e-10
    r = -1.98412698298579493134e-04 + z * (2.75573137070700676789e-06 + z * r)
    r = -1.66666666666666324348e-01 + z * (8.33333333332248946124e-03 + z * r)
    return x + x * z * r


@compiled(fastmath=MULTIPLY_AND_ADD)
def _cosine(x: Any) -> Any:
    """Of |x| ≤ π/4, to 1 ulp: __kernel_cos of fdlibm 5.3."""
    z = x * x
    r = 2.08757232129817482790e-09 + z * -1.13596475577881948265e-11
    r = 2.48015872894767294178e-05 + z * (-2.75573143513906633035e-07 + z * r)
    r = 4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 + z * r)
    return 1.0 - (0.5 * z - z * z * r)
