"""The five randomizations: what they change, what they keep, and that they never change again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.run.spec import RunSpec
from tests.worker.training.small_runs import CPU, small
from worker.datasets.images import ImageDataset
from worker.training.data import centre_crop, noisy_test_fingerprint, prepare, subset
from worker.training.draws import Stream
from worker.training.randomize import (
    ROUNDING,
    Batch,
    moments,
    randomize_labels,
    randomize_pixels,
)

SEEDS = st.integers(0, 2**31 - 1)
PIXEL_RANDOMIZATIONS = ("shuffled_pixels", "random_pixels", "gaussian")
VARIANTS = ("paper", "report")


def corrupted(p: float, seed: int = 0) -> RunSpec:
    return RunSpec.model_validate(
        {"randomization": "corrupted_labels", "corruption": p, "data_seed": seed}
    )


def of_pixels(randomization: str, variant: str = "paper", seed: int = 0) -> RunSpec:
    return RunSpec.model_validate(
        {"randomization": randomization, "variant": variant, "data_seed": seed}
    )


def some_images(count: int = 6) -> np.ndarray:
    """Images no two of which have the same pixels, and whose channels differ."""
    values = np.random.default_rng(0).integers(0, 256, (count, 12, 12, 3))
    values[..., 1] //= 2
    return values.astype(np.uint8)


def randomized(spec: RunSpec, images: np.ndarray) -> np.ndarray:
    return randomize_pixels(spec, batch(images)).values


def batch(images: np.ndarray, stream: Stream = Stream.TRAIN_PIXELS) -> Batch:
    return Batch(images, np.arange(len(images)), stream, lambda: moments(images))


# -------------------------------------------------------------------------------- labels


@given(SEEDS, st.floats(0.01, 0.99))
def test_labels_are_replaced_with_probability_p_by_a_uniform_class(seed: int, p: float) -> None:
    labels = np.arange(20_000) % 10
    new = randomize_labels(corrupted(p, seed), labels, 10)
    # A replaced label equals the true one in one of ten cases.
    spread = 5 * (0.9 * p * (1 - 0.9 * p) / len(labels)) ** 0.5
    assert (new != labels).mean() == pytest.approx(0.9 * p, abs=spread)
    wrong = (new - labels)[new != labels] % 10
    counts = np.bincount(wrong, minlength=10)[1:]
    assert np.abs(counts - len(wrong) / 9).max() < 6 * (len(wrong) / 9) ** 0.5 + 1


@given(SEEDS, st.integers(2, 300))
def test_random_labels_are_uniform_over_any_number_of_classes(seed: int, classes: int) -> None:
    spec = RunSpec.model_validate({"randomization": "random_labels", "data_seed": seed})
    new = randomize_labels(spec, np.zeros(200 * classes, dtype=np.int64), classes)
    counts = np.bincount(new, minlength=classes)
    assert len(counts) == classes
    assert np.abs(counts - 200).max() < 6 * 200**0.5


@given(SEEDS, st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_labels_corrupted_at_a_smaller_p_are_so_at_a_larger(seed: int, p: float, q: float) -> None:
    low, high = sorted((p, q))
    labels = np.arange(3000) % 10
    at_low = randomize_labels(corrupted(low, seed), labels, 10)
    at_high = randomize_labels(corrupted(high, seed), labels, 10)
    changed = at_low != labels
    assert (at_high[changed] == at_low[changed]).all()


def test_random_labels_are_the_end_of_the_corrupted_ones() -> None:
    labels = np.arange(3000) % 10
    nearly = randomize_labels(corrupted(0.999), labels, 10)
    spec = RunSpec.model_validate({"randomization": "random_labels"})
    assert (nearly != randomize_labels(spec, labels, 10)).mean() < 0.01


@given(SEEDS)
def test_labels_are_corrupted_independently_of_each_other(seed: int) -> None:
    labels = np.arange(20_000) % 10
    changed = randomize_labels(corrupted(0.5, seed), labels, 10) != labels
    for lag in (1, 2, 10):
        pairs = np.corrcoef(changed[:-lag], changed[lag:])[0, 1]
        assert abs(pairs) < 5 / len(labels) ** 0.5


@pytest.mark.parametrize("randomization", PIXEL_RANDOMIZATIONS)
def test_randomized_pixels_leave_labels_alone(randomization: str) -> None:
    labels = np.arange(100) % 10
    assert (randomize_labels(of_pixels(randomization), labels, 10) == labels).all()


@given(SEEDS, st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_test_labels_are_corrupted_like_the_training_labels_by_other_draws(
    seed: int, p: float, q: float
) -> None:
    low, high = sorted((p, q))
    labels = np.arange(20_000) % 10
    at_low = randomize_labels(corrupted(low, seed), labels, 10, is_test=True)
    at_high = randomize_labels(corrupted(high, seed), labels, 10, is_test=True)
    changed = at_low != labels
    assert changed.mean() == pytest.approx(0.9 * low, abs=5 * (0.25 / len(labels)) ** 0.5)
    assert (at_high[changed] == at_low[changed]).all()
    training = randomize_labels(corrupted(low, seed), labels, 10) != labels
    if 0.05 < low < 0.95:
        assert abs(np.corrcoef(changed, training)[0, 1]) < 6 / len(labels) ** 0.5


# -------------------------------------------------------------------------------- pixels


@given(SEEDS)
def test_shuffled_pixels_move_positions_alike_in_all_images(seed: int) -> None:
    places = np.arange(144, dtype=np.uint8).reshape(1, 12, 12, 1)
    images = np.concatenate([places, places], axis=0).repeat(3, axis=3)
    new = randomized(of_pixels("shuffled_pixels", seed=seed), images)
    assert (new[0] == new[1]).all()
    assert (new == new[..., :1]).all(), "the channels of a position stay together"
    assert (np.sort(new[0, ..., 0].ravel()) == np.arange(144)).all()
    assert (new != images).any()


def test_shuffled_pixels_are_the_same_in_both_variants() -> None:
    spec = of_pixels("shuffled_pixels")
    assert spec.variant is None


@given(SEEDS, st.sampled_from(VARIANTS))
def test_random_pixels_keep_each_images_values(seed: int, variant: str) -> None:
    images = some_images()
    new = randomized(of_pixels("random_pixels", variant, seed), images)
    assert (np.sort(new.reshape(6, -1)) == np.sort(images.reshape(6, -1))).all()
    if variant == "report":  # colours, as triples, are kept as well
        assert (np.sort(_colours(new)) == np.sort(_colours(images))).all()
    else:
        assert (np.sort(_colours(new)) != np.sort(_colours(images))).any()


@given(SEEDS, st.sampled_from(VARIANTS))
def test_random_pixels_move_differently_in_each_image(seed: int, variant: str) -> None:
    places = np.arange(144, dtype=np.uint8).reshape(1, 12, 12, 1).repeat(3, axis=3)
    new = randomized(of_pixels("random_pixels", variant, seed), places.repeat(3, axis=0))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (new[one] == new[other]).mean() < 0.1


@given(SEEDS)
@settings(max_examples=20)
def test_gaussian_images_have_the_moments_of_the_whole_dataset(seed: int) -> None:
    images = some_images(40)
    new = randomized(of_pixels("gaussian", "paper", seed), images)
    values, n = images / 255, new.size
    assert new.mean() == pytest.approx(values.mean(), abs=5 * values.std() / n**0.5)
    assert new.std() == pytest.approx(values.std(), rel=5 / (2 * n) ** 0.5)
    # Not those of the channel: green is darker in these images.
    green = new[..., 1]
    assert green.mean() == pytest.approx(values.mean(), abs=5 * values.std() / green.size**0.5)


@given(SEEDS)
@settings(max_examples=20)
def test_gaussian_images_of_the_report_have_the_moments_of_their_image_and_channel(
    seed: int,
) -> None:
    images = (some_images(4) * np.array([1.0, 0.5, 0.1])).astype(np.uint8)
    images[0] //= 3
    new = randomized(of_pixels("gaussian", "report", seed), images)
    values = images / 255
    mean, std = values.mean(axis=(1, 2)), values.std(axis=(1, 2))
    assert (np.abs(new.mean(axis=(1, 2)) - mean) < 5 * std / 144**0.5).all()
    assert (np.abs(new.std(axis=(1, 2)) / std - 1) < 5 / 288**0.5).all()


@given(SEEDS, st.sampled_from(VARIANTS))
@settings(max_examples=20)
def test_gaussian_images_are_independent_of_each_other(seed: int, variant: str) -> None:
    same = some_images(1).repeat(3, axis=0)
    new = randomized(of_pixels("gaussian", variant, seed), same)
    correlation = np.corrcoef(new[..., 0].reshape(3, -1))[np.triu_indices(3, 1)]
    assert (np.abs(correlation) < 5 / 144**0.5).all()


@pytest.mark.parametrize("randomization", PIXEL_RANDOMIZATIONS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_training_and_test_images_are_randomized_by_different_draws(
    randomization: str, variant: str
) -> None:
    spec, images = of_pixels(randomization, variant), some_images()
    train = randomize_pixels(spec, batch(images))
    test = randomize_pixels(spec, batch(images, Stream.TEST_PIXELS))
    assert (train.hashable == test.hashable) == (train.values == test.values).all()
    assert (train.values == test.values).all() == (randomization == "shuffled_pixels")


def test_moments_are_those_of_all_values() -> None:
    images = some_images(1500)
    found, values = moments(images), images.astype(np.float64) / 255
    assert found.mean == pytest.approx(values.mean(), abs=1e-12)
    assert found.std == pytest.approx(values.std(), abs=1e-12)


# ------------------------------------------------------------------ fingerprints, constancy


@pytest.mark.parametrize("randomization", PIXEL_RANDOMIZATIONS)
def test_an_image_is_randomized_alike_in_every_subset(
    randomization: str, cifar10: ImageDataset
) -> None:
    spec = small(randomization=randomization)
    few = prepare(spec.replace(n_train=20), cifar10, CPU)
    many = prepare(spec, cifar10, CPU)
    among = {row.numpy().tobytes() for row in many.train_images}
    assert all(row.numpy().tobytes() in among for row in few.train_images)


CASES = [
    ("true_labels", "paper"),
    ("corrupted_labels", "paper"),
    ("random_labels", "paper"),
    ("shuffled_pixels", "paper"),
    ("random_pixels", "paper"),
    ("random_pixels", "report"),
    ("gaussian", "paper"),
    ("gaussian", "report"),
]
SEEDS_OF_DATA = (0, 1, 2**31 - 1)


def specs_of_data() -> dict[str, RunSpec]:
    """Every randomization and variant under several data seeds; true labels have none."""
    return {
        f"{randomization} {variant} {seed}": small(
            randomization=randomization,
            variant=variant,
            corruption=0.3 if randomization == "corrupted_labels" else None,
            data_seed=seed,
        )
        for randomization, variant in CASES
        for seed in (SEEDS_OF_DATA if randomization != "true_labels" else SEEDS_OF_DATA[:1])
    }


FINGERPRINTS = {
    "true_labels paper 0": "8c486e3c1d05",
    "corrupted_labels paper 0": "4b046b89a038",
    "corrupted_labels paper 1": "cf70bf452ba4",
    "corrupted_labels paper 2147483647": "182369bd9078",
    "random_labels paper 0": "4b3d2da3b666",
    "random_labels paper 1": "5d1407286e43",
    "random_labels paper 2147483647": "1c82b6135407",
    "shuffled_pixels paper 0": "1699f2eae260",
    "shuffled_pixels paper 1": "a05ae0efc9a3",
    "shuffled_pixels paper 2147483647": "5a0b143bd66f",
    "random_pixels paper 0": "fea89f961532",
    "random_pixels paper 1": "ad11ebc81944",
    "random_pixels paper 2147483647": "522d95ffb81d",
    "random_pixels report 0": "917e9b42c300",
    "random_pixels report 1": "02c5088b4776",
    "random_pixels report 2147483647": "46d2ee6fdf78",
    "gaussian paper 0": "0b637549410e",
    "gaussian paper 1": "aa8de909fb13",
    "gaussian paper 2147483647": "62092a05132b",
    "gaussian report 0": "f15dd392edd4",
    "gaussian report 1": "9a127d9ee3bb",
    "gaussian report 2147483647": "4cdc9e789233",
}
"""First digits of the SHA-256 of `small`'s data: of integers, or of numbers rounded to 1e-4."""


