"""From a dataset and a spec to tensors on the device: subset, crop, randomize, standardise.

Notable choices:
- The order is the paper's (appendix A): /255, centre crop, per-image standardisation, of the
  randomized image. Cropping first, because permuting 32×32 pixels would throw some away.
- All images are standardised once and stay on the device as rows of height·width·channels numbers:
  a batch is one `index_select`, and viewed as an image it is in channels-last layout for free.
- Rows are kept in the spec's precision, to which the first layer would round them anyway.
- The last images prepared are kept, so that runs which differ in labels alone start at once.
"""

import functools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.run.errors import InvalidInput
from core.run.spec import Precision, RunSpec
from worker.datasets.images import ImageDataset
from worker.training.draws import Ints, Stream, permutations, raw
from worker.training.randomize import (
    Batch,
    Fingerprint,
    Moments,
    Pixels,
    Randomized,
    moments,
    randomize_labels,
    randomize_pixels,
)

CHUNK = 100
"""Images drawn at a time by a thread: few, so that memory is bounded and caches may help."""
STANDARDISED_AT_ONCE = 1000
"""Images: many, since cores wait for each other after each operation, and one may be busy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingData:
    """Everything a run reads, on its device. n is the subset's size, d height·width·channels."""

    train_images: Tensor
    """float32 or bfloat16 (n, d), standardised."""
    train_labels: Tensor
    """int64 (n,), randomized where the spec says so."""
    true_labels: Tensor
    """int64 (n,)."""
    test_images: Tensor
    """float32 or bfloat16 (m, d), standardised."""
    test_labels: Tensor
    """int64 (m,), always the true ones."""
    noisy_test_labels: Tensor | None
    """int64 (m,), corrupted like the training labels; None where those are true."""
    uncropped: Tensor | None
    """uint8 (n, height, width, channels) before crop and standardisation; for augmentation."""
    image_shape: tuple[int, int, int]
    """Height, width and channels of a row of `train_images`."""
    fingerprint: str
    """SHA-256 of training labels and pixels as randomized, and of the true test labels."""

    @property
    def wrong_labels(self) -> int:
        """Training images whose label is not the true one: fewer than were redrawn."""
        return int((self.train_labels != self.true_labels).sum())


def prepare(spec: RunSpec, dataset: ImageDataset, device: torch.device) -> TrainingData:
    """The data of `spec`, on `device`.

    Raises:
        InvalidInput: the dataset is not the spec's.
    """
    if dataset.info.name != spec.dataset:
        raise InvalidInput(f"The spec asks for {spec.dataset}, but {dataset.info.name} was given.")
    seed = spec.subset_seed or 0
    train = subset(dataset.train_labels, spec.n_train, seed, Stream.TRAIN_SUBSET)
    test = subset(dataset.test_labels, spec.n_test, seed, Stream.TEST_SUBSET)
    true_labels = dataset.train_labels.astype(np.int64)
    labels = randomize_labels(spec, true_labels, dataset.info.classes)[train]
    test_labels = dataset.test_labels.astype(np.int64)[test]
    noisy = noisy_test_labels(spec, dataset)
    images = _images(spec, dataset, device, train, test)
    fingerprint = Fingerprint()
    fingerprint.add_labels(labels)
    fingerprint.add_labels(test_labels)
    fingerprint.add_bytes(images.fingerprint)
    uncropped = torch.from_numpy(dataset.train_images[train]) if spec.augments else None
    return TrainingData(
        train_images=images.train,
        train_labels=torch.from_numpy(labels).to(device),
        true_labels=torch.from_numpy(true_labels[train]).to(device),
        test_images=images.test,
        test_labels=torch.from_numpy(test_labels).to(device),
        noisy_test_labels=None if noisy is None else torch.from_numpy(noisy).to(device),
        uncropped=None if uncropped is None else uncropped.to(device),
        image_shape=(spec.crop, spec.crop, dataset.info.channels),
        fingerprint=fingerprint.digest().hex(),
    )


def noisy_test_labels(spec: RunSpec, dataset: ImageDataset) -> Ints | None:
    """Labels (m,) of the spec's test examples, corrupted with its p; None where p = 0."""
    if spec.label_corruption == 0:
        return None
    labels = dataset.test_labels.astype(np.int64)
    chosen = subset(dataset.test_labels, spec.n_test, spec.subset_seed or 0, Stream.TEST_SUBSET)
    return randomize_labels(spec, labels, dataset.info.classes, is_test=True)[chosen]


def noisy_test_fingerprint(spec: RunSpec, dataset: ImageDataset) -> str | None:
    """SHA-256 of `noisy_test_labels`, which `TrainingData.fingerprint` leaves out."""
    labels = noisy_test_labels(spec, dataset)
    if labels is None:
        return None
    fingerprint = Fingerprint()
    fingerprint.add_labels(labels)
    return fingerprint.digest().hex()


def subset(labels: Pixels, n: int | None, seed: int, stream: Stream) -> Ints:
    """Sorted indices of `n` examples, as many of each class as of any other, give or take one.

    A smaller subset of the same seed is contained in every larger one. Where a class runs out of
    examples, the others fill up.
    """
    if n is None or n >= len(labels):
        return np.arange(len(labels), dtype=np.int64)
    shuffled = permutations(raw(seed, stream, 0, len(labels)))
    rank = np.empty(len(labels), dtype=np.int64)  # place of an example within its class
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        rank[members] = np.arange(len(members))
    order = np.lexsort((labels, rank))
    return np.sort(order[:n])


