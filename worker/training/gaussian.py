"""Normal values for each image anew (Box and Muller 1958), in compiled loops.

Notable choices:
- Logarithm, sine and cosine are written out. The C library would compute one number at a time, as
  NumPy does in float64; polynomials are compiled to vector instructions, and are 10 times as fast.
- The values are the textbook's to within some units in the last place of float64, which differ
  between processors.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from worker.training.compiled import compiled
from worker.training.draws import Floats, Ints, Stream
from worker.training.each_image import philox, room_for_bits

Int32s = npt.NDArray[np.int32]
Float32s = npt.NDArray[np.float32]


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
    blocks, bits = room_for_bits(count + count % 2)
    scaling = np.empty(len(bits)), *np.empty((2, TILE * mean.shape[1]))
    _gaussian_each(*key, indices, mean, std, 1 / grid, values, multiples, blocks, bits, *scaling)
    return values, multiples


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
    """As many standard normal values as draws, an even number.

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