@pytest.mark.parametrize(("case", "spec"), specs_of_data().items())
def test_fingerprints_are_these_on_every_platform(
    case: str, spec: RunSpec, cifar10: ImageDataset
) -> None:
    assert prepare(spec, cifar10, CPU).fingerprint[:12] == FINGERPRINTS[case]


def test_fingerprints_differ_between_randomizations_and_seeds() -> None:
    assert len(FINGERPRINTS) == len(specs_of_data()) == len(set(FINGERPRINTS.values()))


def test_a_process_without_vector_instructions_has_the_same_fingerprints(data_home: Path) -> None:
    """NumPy's plain code and Numba's loops without vectors: near to another platform."""
    code = """
import json, pathlib, sys, torch
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from tests.worker.training.test_randomize import specs_of_data
from worker.datasets import store
from worker.training.data import prepare
dataset, cpu = store.load("cifar10", pathlib.Path(sys.argv[1])), torch.device("cpu")
found = {case: prepare(s, dataset, cpu).fingerprint[:12] for case, s in specs_of_data().items()}
print(json.dumps([[f for f in __cpu_dispatch__ if __cpu_features__[f]], found]))
"""
    plain = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(_optional_features()),
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
    }
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(data_home)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | plain,
    )
    used, found = json.loads(answer.stdout)
    assert not used
    assert found == FINGERPRINTS


