"""From dataset to tensors: subset, crop, standardisation, and what is refused."""

import dataclasses
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalogue import Dataset, datasets
from core.run.errors import InvalidInput
from core.run.spec import RunSpec
from tests.conftest import Add
from tests.worker.training.small_runs import CPU, epochs, small
from worker.datasets.images import ImageDataset
from worker.training import data as preparation
from worker.training.data import centre_crop, epoch_order, prepare, standardise_, subset
from worker.training.draws import Stream
from worker.training.randomize import Batch, Randomized


@given(st.integers(0, 1000), st.integers(10, 400))
def test_subsets_hold_as_many_of_each_class(seed: int, n: int) -> None:
    labels = (np.arange(500) % 10).astype(np.uint8)
    chosen = subset(labels, n, seed, Stream.TRAIN_SUBSET)
    counts = np.bincount(labels[chosen], minlength=10)
    assert len(set(chosen.tolist())) == n
    assert counts.max() - counts.min() <= 1


@given(st.integers(0, 1000), st.integers(10, 499), st.integers(10, 499))
def test_smaller_subsets_are_contained_in_larger_ones(seed: int, n: int, m: int) -> None:
    labels = (np.arange(500) * 7 % 10).astype(np.uint8)
    few, many = (subset(labels, k, seed, Stream.TRAIN_SUBSET).tolist() for k in sorted((n, m)))
    assert set(few) <= set(many)


def test_a_subset_of_unbalanced_classes_fills_up_from_the_others() -> None:
    labels = np.array([0] * 3 + [1] * 97, dtype=np.uint8)
    chosen = subset(labels, 50, 0, Stream.TRAIN_SUBSET)
    assert np.bincount(labels[chosen]).tolist() == [3, 47]


def test_subset_seeds_draw_different_subsets() -> None:
    labels = (np.arange(500) % 10).astype(np.uint8)
    one, other = (subset(labels, 50, seed, Stream.TRAIN_SUBSET).tolist() for seed in (0, 1))
    assert one != other


def test_without_a_size_the_whole_set_is_used_in_its_order() -> None:
    labels = np.zeros(30, dtype=np.uint8)
    assert subset(labels, None, 0, Stream.TRAIN_SUBSET).tolist() == list(range(30))


def test_images_are_standardised_as_tensorflow_does() -> None:
    rows = torch.rand(5, 2352, dtype=torch.float64) * 0.3 + 0.2
    expected = (rows - rows.mean(1, keepdim=True)) / rows.std(1, correction=0, keepdim=True)
    assert torch.allclose(standardise_(rows.clone().float()).double(), expected, atol=1e-5)


def test_the_deviation_of_a_flat_image_has_a_floor() -> None:
    row = torch.full((1, 2352), 0.5)
    row[0, 0] += 0.1  # standard deviation 0.1 / √2352, a tenth of the floor
    scaled = standardise_(row.clone())
    assert scaled[0, 0].item() == pytest.approx(0.1 * 2352**0.5, rel=1e-3)
    assert standardise_(torch.full((1, 2352), 0.5)).abs().max() == 0


def test_prepared_images_are_the_datasets_cropped_and_standardised(cifar10: ImageDataset) -> None:
    data = prepare(small(), cifar10, CPU)
    chosen = subset(cifar10.train_labels, 100, 0, Stream.TRAIN_SUBSET)
    for row, index in ((0, chosen[0]), (99, chosen[99])):
        image = torch.from_numpy(cifar10.train_images[index, 2:30, 2:30].astype(np.float32)) / 255
        expected = (image - image.mean()) / image.std(correction=0)
        assert torch.allclose(data.train_images[row].view(28, 28, 3), expected, atol=1e-5)
        assert data.train_labels[row] == cifar10.train_labels[index]
    assert len(data.test_images) == len(data.test_labels) == 50


def test_a_crop_takes_the_middle() -> None:
    image = np.arange(36, dtype=np.uint8).reshape(1, 6, 6, 1)
    assert centre_crop(image, 2).ravel().tolist() == [14, 15, 20, 21]
    assert centre_crop(image, 6).shape == (1, 6, 6, 1)


