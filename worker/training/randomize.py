"""The five randomizations of Zhang et al. 2017, section 2.1, drawn once for a data seed.

Notable choices:
- They change labels and cropped pixels before standardisation, and nothing else.
- Draws are addressed by the image's index in the whole dataset: see `worker.training.draws`.
- Test labels are always the true ones: there is no function here that could change them.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.domain.spec import Randomization, RunSpec, Variant
from worker.training.draws import (
    Ints,
    Stream,
    below,
    gaussians,
    permutations,
    raw,
    raw_each,
    uniform,
)

Pixels = npt.NDArray[np.uint8]
"""Images of shape (n, height, width, channels)."""
PixelsOrValues = npt.NDArray[np.uint8] | npt.NDArray[np.float64]

ROUNDING = 1e-4
"""Grid that Gaussian values are rounded to before they are hashed; a pixel is within [0, 1]."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and standard deviation of all pixel values of a training set, in [0, 1]."""

    mean: float
    std: float


def moments(pixels: Pixels) -> Moments:
    """Exact up to the last division: whole numbers below 2^53 are exact in float64."""
    first = second = 0
    for block in np.array_split(pixels, max(1, len(pixels) // 1000)):
        values = block.astype(np.float64).ravel()
        first += int(values.sum())
        second += int(values @ values)
    variance = (second * pixels.size - first**2) / pixels.size**2
    return Moments(first / pixels.size / 255, variance**0.5 / 255)


def randomize_labels(spec: RunSpec, labels: Ints, classes: int) -> Ints:
    """Labels of the whole training set, each replaced with probability p by a uniform class.

    One uniform number and one class are drawn for each example whatever p is, so that the labels
    replaced at p = .2 are among those replaced at p = .3. The class may equal the true one.

    Args:
        labels: shape (n,), of the whole training set in the dataset's order.
    """
    p = spec.label_corruption
    if p == 0:
        return labels
    seed = spec.data_seed or 0
    replaced = uniform(raw(seed, Stream.IS_CORRUPTED, 0, len(labels))) < p
    replacement = below(raw(seed, Stream.REPLACEMENT_LABEL, 0, len(labels)), classes)
    return np.where(replaced, replacement, labels)


def randomize_pixels(
    spec: RunSpec, pixels: Pixels, indices: Ints, stream: Stream, dataset_moments: Moments | None
) -> PixelsOrValues:
    """Cropped images after the spec's randomization of pixels.

    Variant `paper` (section 2.1): random pixels permute all values of an image, Gaussian images
    have the mean and variance of the whole dataset. Variant `report`: random pixels permute
    positions, channels kept together; Gaussian images have the moments of each image and channel.

    Args:
        pixels: uint8, shape (n, height, width, channels).
        indices: shape (n,), each image's index in its whole set.
        stream: TRAIN_PIXELS or TEST_PIXELS.
        dataset_moments: of the whole training set; for Gaussian images of the paper's variant.

    Returns:
        uint8, or for Gaussian images float64 with [0, 1] as the range of a pixel, not clipped.
    """
    seed = spec.data_seed or 0
    n, height, width, channels = pixels.shape
    if spec.randomization is Randomization.SHUFFLED_PIXELS:
        order = permutations(raw(seed, Stream.SHUFFLED_PIXELS, 0, height * width))
        values = order[:, None] * channels + np.arange(channels)  # a position's channels together
        return pixels.reshape(n, -1)[:, values.ravel()].reshape(pixels.shape)
    if spec.randomization is Randomization.RANDOM_PIXELS:
        together = 1 if spec.variant is Variant.PAPER else channels
        return _permute_each(pixels.reshape(n, -1, together), seed, stream, indices).reshape(
            pixels.shape
        )
    if spec.randomization is Randomization.GAUSSIAN:
        return _redraw(pixels, seed, stream, indices, dataset_moments)
    return pixels


def _permute_each(pixels: Pixels, seed: int, stream: Stream, indices: Ints) -> Pixels:
    """Another permutation of axis 1 for each image; what axis 2 holds stays together."""
    n, length, together = pixels.shape
    order = permutations(raw_each(seed, stream, indices, length))
    order += np.arange(n)[:, None] * length  # places among all images' rows
    return pixels.reshape(-1, together)[order.ravel()].reshape(pixels.shape)


def _redraw(
    pixels: Pixels, seed: int, stream: Stream, indices: Ints, whole: Moments | None
) -> npt.NDArray[np.float64]:
    """Gaussian values; moments of the whole dataset, or of each image and channel if None."""
    size = pixels[0].size
    bits = raw_each(seed, stream, indices, size + size % 2)
    noise = gaussians(bits)[:, :size].reshape(pixels.shape)
    if whole is not None:
        return whole.mean + whole.std * noise
    values = pixels / 255.0
    mean, std = values.mean(axis=(1, 2), keepdims=True), values.std(axis=(1, 2), keepdims=True)
    return np.asarray(mean + std * noise)


def hashable(pixels: PixelsOrValues) -> memoryview:
    """Images (n, h, w, c) as a fingerprint takes them in.

    uint8 as they are, Gaussian values as multiples of 1e-4 in little-endian int32.
    """
    if pixels.dtype != np.uint8:
        pixels = np.rint(pixels / ROUNDING).astype("<i4")
    return np.ascontiguousarray(pixels).data


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
