"""Each mistake that other reproductions of the paper made, as a test that it is not made here."""

import dataclasses

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from core.run.metrics import EpochMetrics
from core.run.spec import RunSpec
from tests.worker.training.small_runs import CPU, epochs, losses, results, small
from worker.datasets.images import ImageDataset
from worker.training import data as preparation
from worker.training import loop
from worker.training.data import as_images, prepare
from worker.training.models import build
from worker.training.models.mlp import ChannelsLastFlatten, Classifier
from worker.training.state import TrainingState

PIXELS = ("shuffled_pixels", "random_pixels", "gaussian")


@pytest.mark.parametrize("randomization", PIXELS)
def test_randomized_images_are_the_same_in_every_epoch(
    randomization: str, cifar10: ImageDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not redrawn at every access."""
    seen: list[dict[bytes, int]] = []

    def record(
        state: TrainingState, images: torch.Tensor, labels: torch.Tensor, _: torch.Tensor
    ) -> None:
        if state.position == 0:
            seen.append({})
        for image, label in zip(images, labels, strict=True):
            seen[-1][image.numpy().tobytes()] = int(label)
        state.position += 1

    monkeypatch.setattr(loop, "_step", record)
    epochs(small(randomization=randomization), cifar10, 3)
    assert len(seen[0]) == 100
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.parametrize("randomization", ["random_labels", "random_pixels", "gaussian"])
def test_a_resumed_run_has_the_labels_and_pixels_it_began_with(
    randomization: str, cifar10: ImageDataset
) -> None:
    spec = small(randomization=randomization, data_seed=3)
    first = prepare(spec, cifar10, CPU)
    preparation._last_images.clear()  # as in another process
    again = prepare(RunSpec.model_validate_json(spec.canonical_json()), cifar10, CPU)
    assert torch.equal(first.train_labels, again.train_labels)
    assert torch.equal(first.train_images, again.train_images)
    assert torch.equal(first.test_images, again.test_images)
    assert first.fingerprint == again.fingerprint


def test_the_seed_of_the_run_does_not_draw_the_data(cifar10: ImageDataset) -> None:
    spec = small(randomization="random_labels")
    labels = [prepare(spec.replace(seed=s), cifar10, CPU).train_labels for s in (0, 1)]
    assert torch.equal(*labels)
    other = prepare(spec.replace(data_seed=1), cifar10, CPU).train_labels
    assert not torch.equal(labels[0], other)


@pytest.mark.parametrize("randomization", ["true_labels", *PIXELS])
def test_pixels_are_divided_by_255_once(randomization: str, cifar10: ImageDataset) -> None:
    """Twice, and the floor of the deviation binds: inputs would be some 20 times too small."""
    prepared = prepare(small(randomization=randomization), cifar10, CPU)
    for images in (prepared.train_images, prepared.test_images):
        assert torch.allclose(images.std(dim=1, correction=0), torch.ones(len(images)), atol=1e-3)
        assert images.mean(dim=1).abs().max() < 1e-4


@pytest.mark.parametrize(
    ("field", "value"),
    [("use_bn", False), ("layers", 3), ("drop_out", 0.5), ("augment", True), ("p", 0.5)],
)
def test_a_field_with_another_name_is_refused_and_not_swallowed(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        RunSpec.model_validate({field: value})


@pytest.mark.parametrize(
    ("model", "change"),
    [
        ("inception", {"batch_norm": "none"}),
        ("inception", {"batch_norm": "down"}),
        ("inception", {"bn_eps": 0.05}),
        ("inception", {"width": 0.25}),
        ("inception", {"initialisation": "he_normal"}),
        ("mlp-1x512", {"model": "mlp-3x512"}),
        ("mlp-1x512", {"dropout": 0.3}),
        ("mlp-1x512", {"init_scale": 0.5}),
        ("mlp-1x512", {"weight_decay": 0.1}),
        ("mlp-1x512", {"momentum": 0.0}),
        ("mlp-1x512", {"learning_rate": 0.02}),
        ("mlp-1x512", {"decay": 0.5, "decay_steps": 1}),
        ("mlp-1x512", {"warmup_steps": 5}),
        ("mlp-1x512", {"crop": 24}),
        ("mlp-1x512", {"seed": 1}),
        ("mlp-1x512", {"subset_seed": 1}),
        ("mlp-1x512", {"random_crop": True}),
        ("mlp-1x512", {"random_flip": True}),
        ("mlp-1x512", {"brightness": 0.3}),
        ("mlp-1x512", {"contrast": 0.3}),
        ("mlp-1x512", {"saturation": 0.3}),
        ("mlp-1x512", {"hue": 0.3}),
    ],
)
def test_every_field_of_the_spec_has_an_effect(
    model: str, change: dict[str, object], cifar10: ImageDataset
) -> None:
    """No flag is reset or ignored on its way to the training."""
    assert losses(small(model), cifar10, 4) != losses(
        small(**{"model": model} | change), cifar10, 4
    )


def test_the_norms_momentum_reaches_the_running_statistics(cifar10: ImageDataset) -> None:
    rows = [epochs(small("inception", bn_momentum=m), cifar10, 1)[0] for m in (0.1, 0.5)]
    assert rows[0].online_loss == rows[1].online_loss, "training does not read them"
    assert rows[0].test_loss != rows[1].test_loss


def test_an_augmentation_that_is_off_leaves_every_batch_as_it_was(
    cifar10: ImageDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flag both of whose values augment."""
    batches: list[torch.Tensor] = []

    def record(state: TrainingState, images: torch.Tensor, *_: torch.Tensor) -> None:
        batches.append(images)
        state.position += 1

    monkeypatch.setattr(loop, "_step", record)
    epochs(small(random_flip=False, random_crop=False), cifar10, 1)
    plain = {row.numpy().tobytes() for row in prepare(small(), cifar10, CPU).train_images}
    found = {i.permute(1, 2, 0).numpy().tobytes() for batch in batches for i in batch}
    assert found == plain
    batches.clear()
    epochs(small(random_flip=True), cifar10, 1)
    flipped = {i.permute(1, 2, 0).numpy().tobytes() for batch in batches for i in batch}
    assert 30 < len(flipped & plain) < 70, "about half are flipped"


@pytest.mark.parametrize("p", [0.3, 1.0])
def test_test_labels_are_always_the_true_ones(p: float, cifar10: ImageDataset) -> None:
    spec = small(randomization="corrupted_labels", corruption=p, n_test=None)
    prepared = prepare(spec, cifar10, CPU)
    assert (prepared.test_labels.numpy() == cifar10.test_labels).all()
    assert (prepared.train_labels != prepared.true_labels).any()


@pytest.mark.parametrize("model", ["mlp-1x512", "mlp-3x512"])
def test_the_mlps_have_linear_layers_and_relu_alone(model: str) -> None:
    kinds = {type(m) for m in build(small(model)).modules() if not list(m.children())}
    assert kinds == {ChannelsLastFlatten, nn.ReLU, Classifier} | ({nn.Linear} & kinds)


def test_images_are_standardised_one_by_one_and_not_by_dataset(cifar10: ImageDataset) -> None:
    dark = np.array(cifar10.train_images)
    dark[: len(dark) // 2] //= 4  # other images change, and the dataset's mean with them
    changed = dataclasses.replace(cifar10, train_images=dark, fingerprint="dark")
    spec = small(n_train=100)
    kept = prepare(spec, cifar10, CPU).train_images
    new = prepare(spec, changed, CPU).train_images
    same = (kept == new).all(dim=1)
    assert 20 < same.sum() < 80


def test_training_accuracy_is_measured_without_dropout_and_augmentation(
    cifar10: ImageDataset,
) -> None:
    spec = small(dropout=0.9, random_crop=True, random_flip=True)
    state = TrainingState.start(spec, CPU)
    (row,) = epochs(spec, cifar10, 1, state)
    plain = prepare(small(), cifar10, CPU)
    state.model.eval()
    with torch.no_grad():
        logits = state.model(as_images(plain.train_images, plain.image_shape))
    assert (logits.argmax(1) == plain.train_labels).float().mean().item() == pytest.approx(
        row.train_accuracy
    )
    assert row.train_accuracy > row.online_accuracy


def test_convergence_is_counted_in_epochs_and_steps_never_in_seconds(
    cifar10: ImageDataset,
) -> None:
    """A busy machine changes the timings and nothing else."""
    fast = epochs(small(), cifar10, 2)
    slow = []
    for report in loop.train(small(), cifar10, CPU, should_yield=lambda: True):
        torch.randn(200, 200) @ torch.randn(200, 200)  # the machine is busy
        if isinstance(report, EpochMetrics):
            slow.append(report)
            if len(slow) == 2:
                break
    assert results(fast) == results(slow)