def test_corrupted_test_labels_have_a_fingerprint_of_their_own(cifar10: ImageDataset) -> None:
    """That of the data stays what it was before they were drawn."""
    spec = small(randomization="corrupted_labels", corruption=0.3)
    data = prepare(spec, cifar10, CPU)
    assert (data.test_labels.numpy() == prepare(small(), cifar10, CPU).test_labels.numpy()).all()
    fingerprint = noisy_test_fingerprint(spec, cifar10)
    assert fingerprint is not None
    assert fingerprint[:12] == "6bc2a4747bdd"
    assert noisy_test_fingerprint(spec.replace(data_seed=1), cifar10) != fingerprint
    assert noisy_test_fingerprint(small(), cifar10) is None


def test_an_image_has_the_same_corrupted_test_label_in_every_subset(cifar10: ImageDataset) -> None:
    spec = small(randomization="corrupted_labels", corruption=0.3, subset_seed=0, n_test=10_000)
    whole = randomize_labels(spec, cifar10.test_labels.astype(np.int64), 10, is_test=True)
    every = prepare(spec, cifar10, CPU).noisy_test_labels
    assert every is not None
    assert (every.numpy() == whole).all()
    few = prepare(spec.replace(n_test=50), cifar10, CPU)
    chosen = subset(cifar10.test_labels, 50, 0, Stream.TEST_SUBSET)
    assert few.noisy_test_labels is not None
    assert (few.noisy_test_labels.numpy() == whole[chosen]).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_gaussian_values_are_hashed_rounded_to_the_grid(variant: str) -> None:
    """So that what platforms differ in, far below it, does not change a fingerprint."""
    spec, images = of_pixels("gaussian", variant), some_images()
    new = randomize_pixels(spec, batch(images))
    multiples = np.frombuffer(new.hashable, dtype="<i4").reshape(new.values.shape)
    assert np.abs(multiples * ROUNDING - new.values).max() < ROUNDING / 2 + 1e-6


