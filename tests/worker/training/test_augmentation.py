"""Augmentation: each part does what its name says, by itself, and only in training."""

import colorsys
import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
import torch

from core.catalogue import datasets
from core.run.spec import RunSpec
from tests.conftest import Add
from tests.worker.training.small_runs import CPU, small
from worker.datasets.images import ImageDataset
from worker.training import data
from worker.training.augment import (
    BRIGHTNESS,
    CONTRAST,
    FLIP,
    HUE,
    LEFT,
    SATURATION,
    TOP,
    _factor,
    augment,
    epoch_draws,
)
from worker.training.data import prepare, standardise_

MIDDLE = 0.5
"""A draw that leaves every jitter as it is, and does not flip."""


def draws(count: int, **values: float) -> torch.Tensor:
    """Draws of `count` images: the middle, but for the named columns."""
    table = torch.full((count, 7), MIDDLE, dtype=torch.float64)
    columns = {"top": TOP, "left": LEFT, "flip": FLIP}
    columns |= {"brightness": BRIGHTNESS, "contrast": CONTRAST}
    columns |= {"saturation": SATURATION, "hue": HUE}
    for name, value in values.items():
        table[:, columns[name]] = value
    return table


def some_images(count: int = 4, low: int = 60, high: int = 200) -> torch.Tensor:
    values = np.random.default_rng(0).integers(low, high, (count, 32, 32, 3))
    return torch.from_numpy(values.astype(np.uint8))


def standardised(images: torch.Tensor) -> torch.Tensor:
    return standardise_((images.float() / 255).flatten(1))


def test_nothing_switched_on_is_the_centre_crop() -> None:
    images = some_images()
    expected = standardised(images[:, 2:30, 2:30])
    assert torch.allclose(augment(small(), images, draws(4)), expected, atol=1e-5)


@pytest.mark.parametrize(("top", "left"), [(0.0, 0.0), (0.999, 0.0), (0.3, 0.7)])
def test_a_random_crop_starts_anywhere_in_the_five_by_five(top: float, left: float) -> None:
    images = some_images()
    out = augment(small(random_crop=True), images, draws(4, top=top, left=left))
    y, x = int(top * 5), int(left * 5)
    assert torch.allclose(out, standardised(images[:, y : y + 28, x : x + 28]), atol=1e-5)


def test_crops_are_uniform_over_all_25_places() -> None:
    spec = RunSpec.model_validate({"random_crop": True})
    table = epoch_draws(spec, 3, CPU)
    places = (table[:, TOP] * 5).long() * 5 + (table[:, LEFT] * 5).long()
    counts = torch.bincount(places, minlength=25)
    assert (counts - 2000).abs().max() < 5 * 2000**0.5
    assert counts.numel() == 25


def test_a_flip_mirrors_left_and_right() -> None:
    images = some_images()
    flipped = augment(small(random_flip=True), images, draws(4, flip=0.49))
    kept = augment(small(random_flip=True), images, draws(4, flip=0.5))
    assert torch.allclose(flipped, standardised(images[:, 2:30, 2:30].flip(2)), atol=1e-5)
    assert torch.allclose(kept, standardised(images[:, 2:30, 2:30]), atol=1e-5)


@pytest.mark.parametrize("jitter", ["brightness", "contrast"])
@pytest.mark.parametrize("draw", [0.0, 0.25, 0.999])
def test_standardisation_cancels_brightness_and_contrast(jitter: str, draw: float) -> None:
    """Both are affine on the pixels of an image, and standardisation undoes what is affine."""
    images = some_images()  # far from black and white
    out = augment(small(**{jitter: 0.1}), images, draws(4, **{jitter: draw}))
    assert torch.allclose(out, standardised(images[:, 2:30, 2:30]), atol=1e-3)


@pytest.mark.parametrize("jitter", ["brightness", "contrast"])
def test_clipping_is_what_is_left_of_brightness_and_contrast(jitter: str) -> None:
    images = some_images(low=0, high=256)
    out = augment(small(**{jitter: 0.1}), images, draws(4, **{jitter: 0.999}))
    assert not torch.allclose(out, standardised(images[:, 2:30, 2:30]), atol=1e-2)


