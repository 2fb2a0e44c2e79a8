"""Label noise and partial shuffling beyond the paper."""

from pathlib import Path

import numpy as np
import pytest

from core.run.errors import DataCorrupt
from core.run.spec import RunSpec
from worker.training import noise
from worker.training.draws import Ints, Stream
from worker.training.randomize import Batch, Labels, randomize_labels, randomize_pixels

TRUE = np.tile(np.arange(10), 2000)


def noisy(randomization: str, p: float, true: Ints = TRUE, seed: int = 0) -> Ints:
    spec = RunSpec(randomization=randomization, corruption=p, data_seed=seed)
    return randomize_labels(spec, true, 10)


@pytest.mark.parametrize("name", ["symmetric_noise", "pair_flip"])
def test_every_label_that_is_replaced_is_wrong(name: str) -> None:
    for p in (0.2, 0.5, 1.0):
        assert (noisy(name, p) != TRUE).mean() == pytest.approx(p, abs=0.01)


def test_symmetric_noise_gives_each_other_class_alike() -> None:
    new = noisy("symmetric_noise", 1.0)
    counts = np.bincount((new - TRUE) % 10, minlength=10)
    assert counts[0] == 0
    assert counts[1:] == pytest.approx(np.full(9, len(TRUE) / 9), rel=0.1)


def test_pair_flip_gives_the_next_class() -> None:
    new = noisy("pair_flip", 0.4)
    assert set((new - TRUE) % 10) == {0, 1}


@pytest.mark.parametrize("name", ["symmetric_noise", "pair_flip", "asymmetric_noise"])
def test_what_is_wrong_at_a_low_level_is_wrong_at_a_higher_one(name: str) -> None:
    low, high = noisy(name, 0.2), noisy(name, 0.5)
    assert ((low != TRUE) <= (high != TRUE)).all()
    assert (low[low != TRUE] == high[low != TRUE]).all()


def test_asymmetric_noise_touches_five_classes_of_cifar10() -> None:
    new = noisy("asymmetric_noise", 0.4)
    wrong = new != TRUE
    assert {(int(t), int(n)) for t, n in zip(TRUE[wrong], new[wrong], strict=True)} == {
        (9, 1),
        (2, 0),
        (4, 7),
        (3, 5),
        (5, 3),
    }
    assert wrong.mean() == pytest.approx(0.4 / 2, abs=0.01)


def test_a_transition_matrix_is_followed() -> None:
    matrix = np.zeros((10, 10))
    matrix[:, 0] = 0.25
    matrix[:, 9] = 0.75
    spec = RunSpec(randomization="symmetric_noise", corruption=1)
    new = noise.by_matrix(matrix.tolist())(Labels(spec, TRUE, 10))
    assert set(new) == {0, 9}
    assert (new == 9).mean() == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("matrix", [[[0.5, 0.5]], [[0.5, 0.4], [0, 1]], [[2, -1], [0, 1]]])
def test_a_matrix_that_is_none_is_refused(matrix: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="matrix is not allowed"):
        noise.by_matrix(matrix)


@pytest.mark.parametrize("kind", ["npy", "npz", "csv"])
def test_labels_come_from_a_file(tmp_path: Path, kind: str) -> None:
    path, given = tmp_path / f"labels.{kind}", (TRUE + 1) % 10
    if kind == "npy":
        np.save(path, given)
        read = noise.from_file(path)
    elif kind == "npz":
        np.savez(path, clean=TRUE, worse=given)
        read = noise.from_file(path, "worse", true="clean")
    else:
        table = np.column_stack([TRUE, given])
        np.savetxt(path, table, fmt="%d", delimiter=",", header="clean,worse", comments="")
        read = noise.from_file(path, "worse", true="clean")
    assert (read(Labels(RunSpec(), TRUE, 10)) == given).all()
    assert (read(Labels(RunSpec(), TRUE, 10, is_test=True)) == TRUE).all()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"clean": TRUE[::-1], "worse": TRUE}, "of other data, or in another order"),
        ({"clean": TRUE, "worse": TRUE[:-1]}, "19,999 labels, and the training set has 20,000"),
        ({"clean": TRUE, "worse": TRUE + 1}, "outside 0 to 9"),
        ({"clean": TRUE, "worse": TRUE / 2}, "not integers"),
        ({"clean": TRUE, "worst": TRUE}, "no labels 'worse': it has clean, worst"),
    ],
)
def test_labels_of_another_dataset_are_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "labels.npz", **arrays)
    read = noise.from_file(tmp_path / "labels.npz", "worse", true="clean")
    with pytest.raises(DataCorrupt, match=message):
        read(Labels(RunSpec(), TRUE, 10))


def test_a_part_of_the_positions_is_shuffled_up_to_all_of_them() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 3), dtype=np.uint8)

    def moved(randomization: str, p: float | None = None) -> np.ndarray:
        spec = RunSpec(randomization=randomization, corruption=p)
        batch = Batch(images, np.arange(3), Stream.TRAIN_PIXELS, lambda: None)
        return randomize_pixels(spec, batch).values

    half = moved("partly_shuffled_pixels", 0.5)
    stays = (half == images).all(axis=(0, 3))
    assert stays.mean() == pytest.approx(0.5, abs=0.05)
    for image, was in zip(half, images, strict=True):
        assert sorted(map(tuple, image.reshape(-1, 3))) == sorted(map(tuple, was.reshape(-1, 3)))
    nearly = moved("partly_shuffled_pixels", 1 - 1e-12)
    assert (nearly == moved("shuffled_pixels")).all()