def centre_crop(images: Pixels, side: int) -> Pixels:
    """The middle `side` × `side` pixels; the odd one left over goes to the bottom and right."""
    height, width = images.shape[1:3]
    top, left = (height - side) // 2, (width - side) // 2
    return images[:, top : top + side, left : left + side]


def standardise_(rows: Tensor) -> Tensor:
    """(x - mean) / max(std, 1/√d) of each row, in place: TF's `per_image_standardization`.

    Args:
        rows: float32 (n, d), all values of an image in a row, in units of [0, 1].

    The population standard deviation over all d values, floored as a constant image would need.
    """
    scale = rows.shape[1] ** -0.5
    rows -= rows.mean(dim=1, keepdim=True)
    std = torch.linalg.vector_norm(rows, dim=1, keepdim=True) * scale
    return rows.div_(std.clamp_min(scale))


def as_images(rows: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Rows (b, height·width·channels) seen as (b, channels, height, width); nothing is copied."""
    return rows.view(-1, *shape).permute(0, 3, 1, 2)


def epoch_order(spec: RunSpec, epoch: int, device: torch.device) -> Tensor:
    """The order in which epoch `epoch` (from 0) visits the training images: int64 (n,)."""
    order = permutations(raw(spec.seed, Stream.ORDER, epoch, spec.train_size))
    return torch.from_numpy(order).to(device)


@dataclass(frozen=True, slots=True)
class _Images:
    train: Tensor
    test: Tensor
    fingerprint: bytes


_last_images: dict[tuple[object, ...], _Images] = {}


def _images(
    spec: RunSpec, dataset: ImageDataset, device: torch.device, train: Ints, test: Ints
) -> _Images:
    """Standardised images; those of the last call are kept, since labels do not touch them."""
    number_format = torch.bfloat16 if spec.precision is Precision.BF16 else torch.float32
    key = (
        (dataset.fingerprint, str(device), number_format),
        (spec.n_train, spec.n_test, spec.subset_seed, spec.crop),
        (None,)
        if spec.keeps_pixels
        else (spec.randomization, spec.corruption, spec.variant, spec.data_seed),
    )
    if key not in _last_images:
        _last_images.clear()
        whole = functools.cache(lambda: moments(centre_crop(dataset.train_images, spec.crop)))
        fingerprint = Fingerprint()
        train_rows, test_rows = (
            _rows(spec, pixels, indices, stream, whole, fingerprint, number_format).to(device)
            for pixels, indices, stream in (
                (dataset.train_images, train, Stream.TRAIN_PIXELS),
                (dataset.test_images, test, Stream.TEST_PIXELS),
            )
        )
        _last_images[key] = _Images(train_rows, test_rows, fingerprint.digest())
    return _last_images[key]


def _rows(
    spec: RunSpec,
    images: Pixels,
    indices: Ints,
    stream: Stream,
    whole: Callable[[], Moments],
    fingerprint: Fingerprint,
    number_format: torch.dtype,
) -> Tensor:
    """Standardised rows (n, d) of the chosen images, which the fingerprint takes in.

    Chunks are drawn on as many threads as matrix products have, while this one hashes those before.
    They are standardised when all are drawn, since PyTorch shares each operation out to all cores.
    """
    d = spec.crop * spec.crop * images.shape[-1]

    def randomized_of(chosen: Ints) -> Randomized:
        cropped = centre_crop(images[chosen], spec.crop)
        return randomize_pixels(spec, Batch(cropped, chosen, stream, whole))

    drawn = np.empty((len(indices), d), dtype=randomized_of(indices[:1]).values.dtype)

    def draw(part: slice) -> memoryview:
        randomized = randomized_of(indices[part])
        drawn[part] = randomized.values.reshape(-1, d)
        return randomized.hashable

    chunks = [slice(start, start + CHUNK) for start in range(0, len(indices), CHUNK)]
    for data in _ahead(draw, chunks, torch.get_num_threads()):
        fingerprint.add_bytes(data)
    rows = torch.from_numpy(drawn)
    if rows.dtype != number_format:
        rows = torch.empty(drawn.shape, dtype=number_format)
    for start in range(0, len(rows), STANDARDISED_AT_ONCE):
        part = slice(start, start + STANDARDISED_AT_ONCE)
        values = torch.from_numpy(drawn[part])
        rows[part] = standardise_(values if values.is_floating_point() else values / 255)
    return rows


def _ahead(
    function: Callable[[slice], memoryview], parts: Sequence[slice], workers: int
) -> Iterator[memoryview]:
    """`function` of each part, in order, with no more than two a thread in memory at a time."""
    pending: deque[Future[memoryview]] = deque()
    with ThreadPoolExecutor(workers) as threads:
        for part in parts:
            if len(pending) == 2 * workers:
                yield pending.popleft().result()
            pending.append(threads.submit(function, part))
        while pending:
            yield pending.popleft().result()
