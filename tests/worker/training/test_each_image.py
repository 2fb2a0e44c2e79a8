"""What is drawn for each image anew: as NumPy would, image by image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.training.draws import Stream, permutations, raw, uniform
from worker.training.each_image import permute_each, philox, sums_each
from worker.training.gaussian import box_muller, gaussian_each

SEEDS = st.integers(0, 2**31 - 1)
STREAM = Stream.TEST_PIXELS
INDICES = st.lists(st.integers(0, 2**40), max_size=4).map(lambda drawn: np.array(drawn, np.int64))
"""In any order; one may come twice."""


def textbook(bits: np.ndarray) -> np.ndarray:
    """Box and Muller 1958, as NumPy computes it."""
    u, v = uniform(bits[0::2]), uniform(bits[1::2])
    radius, angle = np.sqrt(-2 * np.log(1 - u)), 2 * np.pi * v
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).ravel()


def transformed(bits: np.ndarray) -> np.ndarray:
    noise = np.empty(len(bits))
    box_muller(bits, noise)
    return noise


@given(SEEDS, st.sampled_from(Stream), st.integers(0, 2**63 - 1), st.integers(0, 50))
def test_bits_are_those_of_numpy(seed: int, stream: Stream, index: int, blocks: int) -> None:
    found = np.empty((blocks, 4), dtype=np.uint64)
    philox(np.uint64(seed), np.uint64(stream), np.uint64(index), found)
    assert (found.ravel() == raw(seed, stream, index, 4 * blocks)).all()


@given(SEEDS, INDICES, st.integers(1, 3000), st.integers(1, 4))
def test_each_image_is_permuted_as_if_alone(
    seed: int, indices: np.ndarray, length: int, channels: int
) -> None:
    pixels = np.random.default_rng(0).integers(
        0, 256, (len(indices), length, channels), dtype=np.uint8
    )
    permuted = permute_each(pixels, seed, STREAM, indices)
    assert permuted.shape == pixels.shape
    for new, image, index in zip(permuted, pixels, indices, strict=True):
        assert (new == image[permutations(raw(seed, STREAM, int(index), length))]).all()


def test_an_image_may_have_more_pixels_than_the_sort_has_buckets() -> None:
    """2^18 of them: all but a few are moved once more, by insertion."""
    pixels = np.random.default_rng(0).integers(0, 256, (1, 700_001, 1), dtype=np.uint8)
    permuted = permute_each(pixels, 0, STREAM, np.array([3]))
    assert (permuted[0] == pixels[0, permutations(raw(0, STREAM, 3, 700_001))]).all()


@given(SEEDS, INDICES, st.integers(1, 500), st.integers(1, 4))
def test_each_image_is_gaussian_as_if_alone(
    seed: int, indices: np.ndarray, length: int, channels: int
) -> None:
    """Values to float32's precision, and their multiples of the grid but for the odd tie."""
    count = length * channels
    mean, std = np.random.default_rng(0).random((2, len(indices), channels))
    values, multiples = gaussian_each(mean, std, count, seed, STREAM, indices, 1e-4)
    assert values.shape == multiples.shape == (len(indices), count)
    for row, index in enumerate(indices):
        noise = textbook(raw(seed, STREAM, int(index), count + count % 2))[:count]
        expected = np.tile(mean[row], length) + np.tile(std[row], length) * noise
        assert np.abs(values[row] - expected).max() < 1e-6
        assert np.abs(multiples[row] - expected / 1e-4).max() < 0.5 + 1e-9


@given(SEEDS, st.integers(0, 2**40))
def test_normal_values_are_the_textbooks_to_the_last_digits(seed: int, index: int) -> None:
    """Of at most 8.5: a few units in the last place of float64."""
    bits = raw(seed, STREAM, index, 4000)
    assert np.abs(transformed(bits) - textbook(bits)).max() < 4 * np.spacing(4.0)


@given(st.lists(st.sampled_from([0, 1, 2**11 - 1, 2**11, 2**53, 2**61, 2**62, 2**63, 2**64 - 1])))
def test_extreme_bits_have_normal_values(chosen: list[int]) -> None:
    """The smallest and largest uniform numbers, and turns by whole quarters or halves of one."""
    bits = np.array(chosen[: len(chosen) // 2 * 2], dtype=np.uint64)
    assert np.abs(transformed(bits) - textbook(bits)).max(initial=0) < 4 * np.spacing(8.0)


@pytest.mark.parametrize("power", [1, 2, 3, 4])
def test_gaussians_have_the_moments_of_the_standard_normal(power: int) -> None:
    values = transformed(raw(11, Stream.TRAIN_PIXELS, 0, 400_000))
    expected = {1: 0.0, 2: 1.0, 3: 0.0, 4: 3.0}[power]
    assert (values**power).mean() == pytest.approx(expected, abs=5 * (96 / 400_000) ** 0.5)


@given(st.integers(0, 5), st.integers(1, 3000), st.integers(1, 4), st.booleans())
@settings(max_examples=30)
def test_sums_of_each_channel_are_exact(n: int, length: int, channels: int, is_white: bool) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (n, length, channels), dtype=np.uint8)
    if is_white:
        pixels[:] = 255
    first, second = sums_each(pixels)
    values = pixels.astype(np.int64)
    assert (first == values.sum(axis=1)).all()
    assert (second == (values**2).sum(axis=1)).all()