@given(st.integers(1, 5), st.integers(1, 5))
def test_an_image_of_one_colour_stays_so(height: int, width: int) -> None:
    """The deviation of each of its channels is 0, and not the root of a rounding error."""
    image = np.array([[[[7, 77, 255]]]], dtype=np.uint8).repeat(height, 1).repeat(width, 2)
    new = randomized(of_pixels("gaussian", "report"), image)
    assert np.abs(new - image / 255).max() < 1e-7


def test_the_crop_comes_before_the_randomization(cifar10: ImageDataset) -> None:
    """Permuting 32×32 pixels and then cropping would let border pixels in."""
    prepared = prepare(small(randomization="random_pixels"), cifar10, CPU)
    plain = prepare(small(), cifar10, CPU)
    assert np.allclose(
        np.sort(prepared.train_images.numpy()), np.sort(plain.train_images.numpy()), atol=1e-5
    )
    assert centre_crop(cifar10.train_images[:2], 28).shape == (2, 28, 28, 3)


def _colours(images: np.ndarray) -> np.ndarray:
    """Each position's three values as one number."""
    red, green, blue = np.moveaxis(images.astype(np.int64), -1, 0)
    return (red * 65536 + green * 256 + blue).reshape(len(images), -1)


def _optional_features() -> list[str]:
    """The groups of instructions that numpy chooses by what the processor has."""
    from numpy._core._multiarray_umath import __cpu_dispatch__

    return list(__cpu_dispatch__)
