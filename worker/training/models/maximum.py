"""The 3×3/2 maximum of bf16 images on a CPU, compiled: PyTorch's bits in half its time.

Notable choices:
- Where each maximum was is kept as one byte, the position in its window, in place of eight.
- Backwards each pixel collects what its windows send it, at most four, and is written once;
  PyTorch's images are filled with zeros, and then added to.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numba import prange
from torch import Tensor

from worker.training.bf16 import bits, narrow, threads, widen
from worker.training.compiled import compiled, inlined


class MaximumBf16(torch.autograd.Function):
    """`F.max_pool2d(images, 3, 2, padding, ceil_mode=True)` of channels-last bf16 images."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, padding: int) -> Tensor:
        n, c, height, width = images.shape
        size = ((height + 2 * padding - 2) // 2 + 1, (width + 2 * padding - 2) // 2 + 1)
        maxima = _empty((n, c, *size))
        places = torch.empty_like(maxima, dtype=torch.uint8)
        _maxima_parts(
            bits(_rows(images)), bits(_rows(maxima)), _rows(places).numpy(), padding, threads()
        )
        ctx.save_for_backward(places)
        ctx.shape, ctx.padding = images.shape, padding
        return maxima

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (places,) = ctx.saved_tensors
        found = _empty(ctx.shape)
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        _collect_parts(
            bits(_rows(gradient)), _rows(places).numpy(), bits(_rows(found)), ctx.padding, threads()
        )
        return found, None


def _empty(shape: Sequence[int]) -> Tensor:
    return torch.empty(shape, dtype=torch.bfloat16, memory_format=torch.channels_last)


def _rows(images: Tensor) -> Tensor:
    """(n, h, w, c), in the order of a channels-last tensor's memory."""
    return images.permute(0, 2, 3, 1)


@compiled(parallel=True)
def _maxima_parts(images: Any, maxima: Any, places: Any, padding: int, parts: int) -> None:
    length = (len(images) + parts - 1) // parts
    for part in prange(parts):
        for i in range(part * length, min(len(images), (part + 1) * length)):
            _maxima(images[i], maxima[i], places[i], padding)


@compiled()
def _maxima(x: Any, maxima: Any, places: Any, padding: int) -> None:
    """Of an image (h, w, c). Beyond the border a window sees the pixel at the border once more."""
    bottom, right = x.shape[0] - 1, x.shape[1] - 1
    for a in range(maxima.shape[0]):
        top = 2 * a - padding
        i, j, k = max(top, 0), min(top + 1, bottom), min(top + 2, bottom)
        for b in range(maxima.shape[1]):
            left = 2 * b - padding
            u, v, w = max(left, 0), min(left + 1, right), min(left + 2, right)
            d, e, f = 3 * (i - top) - left, 3 * (j - top) - left, 3 * (k - top) - left
            _maximum(
                maxima[a, b], places[a, b],
                x[i, u], d + u, x[i, v], d + v, x[i, w], d + w,
                x[j, u], e + u, x[j, v], e + v, x[j, w], e + w,
                x[k, u], f + u, x[k, v], f + v, x[k, w], f + w,
            )  # fmt: skip


@compiled()
def _maximum(
    maximum: Any, place: Any,
    x0: Any, p0: int, x1: Any, p1: int, x2: Any, p2: int,
    x3: Any, p3: int, x4: Any, p4: int, x5: Any, p5: int,
    x6: Any, p6: int, x7: Any, p7: int, x8: Any, p8: int,
) -> None:  # fmt: skip
    """Of nine pixels (c,) and their places in the window, all read at once: it is vectorised."""
    for q in range(maximum.size):
        best = widen(x0[q]), np.uint8(p0)
        best = _greater(best, x1[q], np.uint8(p1))
        best = _greater(best, x2[q], np.uint8(p2))
        best = _greater(best, x3[q], np.uint8(p3))
        best = _greater(best, x4[q], np.uint8(p4))
        best = _greater(best, x5[q], np.uint8(p5))
        best = _greater(best, x6[q], np.uint8(p6))
        best = _greater(best, x7[q], np.uint8(p7))
        best = _greater(best, x8[q], np.uint8(p8))
        maximum[q], place[q] = narrow(best[0]), best[1]


@inlined
def _greater(best: Any, number: Any, place: Any) -> Any:
    """Of two (value, place), the first of equal ones, and the last NaN: as PyTorch has it."""
    value = widen(number)
    is_greater = (value > best[0]) | (value != value)  # noqa: PLR0124
    return (value, place) if is_greater else best


@compiled(parallel=True)
def _collect_parts(gradients: Any, places: Any, found: Any, padding: int, parts: int) -> None:
    length = (len(found) + parts - 1) // parts
    for part in prange(parts):
        for i in range(part * length, min(len(found), (part + 1) * length)):
            _collect(gradients[i], places[i], found[i], padding)


@compiled()
def _collect(g: Any, places: Any, found: Any, padding: int) -> None:
    """To each pixel of an image (h, w, c) the gradients of the windows whose maximum it was."""
    down, across, _ = g.shape
    for i in range(found.shape[0]):
        top = i + padding
        a, b = max(0, (top - 1) // 2), min(down - 1, top // 2)
        for j in range(found.shape[1]):
            left = j + padding
            u, v = max(0, (left - 1) // 2), min(across - 1, left // 2)
            p = 3 * (top - 2 * a) + left - 2 * u
            if a == b and u == v:
                _one(found[i, j], g[a, u], places[a, u], p)
            elif a == b:
                _two(found[i, j], g[a, u], places[a, u], p, g[a, v], places[a, v], p - 2)
            elif u == v:
                _two(found[i, j], g[a, u], places[a, u], p, g[b, u], places[b, u], p - 6)
            else:
                _four(
                    found[i, j],
                    g[a, u], places[a, u], p, g[a, v], places[a, v], p - 2,
                    g[b, u], places[b, u], p - 6, g[b, v], places[b, v], p - 8,
                )  # fmt: skip


@compiled()
def _one(found: Any, g: Any, place: Any, p: int) -> None:
    for q in range(found.size):
        found[q] = narrow(_sent(g[q], place[q], np.uint8(p)))


@compiled()
def _two(found: Any, g0: Any, place0: Any, p0: int, g1: Any, place1: Any, p1: int) -> None:
    for q in range(found.size):
        total = _sent(g0[q], place0[q], np.uint8(p0)) + _sent(g1[q], place1[q], np.uint8(p1))
        found[q] = narrow(total)


@compiled()
def _four(
    found: Any,
    g0: Any, place0: Any, p0: int, g1: Any, place1: Any, p1: int,
    g2: Any, place2: Any, p2: int, g3: Any, place3: Any, p3: int,
) -> None:  # fmt: skip
    """The sum is rounded after each addition, in the order of the windows, as PyTorch does."""
    for q in range(found.size):
        total = _sent(g0[q], place0[q], np.uint8(p0)) + _sent(g1[q], place1[q], np.uint8(p1))
        total = widen(narrow(total)) + _sent(g2[q], place2[q], np.uint8(p2))
        total = widen(narrow(total)) + _sent(g3[q], place3[q], np.uint8(p3))
        found[q] = narrow(total)


@inlined
def _sent(number: Any, place: Any, p: Any) -> Any:
    """The gradient of a window if its maximum was at place p of it, else 0."""
    gradient = widen(number)  # read in any case, or the loop is not vectorised
    return gradient if place == p else np.float32(0)
