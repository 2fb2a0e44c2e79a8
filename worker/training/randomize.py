"""The five randomizations of Zhang et al. 2017, section 2.1, drawn once for a data seed.

Notable choices:
- They change labels and cropped pixels before standardisation, and nothing else.
- Draws are addressed by the image's index in the whole dataset: see `worker.training.draws`.
- Test labels are the true ones. Beside them stand test labels corrupted with the same p, which the
  paper's Figure 1c is of; they are drawn from streams of their own.
"""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.domain.spec import Randomization, RunSpec, Variant
from worker.training.draws import Floats, Ints, Stream, below, permutations, raw, uniform
from worker.training.each_image import permute_each, sums_each
from worker.training.gaussian import gaussian_each

Pixels = npt.NDArray[np.uint8]
"""Images of shape (n, height, width, channels)."""
PixelsOrValues = npt.NDArray[np.uint8] | npt.NDArray[np.float32]

ROUNDING = 1e-4
"""Grid that Gaussian values are rounded to before they are hashed; a pixel is within [0, 1]."""


class Randomized(NamedTuple):
    """Images after the randomization of their pixels."""

    values: PixelsOrValues
    """uint8, or for Gaussian images float32 with [0, 1] as the range of a pixel, not clipped."""
    hashable: memoryview
    """What a fingerprint takes in: uint8 as they are, Gaussian values as multiples of `ROUNDING`
    in little-endian int32."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and standard deviation of all pixel values of a training set, in [0, 1]."""

    mean: float
    std: float


def moments(pixels: Pixels) -> Moments:
    """Exact up to the last divisions: sums of whole numbers."""
    first = second = 0
    for block in np.array_split(pixels, max(1, len(pixels) // 100)):
        total, squares = sums_each(block.reshape(len(block), -1, 1))
        first += int(total.sum())
        second += int(squares.sum())
    variance = (second * pixels.size - first**2) / pixels.size**2
    return Moments(first / pixels.size / 255, variance**0.5 / 255)


def randomize_labels(spec: RunSpec, labels: Ints, classes: int) -> Ints:
    """Labels of the whole training set, each replaced with probability p by a uniform class.

    One uniform number and one class are drawn for each example whatever p is, so that the labels
    replaced at p = .2 are among those replaced at p = .3. The class may equal the true one.

    Args:
        labels: shape (n,), of the whole training set in the dataset's order.
    """
    return _corrupt(spec, labels, classes, Stream.IS_CORRUPTED, Stream.REPLACEMENT_LABEL)


def corrupt_test_labels(spec: RunSpec, labels: Ints, classes: int) -> Ints:
    """The same of the whole test set, with the same p and draws of its own."""
    return _corrupt(spec, labels, classes, Stream.IS_CORRUPTED_TEST, Stream.REPLACEMENT_TEST_LABEL)


def _corrupt(spec: RunSpec, labels: Ints, classes: int, which: Stream, replacement: Stream) -> Ints:
    p = spec.label_corruption
    if p == 0:
        return labels
    seed = spec.data_seed or 0
    replaced = uniform(raw(seed, which, 0, len(labels))) < p
    new = below(raw(seed, replacement, 0, len(labels)), classes)
    return np.where(replaced, new, labels)


def randomize_pixels(
    spec: RunSpec, pixels: Pixels, indices: Ints, stream: Stream, dataset_moments: Moments | None
) -> Randomized:
    """Cropped images after the spec's randomization of pixels.

    Variant `paper` (section 2.1): random pixels permute all values of an image, Gaussian images
    have the mean and variance of the whole dataset. Variant `report`: random pixels permute
    positions, channels kept together; Gaussian images have the moments of each image and channel.

    Args:
        pixels: uint8, shape (n, height, width, channels).
        indices: shape (n,), each image's index in its whole set.
        stream: TRAIN_PIXELS or TEST_PIXELS.
        dataset_moments: of the whole training set; for Gaussian images of the paper's variant.
    """
    seed = spec.data_seed or 0
    n, height, width, channels = pixels.shape
    if spec.randomization is Randomization.SHUFFLED_PIXELS:
        order = permutations(raw(seed, Stream.SHUFFLED_PIXELS, 0, height * width))
        values = order[:, None] * channels + np.arange(channels)  # a position's channels together
        pixels = pixels.reshape(n, -1)[:, values.ravel()].reshape(pixels.shape)
    if spec.randomization is Randomization.RANDOM_PIXELS:
        together = 1 if spec.variant is Variant.PAPER else channels
        positions = pixels.reshape(n, -1, together)
        pixels = permute_each(positions, seed, stream, indices).reshape(pixels.shape)
    if spec.randomization is Randomization.GAUSSIAN:
        return _redraw(pixels, seed, stream, indices, dataset_moments)
    return Randomized(pixels, np.ascontiguousarray(pixels).data)


def _redraw(
    pixels: Pixels, seed: int, stream: Stream, indices: Ints, whole: Moments | None
) -> Randomized:
    """Gaussian values; moments of the whole dataset, or of each image and channel if None."""
    if whole is None:
        mean, std = _moments_each(pixels)
    else:
        mean, std = (np.full((len(pixels), 1), each) for each in (whole.mean, whole.std))
    size = pixels[0].size
    values, multiples = gaussian_each(mean, std, size, seed, stream, indices, ROUNDING)
    return Randomized(values.reshape(pixels.shape), multiples.astype("<i4", copy=False).data)


def _moments_each(pixels: Pixels) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each image and channel, in [0, 1]: shape (n, channels).

    Exact up to the last steps, as `moments` are.
    """
    n, height, width, channels = pixels.shape
    size = height * width
    first, second = sums_each(pixels.reshape(n, size, channels))
    return first / size / 255, np.sqrt(second * size - first**2) / size / 255


class Fingerprint:
    """SHA-256 over randomized labels and pixels: the same on every platform."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add_labels(self, labels: Ints) -> None:
        """Labels (n,), hashed as little-endian int64."""
        self._hash.update(labels.astype("<i8").tobytes())

    def add_bytes(self, data: bytes | memoryview) -> None:
        """`hashable` pixels, or another fingerprint's digest. In parts or at once is the same."""
        self._hash.update(data)

    def digest(self) -> bytes:
        """The 32 bytes for all that was added so far; more may be added afterwards."""
        return self._hash.digest()
