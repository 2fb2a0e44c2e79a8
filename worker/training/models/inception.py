"""The small Inception (paper, appendix A and figure 3).

    conv96 → inc(32, 32) → inc(32, 48) → down(80)
           → inc(112, 48) → inc(96, 64) → inc(80, 80) → inc(48, 96) → down(96)
           → inc(176, 160) → inc(176, 160) → mean over all positions → logits

A conv module is convolution → batch norm → ReLU. With batch norm the convolution has no bias and
the norm a shift only; without, the convolution has a bias: the parameter count is the same.
"""

import torch
from torch import Tensor, nn

from core.run.spec import BatchNorm, RunSpec
from worker.training.models.convolution import SameConv2d
from worker.training.models.layers import BatchNormShift, MaxPoolSame, pad_same, scaled


class ConvModule(nn.Module):
    """kernel×kernel convolution with TensorFlow's SAME padding, batch norm if asked for, ReLU."""

    def __init__(
        self, spec: RunSpec, inputs: int, outputs: int, *, kernel: int, stride: int, norm: bool
    ) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.conv = (
            SameConv2d(inputs, outputs, kernel, bias=not norm)
            if stride == 1
            else nn.Conv2d(inputs, outputs, kernel, stride, bias=not norm)
        )
        self.norm: BatchNormShift | None = None
        if norm:
            assert spec.bn_momentum is not None
            assert spec.bn_eps is not None
            self.norm = BatchNormShift(outputs, spec.bn_momentum, spec.bn_eps)

    def forward(self, images: Tensor) -> Tensor:
        if self.stride > 1:
            images = pad_same(images, self.kernel, self.stride)
        found = self.conv(images)
        # No layer needs its own output again.
        return torch.relu_(found) if self.norm is None else self.norm.then_relu(found)


class InceptionModule(nn.Module):
    """inc(a, b): a maps of a 1×1 and b maps of a 3×3 conv module, concatenated."""

    def __init__(self, spec: RunSpec, inputs: int, narrow: int, broad: int) -> None:
        super().__init__()
        norm = spec.batch_norm is BatchNorm.ALL
        narrow, broad = scaled(narrow, spec), scaled(broad, spec)
        self.narrow = ConvModule(spec, inputs, narrow, kernel=1, stride=1, norm=norm)
        self.broad = ConvModule(spec, inputs, broad, kernel=3, stride=1, norm=norm)
        self.outputs = narrow + broad

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([self.narrow(images), self.broad(images)], dim=1)


class DownModule(nn.Module):
    """down(c): c maps of a 3×3/2 conv module and the 3×3/2 maximum, concatenated."""

    def __init__(self, spec: RunSpec, inputs: int, outputs: int) -> None:
        super().__init__()
        norm = spec.batch_norm in (BatchNorm.ALL, BatchNorm.DOWN)
        outputs = scaled(outputs, spec)
        self.conv = ConvModule(spec, inputs, outputs, kernel=3, stride=2, norm=norm)
        self.pool = MaxPoolSame()
        self.outputs = outputs + inputs

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([self.conv(images), self.pool(images)], dim=1)


class GlobalMean(nn.Module):
    """(n, c, h, w) to (n, c)."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(2, 3))


STAGES: tuple[tuple[int, ...], ...] = (
    (32, 32),
    (32, 48),
    (80,),
    (112, 48),
    (96, 64),
    (80, 80),
    (48, 96),
    (96,),
    (176, 160),
    (176, 160),
)
"""Maps of each module: two numbers for inc(a, b), one for down(c)."""


def build(spec: RunSpec) -> nn.Module:
    """Images (b, c, h, w) to logits (b, classes).

    Dropout (Srivastava et al. 2014), where the spec has it, follows each of the ten modules.
    """
    info = spec.dataset_info
    first = ConvModule(
        spec,
        info.channels,
        scaled(96, spec),
        kernel=3,
        stride=1,
        norm=spec.batch_norm is BatchNorm.ALL,
    )
    layers: list[nn.Module] = [first]
    maps = scaled(96, spec)
    for stage in STAGES:
        module = (
            DownModule(spec, maps, *stage)
            if len(stage) == 1
            else InceptionModule(spec, maps, *stage)
        )
        layers += [module, nn.Dropout(spec.dropout)] if spec.dropout else [module]
        maps = module.outputs
    return nn.Sequential(*layers, GlobalMean(), nn.Linear(maps, info.classes))
