"""Stride-1 convolution with a faster weight gradient on CPUs: Winograd's minimal filtering.

The weight gradient is the slowest third of a convolution there (70 % of the matrix products' speed
where the other two reach all of it), and needs 4 times fewer multiplications for 3×3 kernels, 2.8
times fewer for 5×5, when computed on 6×6 tiles (Lavin and Gray 2016, section 4). Forward pass and
input gradient are PyTorch's. docs/LOG.md has the measurements.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

TILE = 6
POINTS = (0, 1, -1, 2, -2)
"""Where the tiles' polynomials are evaluated; the sixth point is infinity."""
INPUT_TRANSFORM = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
"""Bᵀ of Lavin and Gray, which depends on the points alone."""
MIN_CHANNEL_PRODUCT = 2048
"""Below it the transforms cost more than the multiplications they save. Fixed, not timed."""
CHUNK_BYTES = 2_000_000
"""Transformed tiles worked on at a time: they should stay in the cache."""


class SameConv2d(nn.Conv2d):
    """`nn.Conv2d` with stride 1 and as many outputs as inputs in each direction."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=bias)

    def forward(self, images: Tensor) -> Tensor:
        size = self.kernel_size[0]
        pays = size in (3, 5) and self.in_channels * self.out_channels >= MIN_CHANNEL_PRODUCT
        if not pays or images.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            return super().forward(images)
        result: Tensor = _Convolution.apply(images, self.weight, self.bias)
        return result


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(images, weight)
        size = weight.shape[-1]
        result = F.conv2d(_suited(images, size), _suited(weight, size), bias, padding=size // 2)
        return result.contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        size = weight.shape[-1]
        of_images = of_bias = None
        if ctx.needs_input_grad[0]:
            of_images = conv2d_input(  # type: ignore[no-untyped-call]
                images.shape, _suited(weight, size), _suited(gradient, size), padding=size // 2
            ).contiguous(memory_format=torch.channels_last)
        if ctx.needs_input_grad[2]:
            of_bias = gradient.sum(dim=(0, 2, 3))
        return of_images, weight_gradient(images, gradient, size), of_bias


def _suited(tensor: Tensor, size: int) -> Tensor:
    """Channels-last suits oneDNN's 3×3 kernels, the default layout its 5×5 ones (by a fifth)."""
    return tensor.contiguous(
        memory_format=torch.contiguous_format if size == 5 else torch.channels_last
    )


def weight_gradient(images: Tensor, gradient: Tensor, size: int) -> Tensor:
    """Gradient of a `size`×`size` kernel, 3 or 5, from a convolution with padding size // 2.

    Args:
        images: (n, c, h, w), the convolution's input, best in channels-last layout.
        gradient: (n, k, h, w), of its output.

    Returns:
        (k, c, size, size): Gᵀ[(Bᵀ·d·B) ⊙ (A·g·Aᵀ)]G summed over all 6×6 tiles d of the input and
        (7 - size)×(7 - size) tiles g of the gradient.
    """
    x, g = images.permute(0, 2, 3, 1), gradient.permute(0, 2, 3, 1)
    n, height, width, c = x.shape
    k, step, border = g.shape[-1], TILE + 1 - size, size // 2
    down, across = -(-height // step), -(-width // step)  # tiles
    of_input, of_gradient, back = _transforms(size)
    below, right = down * step - height, across * step - width
    total = x.new_zeros(TILE * TILE, c, k)
    chunk = max(1, CHUNK_BYTES // (down * across * max(c, k) * TILE * TILE * 4))
    for start in range(0, n, chunk):
        part = F.pad(
            x[start : start + chunk], (0, 0, border, right + border, border, below + border)
        )
        tiles = part.unfold(1, TILE, step).unfold(2, TILE, step).permute(4, 5, 0, 1, 2, 3)
        left = (of_input @ tiles.reshape(TILE * TILE, -1)).view(TILE * TILE, -1, c)
        part = F.pad(g[start : start + chunk], (0, 0, 0, right, 0, below))
        tiles = part.view(-1, down, step, across, step, k).permute(2, 4, 0, 1, 3, 5)
        other = (of_gradient @ tiles.reshape(step * step, -1)).view(TILE * TILE, -1, k)
        total.baddbmm_(left.transpose(1, 2), other)
    return (back @ total.view(TILE * TILE, -1)).view(size, size, c, k).permute(3, 2, 0, 1)


@cache
def _transforms(size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The two-dimensional Bᵀ, A and Gᵀ for kernels of `size`, as products of one-dimensional ones.

    Row i of G is the i-th point's powers over the product of its differences to the other points,
    row i of A its powers; infinity sees the highest power alone.
    """
    outputs = TILE + 1 - size
    weights = [Fraction(1, prod(p - q for q in POINTS if q != p)) for p in POINTS]
    of_kernel = [[p**j * w for j in range(size)] for p, w in zip(POINTS, weights, strict=True)]
    of_output = [[p**j for j in range(outputs)] for p in POINTS]
    of_kernel.append([Fraction(j == size - 1) for j in range(size)])
    of_output.append([int(j == outputs - 1) for j in range(outputs)])

    def both(matrix: Sequence[Sequence[int | Fraction]]) -> Tensor:
        exact = torch.tensor([[float(v) for v in row] for row in matrix], dtype=torch.float64)
        return torch.kron(exact, exact).float()

    return both(INPUT_TRANSFORM), both(of_output), both(of_kernel).t().contiguous()
