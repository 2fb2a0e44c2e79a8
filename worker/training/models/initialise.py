"""Initial weights by the spec's rule. Neither paper nor report states one."""

import torch
from torch import nn

from core.run.spec import Initialisation, RunSpec


@torch.no_grad()
def initialise(model: nn.Module, spec: RunSpec) -> None:
    """Redraw every linear and convolutional weight by the rule, from torch's global generator.

    - torch: as the layers did themselves, uniform in ±1/√fan_in, biases too.
    - xavier_uniform: uniform in ±√(6 / (fan_in + fan_out)), biases zero (Glorot and Bengio 2010).
    - he_normal: normal with variance 2 / fan_in, biases zero (He et al. 2015).

    The weights, not the biases, are multiplied by `init_scale`. Other parameters stay as the model
    set them.
    """
    for layer in model.modules():
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            continue
        if spec.initialisation is Initialisation.XAVIER_UNIFORM:
            nn.init.xavier_uniform_(layer.weight)
        elif spec.initialisation is Initialisation.HE_NORMAL:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if spec.initialisation is not Initialisation.TORCH and layer.bias is not None:
            layer.bias.zero_()
        layer.weight.mul_(spec.init_scale)
