"""The paper's networks, a family a file, and how a spec becomes a network.

A network is a function `build(spec) -> nn.Module` that a descriptor in the catalogue names: images
of shape (n, channels, spec.crop, spec.crop) to logits of shape (n, classes). Number of classes and
channels come from `spec.dataset_info`, hidden widths go through `scaled`.
"""

import torch
from torch import nn

from core.catalogue import models
from core.catalogue.registry import resolve
from core.run.spec import RunSpec
from worker.training.models.initialise import initialise


def build(spec: RunSpec) -> nn.Module:
    """The spec's network on the CPU, its initial weights a function of the spec alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        model = _network(spec)
        initialise(model, spec)
    return model


def parameter_count(spec: RunSpec) -> int:
    """Trained numbers of the spec's network; Table 1 of the paper gives them."""
    with torch.device("meta"):
        model = _network(spec)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _network(spec: RunSpec) -> nn.Module:
    model: nn.Module = resolve(models[spec.model].network)(spec)
    return model
