"""From a batch to logits, and from the gradient at the logits to that of every parameter."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from worker.training.models.mlp import Perceptron
from worker.training.state import TrainingState

Backward = Callable[[Tensor], Sequence[Tensor]]
"""The gradient at the logits (b, classes), in their number format, to one gradient a parameter."""


def differentiate(state: TrainingState, images: Tensor) -> tuple[Tensor, Backward]:
    """Logits (b, classes) of images (b, c, h, w), and the way back.

    Autograd's, except for an MLP, which brings its own.
    """
    if isinstance(state.model, Perceptron):
        return state.model.differentiate(images)
    with torch.enable_grad(), state.autocast():
        logits: Tensor = state.model(images)
    return logits.detach(), lambda gradient: torch.autograd.grad(logits, state.parameters, gradient)
