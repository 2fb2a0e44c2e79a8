"""Batch normalisation with a shift, then ReLU, of bf16 images on a CPU, compiled.

Ioffe and Szegedy 2015: algorithm 1 with γ = 1, and the gradients of section 3. It is memory that
these wait for: images are read three times and written once, backwards images and gradient are read
twice and one is written. PyTorch's operations move half as much again.

Notable choices:
- What ReLU lets through is found anew from the images: its result is not needed for that.
- Mean and variance take a pass each, so that nothing cancels. Sums are float32, of few numbers each
  before they are added up.
- Inner loops are long and take four rows at once, else they cost more than their arithmetic.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numba import prange
from torch import Tensor

from worker.training.bf16 import bits, narrow, threads, widen
from worker.training.compiled import compiled, inlined

LONG = 1024
"""Length of inner loops: as many rows of channels as are at least so long are taken as one."""


class NormalisedBf16(torch.autograd.Function):
    """max(0, (x - E[x]) / √(Var[x] + ε) + β), the mean and biased variance those of the images."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, shift: Tensor, eps: float) -> tuple[Tensor, ...]:
        """Of channels-last bf16 `images` (n, c, h, w) and float32 `shift` (c,).

        Returns:
            The result, like `images`, and mean and variance, float32 (c,).
        """
        c, count = images.shape[1], images.numel() // images.shape[1]
        rows = _long_rows(images)
        mean = _sums(_sum, 1, c, rows)[0] / count
        variance = _sums(_squares, 1, c, rows, *_long(rows, mean))[0] / count
        ctx.save_for_backward(images, shift, mean, variance)
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, variance)
        return normalised(images, mean, variance, shift, eps), mean, variance

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, None]:
        """With s = 1/√(Var[x] + ε) and g the gradient where ReLU lets it through:

        ∂x = s·(g - E[g] - s²·(x - E[x])·E[g·(x - E[x])]) and ∂β = Σ g.
        """
        images, shift, mean, variance = ctx.saved_tensors
        c, count = images.shape[1], images.numel() // images.shape[1]
        scale, offset = _line(mean, variance, shift, ctx.eps)
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        found = torch.empty_like(images)
        rows, of_rows = _long_rows(images), _long_rows(gradient)
        line = _long(rows, scale, offset)
        of_shift, product = _sums(_gradients, 2, c, rows, of_rows, *line, *_long(rows, mean))
        slope = -(scale**3) * product / count
        level = -slope * mean - scale * of_shift / count
        number = threads()
        _back(rows, of_rows, _long_rows(found), *line, *_long(rows, slope, level), number)
        return found, of_shift, None


def normalised(images: Tensor, mean: Tensor, variance: Tensor, shift: Tensor, eps: float) -> Tensor:
    """The same with given mean and variance, float32 (c,), as in evaluation."""
    result = torch.empty_like(images)
    rows = _long_rows(images)
    line = _long(rows, *_line(mean, variance, shift, eps))
    _apply(rows, _long_rows(result), *line, threads())
    return result