@given(st.integers(0, 50), st.integers(0, 2**31 - 1))
@settings(max_examples=20)
def test_each_epoch_visits_every_image_once_in_another_order(epoch: int, seed: int) -> None:
    spec = small(seed=seed)
    order = epoch_order(spec, epoch, CPU)
    assert sorted(order.tolist()) == list(range(100))
    assert order.tolist() == epoch_order(spec, epoch, CPU).tolist()
    assert order.tolist() != epoch_order(spec, epoch + 1, CPU).tolist()


def test_runs_that_differ_in_labels_share_their_images(cifar10: ImageDataset) -> None:
    """What lets 11 corruption levels start at once."""
    clean = prepare(small(), cifar10, CPU)
    random = prepare(small(randomization="random_labels"), cifar10, CPU)
    assert clean.train_images is random.train_images
    assert (clean.train_labels != random.train_labels).any()
    assert clean.fingerprint != random.fingerprint


def test_few_images_are_drawn_ahead_of_those_taken(
    cifar10: ImageDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: with one thread, two parts and the one that is being taken."""
    monkeypatch.setattr(preparation, "CHUNK", 1)
    monkeypatch.setattr(preparation, "_last_images", {})
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    drawn, ahead = 0, []

    class Counted(preparation.Fingerprint):
        def add_bytes(self, data: bytes | memoryview) -> None:
            time.sleep(0.001)  # the thread could draw all that are left meanwhile
            ahead.append(drawn)
            super().add_bytes(data)

    def draw(_: RunSpec, batch: Batch) -> Randomized:
        nonlocal drawn
        drawn += 1
        return Randomized(batch.pixels, np.ascontiguousarray(batch.pixels).data)

    monkeypatch.setattr(preparation, "Fingerprint", Counted)
    monkeypatch.setattr(preparation, "randomize_pixels", draw)
    prepare(small(randomization="random_pixels"), cifar10, CPU)
    assert drawn == 152  # the first of each set twice, to learn the type of its values
    assert max(count - taken for taken, count in enumerate(ahead[:100])) <= 3


def test_another_dataset_than_the_specs_is_refused(cifar10: ImageDataset) -> None:
    other = dataclasses.replace(cifar10, info=dataclasses.replace(cifar10.info, name="cifar100"))
    with pytest.raises(InvalidInput, match="asks for cifar10, but cifar100"):
        prepare(small(), other, CPU)


@pytest.mark.parametrize("model", ["mlp-1x512", "alexnet", "inception"])
@pytest.mark.parametrize("randomization", ["random_labels", "random_pixels", "gaussian"])
def test_classes_channels_and_size_come_from_the_dataset(
    model: str, randomization: str, add: Add
) -> None:
    """Four classes of 21×17 images with one channel: nothing is made for CIFAR-10 alone."""
    info = Dataset(
        name="ink",
        title="Ink",
        class_names=("a", "b", "c", "d"),
        channels=1,
        height=21,
        width=17,
        train_size=40,
        test_size=20,
    )
    add(datasets, info)
    generator = np.random.default_rng(0)
    dataset = ImageDataset(
        info=info,
        train_images=generator.integers(0, 256, (40, 21, 17, 1), dtype=np.uint8),
        train_labels=(np.arange(40) % 4).astype(np.uint8),
        test_images=generator.integers(0, 256, (20, 21, 17, 1), dtype=np.uint8),
        test_labels=(np.arange(20) % 4).astype(np.uint8),
        fingerprint="ink",
        provenance={},
    )
    spec = RunSpec.model_validate(
        {
            "dataset": "ink",
            "model": model,
            "crop": 13,
            "batch_size": 10,
            "width": 0.1,
            "randomization": randomization,
        }
    )
    (row,) = epochs(spec, dataset, 1)
    assert row.step == 4
    assert prepare(spec, dataset, CPU).train_images.shape == (40, 169)
