"""The small AlexNet (paper, appendix A).

Twice a 5×5 convolution, 3×3/2 maximum and local response normalisation, in this order; then fully
connected layers of 384 and 192 and the logits. Each hidden layer ends in ReLU.

Notable choices:
- ReLU follows the maximum, on a quarter of the values: the two commute, to the bit in values and
  gradients (docs/LOG.md).
"""

from torch import nn

from core.run.spec import RunSpec
from worker.training.models.convolution import SameConv2d
from worker.training.models.layers import LocalResponseNorm, MaxPoolSame, scaled


def build(spec: RunSpec) -> nn.Module:
    """Images (n, c, h, w) to logits (n, classes); dropout follows both fully connected ReLUs.

    Dropout as in Srivastava et al. 2014, divided by what it keeps in training: `nn.Dropout`.
    """
    info = spec.dataset_info
    maps, wide, narrow = scaled(64, spec), scaled(384, spec), scaled(192, spec)
    side = -(-spec.crop // 4)  # two poolings, each rounding up
    return nn.Sequential(
        SameConv2d(info.channels, maps, 5),
        MaxPoolSame(),
        nn.ReLU(),
        LocalResponseNorm(maps),
        SameConv2d(maps, maps, 5),
        MaxPoolSame(),
        nn.ReLU(),
        LocalResponseNorm(maps),
        nn.Flatten(),
        nn.Linear(maps * side * side, wide),
        nn.ReLU(),
        nn.Dropout(spec.dropout),
        nn.Linear(wide, narrow),
        nn.ReLU(),
        nn.Dropout(spec.dropout),
        nn.Linear(narrow, info.classes),
    )