def _line(mean: Tensor, variance: Tensor, shift: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Normalisation as scale · x + offset, each (c,)."""
    scale = torch.rsqrt(variance + eps)
    return scale, shift.detach() - mean * scale


def _long_rows(images: Tensor) -> Any:
    """Channels-last bf16 (n, c, h, w) as bits (n·h·w / k, k·c), k a power of two: no copy."""
    count, c = images.numel() // images.shape[1], images.shape[1]
    together = 1
    while together * c < LONG and count % (2 * together) == 0:
        together *= 2
    return bits(images).transpose(0, 2, 3, 1).reshape(-1, together * c)


def _long(rows: Any, *vectors: Tensor) -> list[Any]:
    """Numbers (c,) repeated as channels are in a row."""
    return [np.tile(vector.numpy(), rows.shape[1] // len(vector)) for vector in vectors]


def _sums(loop: Callable[..., None], sums: int, c: int, *given: Any) -> Tensor:
    """What `loop` adds up for each channel, (sums, c)."""
    number = threads()
    found = np.zeros((sums, number, given[0].shape[1]), np.float32)
    loop(*given, *found, number)
    return torch.from_numpy(found).view(sums, -1, c).sum(1)


@inlined
def _part(rows: int, part: int, parts: int) -> Any:
    """First row of a part, and first after it: whole fours but for the last part."""
    length = (rows + 4 * parts - 1) // (4 * parts) * 4
    return min(rows, part * length), min(rows, (part + 1) * length)


@inlined
def _through(number: Any, gradient: Any, scale: Any, offset: Any) -> Any:
    """The gradient, where ReLU let its number through."""
    found = widen(gradient)
    return np.float32(0) if scale * widen(number) + offset <= 0 else found


@compiled(parallel=True)
def _sum(x: Any, total: Any, parts: int) -> None:
    for part in prange(parts):
        first, last = _part(len(x), part, parts)
        _sum_part(x[first:last], total[part])


@compiled()
def _sum_part(x: Any, total: Any) -> None:
    for i in range(0, len(x) - 3, 4):
        for j in range(total.size):
            pair = widen(x[i, j]) + widen(x[i + 1, j])
            total[j] += pair + (widen(x[i + 2, j]) + widen(x[i + 3, j]))
    for i in range(len(x) // 4 * 4, len(x)):
        for j in range(total.size):
            total[j] += widen(x[i, j])


@compiled(parallel=True)
def _squares(x: Any, mean: Any, total: Any, parts: int) -> None:
    for part in prange(parts):
        first, last = _part(len(x), part, parts)
        _squares_part(x[first:last], mean, total[part])


@compiled()
def _squares_part(x: Any, mean: Any, total: Any) -> None:
    for i in range(0, len(x) - 3, 4):
        for j in range(total.size):
            m = mean[j]
            a, b = widen(x[i, j]) - m, widen(x[i + 1, j]) - m
            c, d = widen(x[i + 2, j]) - m, widen(x[i + 3, j]) - m
            total[j] += (a * a + b * b) + (c * c + d * d)
    for i in range(len(x) // 4 * 4, len(x)):
        for j in range(total.size):
            a = widen(x[i, j]) - mean[j]
            total[j] += a * a


@compiled(parallel=True)
def _gradients(
    x: Any, g: Any, scale: Any, offset: Any, mean: Any, total: Any, product: Any, parts: int
) -> None:
    for part in prange(parts):
        first, last = _part(len(x), part, parts)
        _gradients_part(
            x[first:last], g[first:last], scale, offset, mean, total[part], product[part]
        )


@compiled()
def _gradients_part(
    x: Any, g: Any, scale: Any, offset: Any, mean: Any, total: Any, product: Any
) -> None:
    for i in range(0, len(x) - 3, 4):
        for j in range(total.size):
            s, o, m = scale[j], offset[j], mean[j]
            a = _through(x[i, j], g[i, j], s, o)
            b = _through(x[i + 1, j], g[i + 1, j], s, o)
            c = _through(x[i + 2, j], g[i + 2, j], s, o)
            d = _through(x[i + 3, j], g[i + 3, j], s, o)
            total[j] += (a + b) + (c + d)
            pair = a * (widen(x[i, j]) - m) + b * (widen(x[i + 1, j]) - m)
            product[j] += pair + (c * (widen(x[i + 2, j]) - m) + d * (widen(x[i + 3, j]) - m))
    for i in range(len(x) // 4 * 4, len(x)):
        for j in range(total.size):
            a = _through(x[i, j], g[i, j], scale[j], offset[j])
            total[j] += a
            product[j] += a * (widen(x[i, j]) - mean[j])


@compiled(parallel=True)
def _apply(x: Any, result: Any, scale: Any, offset: Any, parts: int) -> None:
    for part in prange(parts):
        first, last = _part(len(x), part, parts)
        _apply_part(x[first:last], result[first:last], scale, offset)


@compiled()
def _apply_part(x: Any, result: Any, scale: Any, offset: Any) -> None:
    for i in range(len(x)):
        for j in range(scale.size):
            value = scale[j] * widen(x[i, j]) + offset[j]
            result[i, j] = narrow(np.float32(0) if value <= 0 else value)


@compiled(parallel=True)
def _back(
    x: Any, g: Any, found: Any, scale: Any, offset: Any, slope: Any, level: Any, parts: int
) -> None:
    for part in prange(parts):
        first, last = _part(len(x), part, parts)
        _back_part(x[first:last], g[first:last], found[first:last], scale, offset, slope, level)


@compiled()
def _back_part(x: Any, g: Any, found: Any, scale: Any, offset: Any, slope: Any, level: Any) -> None:
    for i in range(len(x)):
        for j in range(scale.size):
            let_through = _through(x[i, j], g[i, j], scale[j], offset[j])
            found[i, j] = narrow(scale[j] * let_through + (slope[j] * widen(x[i, j]) + level[j]))
