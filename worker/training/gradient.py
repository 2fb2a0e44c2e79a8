"""From a batch to logits, and from the gradient at the logits to that of every parameter."""

from collections.abc import Callable

import torch
from torch import Tensor

from core.run.errors import InvalidInput
from worker.training.models.mlp import Perceptron
from worker.training.state import TrainingState

Backward = Callable[[Tensor], None]
"""Takes the gradient at the logits (b, classes), in their number format; writes that of every
parameter to `Parameters.gradient`."""


def differentiate(state: TrainingState, images: Tensor) -> tuple[Tensor, Backward]:
    """Logits (b, classes) of images (b, c, h, w), and the way back.

    Autograd's, except for an MLP, which brings its own.
    """
    own, views = state.parameters.own, state.parameters.views
    if isinstance(state.model, Perceptron):
        return state.model.differentiate(images, views.weights, views.gradients)
    with torch.enable_grad(), state.autocast():
        logits: Tensor = state.model(images)
    expected = (len(images), state.spec.dataset_info.classes)
    if logits.shape != expected:
        raise InvalidInput(
            f"model {state.spec.model} gave logits of shape {tuple(logits.shape)} in place of "
            f"{expected}: mend its network"
        )

    def backward(gradient: Tensor) -> None:
        # Zeros for parameters that have no part in the logits.
        found = torch.autograd.grad(
            logits, own, gradient, allow_unused=True, materialize_grads=True
        )
        torch._foreach_copy_(list(views.gradients), list(found))

    return logits.detach(), backward
