"""The five randomizations of Zhang et al. 2017, section 2.1, drawn once for a data seed.

Notable choices:
- They change labels and cropped pixels before standardisation, and nothing else.
- Draws are addressed by the image's index in the whole dataset: see `worker.training.draws`.
- Test labels are the true ones. Beside them stand test labels corrupted with the same p, which the
  paper's Figure 1c is of; they are drawn from streams of their own.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.catalogue import randomizations
from core.catalogue.registry import resolve
from core.run.errors import InvalidInput
from core.run.spec import RunSpec, Variant
from worker.training.draws import (
    Bools,
    Floats,
    Ints,
    Stream,
    UInts,
    below,
    permutations,
    raw,
    uniform,
)
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


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of a whole set that are to be randomized, and the draws for them.

    Each draw has one number an example whatever p is, so that the labels replaced at p = .2 are
    among those replaced at p = .3.
    """

    spec: RunSpec
    true: Ints
    """int64 (n,), in the dataset's order."""
    classes: int
    is_test: bool = False

    def replaced(self) -> Bools:
        """Which labels are replaced, each with the spec's probability: bool (n,)."""
        stream = Stream.IS_CORRUPTED_TEST if self.is_test else Stream.IS_CORRUPTED
        return uniform(self._raw(stream)) < self.spec.label_corruption

    def below(self, bound: int) -> Ints:
        """A uniform integer in [0, bound) for each example."""
        return below(self._replacements(), bound)

    def uniform(self) -> Floats:
        """A uniform number in [0, 1) for each example; the same draw as that of `below`."""
        return uniform(self._replacements())

    def _replacements(self) -> UInts:
        stream = Stream.REPLACEMENT_TEST_LABEL if self.is_test else Stream.REPLACEMENT_LABEL
        return self._raw(stream)

    def _raw(self, stream: Stream) -> UInts:
        return raw(self.spec.data_seed or 0, stream, 0, len(self.true))


def randomize_labels(spec: RunSpec, true: Ints, classes: int, *, is_test: bool = False) -> Ints:
    """Labels of a whole set, int64 (n,), after the spec's randomization of labels.

    Test labels stay true in training and evaluation: those randomized with the same p, by draws of
    their own, are for the error of Figure 1c as published (docs/reproduction.md).
    """
    randomization = randomizations[spec.randomization]
    if randomization.apply is None or randomization.touches != "labels":
        return true
    given = true.view()
    given.flags.writeable = False  # a function that changed it in place would change the truth
    changed = np.asarray(resolve(randomization.apply)(Labels(spec, given, classes, is_test)))
    if changed.shape != true.shape or not np.issubdtype(changed.dtype, np.integer):
        raise InvalidInput(
            f"randomization {spec.randomization} gave {changed.dtype} of shape {changed.shape} in "
            f"place of {len(true):,} integer labels: mend its function"
        )
    if changed.min() < 0 or changed.max() >= classes:
        raise InvalidInput(
            f"randomization {spec.randomization} gave labels outside 0 to {classes - 1}: mend its "
            "function"
        )
    return changed.astype(np.int64, copy=False)


def uniform_labels(labels: Labels) -> Ints:
    """Each label replaced with probability p by a uniform class, which may be the true one."""
    return np.where(labels.replaced(), labels.below(labels.classes), labels.true)


@dataclass(frozen=True, slots=True)
class Batch:
    """Cropped images whose pixels are to be randomized."""

    pixels: Pixels
    """uint8, shape (n, height, width, channels)."""
    indices: Ints
    """Shape (n,), each image's index in its whole set: it addresses the image's draws."""
    stream: Stream
    """TRAIN_PIXELS or TEST_PIXELS."""
    whole: Callable[[], Moments]
    """Moments of the whole training set, cropped."""


def randomize_pixels(spec: RunSpec, batch: Batch) -> Randomized:
    """The images after the spec's randomization of pixels."""
    randomization = randomizations[spec.randomization]
    changed: Randomized | Pixels = batch.pixels
    if randomization.apply is not None and randomization.touches == "pixels":
        changed = resolve(randomization.apply)(spec, batch)
    if isinstance(changed, Randomized):
        return changed
    return Randomized(changed, np.ascontiguousarray(changed).data)


def shuffled_pixels(spec: RunSpec, batch: Batch) -> Pixels:
    """One permutation of positions for all images, channels kept together (section 2.1)."""
    n, height, width, channels = batch.pixels.shape
    order = permutations(raw(spec.data_seed or 0, Stream.SHUFFLED_PIXELS, 0, height * width))
    values = order[:, None] * channels + np.arange(channels)
    return batch.pixels.reshape(n, -1)[:, values.ravel()].reshape(batch.pixels.shape)


def random_pixels(spec: RunSpec, batch: Batch) -> Pixels:
    """A permutation for each image (section 2.1): of all its values in the variant `paper`, of
    positions with channels kept together in `report`."""
    pixels = batch.pixels
    together = 1 if spec.variant is Variant.PAPER else pixels.shape[-1]
    positions = pixels.reshape(len(pixels), -1, together)
    permuted = permute_each(positions, spec.data_seed or 0, batch.stream, batch.indices)
    return permuted.reshape(pixels.shape)


def gaussian(spec: RunSpec, batch: Batch) -> Randomized:
    """Every value redrawn: with the moments of the whole dataset in the variant `paper`, of each
    image and channel in `report`."""
    pixels = batch.pixels
    if spec.variant is Variant.PAPER:
        whole = batch.whole()
        mean, std = (np.full((len(pixels), 1), each) for each in (whole.mean, whole.std))
    else:
        mean, std = _moments_each(pixels)
    size = pixels[0].size
    seed = spec.data_seed or 0
    values, multiples = gaussian_each(mean, std, size, seed, batch.stream, batch.indices, ROUNDING)
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
