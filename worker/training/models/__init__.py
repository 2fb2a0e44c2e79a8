"""The networks, a family a file, and how a spec becomes one.

A new model is one file with a function `build(spec) -> nn.Module` that takes images of shape
(n, channels, spec.crop, spec.crop) to logits of shape (n, classes), and a line in `FAMILIES`.
Number of classes and channels come from `spec.dataset_info`, hidden widths go through `scaled`.
"""

from collections.abc import Callable

import torch
from torch import nn

from core.domain.spec import ModelName, RunSpec
from worker.training.models import alexnet, inception, mlp
from worker.training.models.initialise import initialise

FAMILIES: dict[ModelName, Callable[[RunSpec], nn.Module]] = {
    ModelName.INCEPTION: inception.build,
    ModelName.ALEXNET: alexnet.build,
    ModelName.MLP_1X512: mlp.build,
    ModelName.MLP_3X512: mlp.build,
}


def build(spec: RunSpec) -> nn.Module:
    """The spec's network on the CPU, its initial weights a function of the spec alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        model = FAMILIES[spec.model](spec)
        initialise(model, spec)
    return model


def parameter_count(spec: RunSpec) -> int:
    """Trained numbers of the spec's network; Table 1 of the paper gives them."""
    with torch.device("meta"):
        model = FAMILIES[spec.model](spec)
    return sum(parameter.numel() for parameter in model.parameters())
