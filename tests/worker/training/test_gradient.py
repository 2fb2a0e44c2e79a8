"""The gradients of a step are those that autograd finds for the mean cross-entropy."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.run.spec import RunSpec
from tests.worker.training.small_runs import CPU, FAMILIES, small
from worker.datasets.images import ImageDataset
from worker.training import loop
from worker.training.data import as_images, prepare
from worker.training.gradient import differentiate
from worker.training.models.mlp import Perceptron
from worker.training.state import TrainingState

MLPS = ("mlp-1x512", "mlp-3x512")


def batch(spec: RunSpec, dataset: ImageDataset) -> tuple[Tensor, Tensor]:
    data = prepare(spec, dataset, CPU)
    size = spec.batch_size
    return as_images(data.train_images[:size], data.image_shape), data.train_labels[:size]


def by_autograd(
    state: TrainingState, images: Tensor, labels: Tensor
) -> tuple[Tensor, list[Tensor]]:
    with state.autocast():
        logits = state.model(images)
    loss = F.cross_entropy(logits.float(), labels)
    return logits, list(torch.autograd.grad(loss, list(state.model.parameters())))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("model", MLPS)
def test_an_mlp_goes_back_as_autograd_does(
    model: str, precision: str, dropout: float, cifar10: ImageDataset
) -> None:
    spec = small(model, precision=precision, dropout=dropout)
    state = TrainingState.start(spec, CPU)
    images, labels = batch(spec, cifar10)
    images = images.float()  # as augmentation leaves them
    assert isinstance(state.model, Perceptron)
    torch.manual_seed(3)
    logits, backward = differentiate(state, images)
    targets = F.one_hot(labels, 10)
    backward(((logits.float().softmax(1) - targets) / len(labels)).to(logits.dtype))
    torch.manual_seed(3)
    expected_logits, expected = by_autograd(state, images, labels)
    assert torch.equal(logits, expected_logits)
    tolerance = 1e-5 if precision == "fp32" else 2e-2
    for own, true in zip(state.parameters.views.gradients, expected, strict=True):
        difference = torch.linalg.vector_norm(own.float() - true)
        assert difference < tolerance * torch.linalg.vector_norm(true)


def test_an_mlp_in_evaluation_mode_drops_nothing(cifar10: ImageDataset) -> None:
    spec = small(dropout=0.5)
    state = TrainingState.start(spec, CPU)
    images, _ = batch(spec, cifar10)
    state.model.eval()
    logits, _ = differentiate(state, images)
    assert torch.allclose(logits, state.model(images), atol=1e-6)


@pytest.mark.parametrize("model", FAMILIES)
def test_a_step_follows_the_gradient_of_the_mean_cross_entropy(
    model: str, cifar10: ImageDataset
) -> None:
    spec = small(model, learning_rate=0.1, momentum=0.0)
    images, labels = batch(spec, cifar10)
    state = TrainingState.start(spec, CPU)
    state.model.train()
    loss = F.cross_entropy(state.model(images), labels)
    gradients = torch.autograd.grad(loss, list(state.model.parameters()))
    parameters = zip(state.model.parameters(), gradients, strict=True)
    expected = [parameter.detach() - 0.1 * gradient for parameter, gradient in parameters]
    state = TrainingState.start(spec, CPU)
    state.model.train()
    loop._step(state, images, labels, F.one_hot(labels, 10).float())
    assert state.losses[0].item() == pytest.approx(loss.item(), rel=1e-6)
    for own, true in zip(state.model.parameters(), expected, strict=True):
        assert torch.allclose(own, true, atol=1e-6)


def test_the_online_accuracy_is_that_of_each_image_when_its_step_came(
    cifar10: ImageDataset,
) -> None:
    spec = small(learning_rate=1e-12, batch_size=30)  # the weights stay as they are
    state = TrainingState.start(spec, CPU)
    data = prepare(spec, cifar10, CPU)
    logits = state.model(as_images(data.train_images, data.image_shape))
    right = (logits.argmax(1) == data.train_labels).sum().item()
    for report in loop.train(spec, cifar10, CPU, state):
        if report.epoch == 1 and hasattr(report, "online_accuracy"):
            assert report.online_accuracy == right / 100
            break
