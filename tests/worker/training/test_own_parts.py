"""A user's own networks and randomizations: as exact as the built-in ones, or a clear sentence."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core.catalogue import Model, Randomization, models, randomizations
from core.run.errors import InvalidInput
from core.run.metrics import EpochMetrics
from core.run.spec import RunSpec
from tests.worker.training.small_runs import CPU, at_every_step, epochs, results, small
from worker import provenance
from worker.datasets.images import ImageDataset
from worker.training.checkpoint import load, save, weights_hash
from worker.training.data import prepare
from worker.training.draws import Ints
from worker.training.models import parameter_count
from worker.training.randomize import Labels, randomize_labels
from worker.training.state import TrainingState

Build = Callable[[RunSpec], nn.Module]
DEFAULTS = {"learning_rate": 0.05, "batch_size": 20}


@pytest.fixture
def own_model() -> Iterator[Callable[[Build], RunSpec]]:
    def add(build: Build) -> RunSpec:
        models.add(Model(name="own", title="Own", network=build, defaults=DEFAULTS))
        return small("own", n_train=60)

    yield add
    models.remove("own")


@pytest.fixture
def own_noise() -> Iterator[Callable[..., RunSpec]]:
    def add(apply: Callable[[Labels], Any], **fields: Any) -> RunSpec:
        named = {"name": "own_noise", "title": "own", "touches": "labels", "apply": apply}
        randomizations.add(Randomization(**named | fields))
        return small(randomization="own_noise", corruption=0.5 if fields.get("uses") else None)

    yield add
    randomizations.remove("own_noise")


def drawing(spec: RunSpec) -> nn.Module:
    """Convolution, batch norm and a dropout of its own, whatever the spec says."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, spec.dataset_info.classes),
    )


def test_a_network_that_draws_by_itself_is_repeated_and_resumed_to_the_bit(
    own_model: Callable[[Build], RunSpec], cifar10: ImageDataset, tmp_path: Path
) -> None:
    spec = own_model(drawing)
    straight, rows = TrainingState.start(spec, CPU), list[EpochMetrics]()
    expected = epochs(spec, cifar10, 2, straight)
    state = TrainingState.start(spec, CPU)
    while len(rows) < 2:
        torch.manual_seed(len(rows))  # as whatever else the process may have drawn
        for report in at_every_step(spec, cifar10, state):
            if isinstance(report, EpochMetrics):
                rows.append(report)
                break
            if report.phase == "training":
                break
        checksum, _ = save(state, tmp_path / "run.pt")
        state = load(tmp_path / "run.pt", spec, CPU, checksum)
    assert results(rows) == results(expected)
    assert weights_hash(state.model) == weights_hash(straight.model)


class Partly(nn.Module):
    """A frozen layer, a trained one, and one that has no part in the logits."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.frozen, self.trained = nn.Linear(28 * 28 * 3, 5), nn.Linear(5, classes)
        self.unused = nn.Linear(3, 3)
        self.frozen.requires_grad_(False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.trained(self.frozen(images.flatten(1)))
        return result


def test_frozen_and_unused_layers_stay_as_they_were(
    own_model: Callable[[Build], RunSpec], cifar10: ImageDataset
) -> None:
    spec = own_model(lambda spec: Partly(spec.dataset_info.classes))
    state = TrainingState.start(spec, CPU)
    before = {name: tensor.clone() for name, tensor in state.model.state_dict().items()}
    epochs(spec, cifar10, 1, state)
    after = state.model.state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {"frozen.weight", "frozen.bias", "unused.weight", "unused.bias"}
    assert parameter_count(spec) == 5 * 10 + 10 + 3 * 3 + 3


def test_logits_of_another_shape_are_refused(
    own_model: Callable[[Build], RunSpec], cifar10: ImageDataset
) -> None:
    spec = own_model(lambda _: nn.Sequential(nn.Flatten(), nn.Linear(28 * 28 * 3, 7)))
    with pytest.raises(InvalidInput, match=r"model own gave logits of shape \(20, 7\)"):
        epochs(spec, cifar10, 1)


def test_a_network_that_cannot_be_built_costs_itself_alone(
    own_model: Callable[[Build], RunSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []
    monkeypatch.setattr(provenance.logger, "warning", lambda *words: said.extend(words))
    own_model(lambda _: nn.Linear(int(torch.ones(()).item()), 10))  # meta tensors have no values
    able = provenance.capabilities()
    assert "own" not in {*able["models"], *able["able"]["model"]}
    assert "alexnet" in able["models"]
    assert said[1] == "own"


def test_each_level_of_partly_shuffled_pixels_has_images_of_its_own(cifar10: ImageDataset) -> None:
    half, tenth = (
        prepare(small(randomization="partly_shuffled_pixels", corruption=p), cifar10, CPU)
        for p in (0.5, 0.1)
    )
    assert not torch.equal(half.train_images, tenth.train_images)


def next_class(labels: Labels) -> Ints:
    return np.where(labels.replaced(), (labels.true + 1) % labels.classes, labels.true)


def test_a_randomization_that_uses_corruption_replaces_so_many_labels(
    own_noise: Callable[..., RunSpec], cifar10: ImageDataset
) -> None:
    spec = own_noise(next_class, uses=frozenset({"corruption", "data_seed"}))
    assert spec.label_corruption == 0.5
    assert 30 < prepare(spec, cifar10, CPU).wrong_labels < 70


def in_place(labels: Labels) -> Ints:
    labels.true[:] = 0
    return labels.true


def test_the_true_labels_cannot_be_changed(own_noise: Callable[..., RunSpec]) -> None:
    spec, true = own_noise(in_place), np.arange(10)
    with pytest.raises(ValueError, match="read-only"):
        randomize_labels(spec, true, 10)
    assert (true == np.arange(10)).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda labels: labels.true / 2, "float64"),
        (lambda labels: labels.true[1:], r"shape \(9,\)"),
        (lambda labels: labels.true + 1, "outside 0 to 9"),
    ],
)
def test_labels_that_are_none_are_refused(
    own_noise: Callable[..., RunSpec], given: Callable[[Labels], Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        randomize_labels(own_noise(given), np.arange(10), 10)


def test_labels_of_fewer_bits_are_widened(own_noise: Callable[..., RunSpec]) -> None:
    spec = own_noise(lambda labels: labels.true.astype(np.uint8))
    assert randomize_labels(spec, np.arange(10), 10).dtype == np.int64


def test_accuracy_on_wrong_labels_is_told_where_a_file_has_them(
    own_noise: Callable[..., RunSpec], cifar10: ImageDataset
) -> None:
    spec = own_noise(lambda labels: (labels.true + 1) % 10, uses=frozenset())
    (row,) = epochs(spec, cifar10, 1)
    assert row.corrupted_accuracy == row.train_accuracy
    assert row.clean_accuracy is None