def plainly_jittered(pixels: npt.NDArray[np.float64], jitter: str, factor: float) -> torch.Tensor:
    """One image, an operation at a time, in float64."""
    out = np.empty_like(pixels)
    grey = pixels[..., 0] * 0.299 + pixels[..., 1] * 0.587 + pixels[..., 2] * 0.114
    for y, x, c in np.ndindex(pixels.shape):
        anchor = {"brightness": 0.0, "contrast": grey.mean(), "saturation": grey[y, x]}[jitter]
        out[y, x, c] = min(max(anchor + factor * (pixels[y, x, c] - anchor), 0.0), 1.0)
    return standardise_(torch.from_numpy(out).float().flatten()[None])


@pytest.mark.parametrize("jitter", ["brightness", "contrast", "saturation"])
@pytest.mark.parametrize(("draw", "factor"), [(0.0, 0.9), (0.25, 0.95), (1 - 2**-53, 1.1)])
def test_jitters_are_factors_within_a_tenth(jitter: str, draw: float, factor: float) -> None:
    images = some_images(1, low=0, high=256)  # down to black and up to white: clipping counts
    out = augment(small(**{jitter: 0.1}), images, draws(1, **{jitter: draw}))
    pixels = images[0, 2:30, 2:30].double().numpy() / 255
    assert torch.allclose(out, plainly_jittered(pixels, jitter, factor), atol=1e-4)


def test_factors_are_uniform_within_their_ends() -> None:
    factors = _factor(epoch_draws(RunSpec(), 0, CPU)[:, SATURATION], 0.1).flatten()
    assert 0.9 <= factors.min() < 0.9001
    assert 1.0999 < factors.max() <= 1.1
    assert torch.histc(factors, 10, 0.9, 1.1).sub(5000).abs().max() < 5 * 5000**0.5


def test_saturation_of_grey_images_changes_nothing() -> None:
    grey = some_images()[..., :1].expand(-1, -1, -1, 3).contiguous()
    table = draws(4)
    table[:, 5] = 0.0
    out = augment(small(saturation=0.1), grey, table)
    assert torch.allclose(out, standardised(grey[:, 2:30, 2:30]), atol=1e-3)
    colour = some_images()
    assert not torch.allclose(
        augment(small(saturation=0.1), colour, table),
        standardised(colour[:, 2:30, 2:30]),
        atol=0.01,
    )


@pytest.mark.parametrize("draw", [0.0, 0.3, 0.5, 0.9])
def test_hue_turns_as_the_standard_library_does(draw: float) -> None:
    images = some_images(1, low=0, high=256)
    shift = (draw * 2 - 1) * 0.1
    turned = np.empty((28, 28, 3))
    for y, x in np.ndindex(28, 28):
        h, s, v = colorsys.rgb_to_hsv(*(images[0, y + 2, x + 2].double() / 255).tolist())
        turned[y, x] = colorsys.hsv_to_rgb((h + shift) % 1, s, v)
    expected = standardise_(torch.from_numpy(turned).float().flatten()[None])
    out = augment(small(hue=0.1), images, draws(1, hue=draw))
    assert torch.allclose(out, expected, atol=1e-4)


def test_switching_one_on_leaves_the_draws_of_the_others() -> None:
    alone = epoch_draws(small(random_flip=True), 2, CPU)
    together = epoch_draws(small(random_flip=True, random_crop=True, hue=0.1), 2, CPU)
    assert torch.equal(alone, together)


def test_each_epoch_augments_differently_and_the_same_when_repeated() -> None:
    spec = small(random_crop=True)
    assert torch.equal(epoch_draws(spec, 4, CPU), epoch_draws(spec, 4, CPU))
    assert not torch.equal(epoch_draws(spec, 4, CPU), epoch_draws(spec, 5, CPU))


def test_evaluation_images_are_never_augmented(cifar10: ImageDataset) -> None:
    plain = prepare(small(), cifar10, CPU)
    data._last_images.clear()  # else the second would be the first
    augmented = prepare(small(random_crop=True, random_flip=True, hue=0.1), cifar10, CPU)
    assert plain.train_images is not augmented.train_images
    assert torch.equal(plain.train_images, augmented.train_images)
    assert torch.equal(plain.test_images, augmented.test_images)
    assert plain.uncropped is None


def test_colour_jitter_of_images_without_colour_is_refused(add: Add) -> None:
    grey = dataclasses.replace(datasets["cifar10"], name="grey", title="Grey", channels=1)
    add(datasets, grey)
    with pytest.raises(ValueError, match="hue is not allowed with Grey: its images have 1 channel"):
        RunSpec.model_validate({"dataset": "grey", "hue": 0.1})
