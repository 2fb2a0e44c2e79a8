"""Layers that several families share, where PyTorch's own differ from TensorFlow's or are slow."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.run.spec import RunSpec


def scaled(width: int, spec: RunSpec) -> int:
    """A hidden width after the spec's width factor, at least 1."""
    return max(1, round(width * spec.width))


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME: (before, after), the odd pixel after, so that out = ⌈size / stride⌉.

    In all (out - 1)·stride + kernel - size pixels, if positive (documentation of `tf.nn`, notes on
    padding). PyTorch's own padding is the same before and after.
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pad_same(images: Tensor, kernel: int, stride: int) -> Tensor:
    """`images` (n, c, h, w) with the zeros that a window of `kernel` and `stride` needs."""
    height, width = images.shape[-2:]
    padding = (*same_padding(width, kernel, stride), *same_padding(height, kernel, stride))
    return F.pad(images, padding) if any(padding) else images


def suits_loops(images: Tensor) -> bool:
    """Whether compiled loops read `images` (n, c, h, w): bf16 in channels-last layout on a CPU."""
    return (
        images.dtype == torch.bfloat16
        and images.device.type == "cpu"
        and images.is_contiguous(memory_format=torch.channels_last)
    )


class MaxPoolSame(nn.Module):
    """3×3 maximum with stride 2 and TensorFlow's SAME padding, which never wins.

    An even side needs one pixel after it, which `ceil_mode` gives without a copy; an odd side needs
    one before and one after.
    """

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        padding = (same_padding(height, 3, 2)[0], same_padding(width, 3, 2)[0])
        if height == width and suits_loops(images):
            from worker.training.models.maximum import MaximumBf16

            maxima: Tensor = MaximumBf16.apply(images, padding[0])
            return maxima
        return F.max_pool2d(images, kernel_size=3, stride=2, padding=padding, ceil_mode=True)


class BatchNormShift(nn.Module):
    """Batch normalisation with a shift and no scale (TF-slim's `center=True, scale=False`).

    Ioffe and Szegedy 2015, algorithm 1 with γ = 1: y = (x - E[x]) / √(Var[x] + ε) + β.

    Evaluation uses running statistics in place of the batch's: after each batch r ← (1 - m)·r + m·b
    with m = `momentum` and b the batch's mean or unbiased variance, as in algorithm 2, which
    averages over batches in another way. They begin at 0 and 1.

    γ is passed as ones: PyTorch's backward pass on CUDA allocates β's gradient like γ, and without
    a γ returns none. The ones change no bit, and are neither trained nor saved.
    """

    ones: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, momentum: float, eps: float) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.shift = nn.Parameter(torch.zeros(channels))
        self.register_buffer("ones", torch.ones(channels), persistent=False)
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, images: Tensor) -> Tensor:
        return F.batch_norm(
            images,
            self.running_mean,
            self.running_var,
            weight=self.ones,
            bias=self.shift,
            training=self.training,
            momentum=self.momentum,
            eps=self.eps,
        )

    def then_relu(self, images: Tensor) -> Tensor:
        """ReLU of the normalised `images`, in fewer passes where loops are compiled for them."""
        if not suits_loops(images):
            return torch.relu_(self(images))
        from worker.training.models.normalised import NormalisedBf16, normalised

        if not self.training:
            return normalised(images, self.running_mean, self.running_var, self.shift, self.eps)
        result: Tensor
        result, mean, variance = NormalisedBf16.apply(images, self.shift, self.eps)
        count = images.numel() // images.shape[1]
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        return result


class LocalResponseNorm(nn.Module):
    """y = x / (1 + α/9 · Σ x²)^¾, the sum over the 9 nearest channels (Krizhevsky et al. 2012).

    α = 1e-3: TensorFlow's `lrn(4, bias=1, alpha=.001/9, beta=.75)`.
    """

    band: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        distance = torch.arange(channels)[:, None] - torch.arange(channels)
        self.register_buffer("band", (distance.abs() <= 4).float(), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, enabled=False):
            normalised: Tensor = _LocalResponseNorm.apply(images, self.band.to(images.dtype))
        return normalised


class _LocalResponseNorm(torch.autograd.Function):
    """The sum over channels as a product with a banded matrix of ones, on rows of channels.

    With d = 1 + s·x²·B and s = α/9, y = x·d^-¾ and dx = g·d^-¾ - 1.5·s · x · ((g·x·d^-1¾)·B), since
    B is symmetric. d^-¾ = r·√r with r = 1/√d: a hundred times as fast as a power. Images keep their
    number format, which holds the ones of B exactly; d itself is always float32, since bf16 has
    nothing between 1 and 1.0078.
    """

    SCALE = 1e-3 / 9

    @staticmethod
    def forward(ctx: Any, images: Tensor, band: Tensor) -> Tensor:
        x = images.permute(0, 2, 3, 1)  # contiguous in channels-last layout
        r = (x.square() @ band).float().mul_(_LocalResponseNorm.SCALE).add_(1).rsqrt_()
        factor = r.sqrt().mul_(r).to(x.dtype)
        ctx.save_for_backward(x, factor, r.square_().to(x.dtype), band)
        return (factor * x).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        x, factor, inverse_d, band = ctx.saved_tensors
        direct = factor * gradient.permute(0, 2, 3, 1)
        shared = (direct * x).mul_(inverse_d) @ band
        scale = _LocalResponseNorm.SCALE
        return direct.addcmul_(shared, x, value=-1.5 * scale).permute(0, 3, 1, 2), None
