"""SGD on a CPU in bf16: one loop in place of several of PyTorch's operations.

Every number is updated by itself, so that any number of threads gives the same bits.
"""

from typing import Any

import numpy as np
from numba import prange
from torch import Tensor

from worker.training.bf16 import bits, narrow, threads, widen
from worker.training.compiled import compiled


class SgdBf16:
    """v ← μ·v + g + wd·w;  w ← w - lr·v;  rounded ← w, in one pass on torch's number of threads.

    PyTorch's own operations take three, which move by count half as much memory again.
    """

    def __init__(
        self, weights: Tensor, velocity: Tensor, gradient: Tensor, rounded: Tensor
    ) -> None:
        """Tensors in a CPU's memory, which are read and written where they are.

        Args:
            weights, velocity: float32 (p,).
            gradient, rounded: bfloat16 (p,).
        """
        self._arrays = weights.numpy(), velocity.numpy(), bits(gradient), bits(rounded)

    def __call__(self, rate: float, momentum: float, weight_decay: float) -> None:
        numbers = np.float32(rate), np.float32(momentum), np.float32(weight_decay)
        _sgd_parts(*self._arrays, *numbers, threads())


@compiled()
def _sgd(w: Any, v: Any, g: Any, rounded: Any, rate: Any, momentum: Any, decay: Any) -> None:
    for i in range(w.size):
        velocity = momentum * v[i] + (widen(g[i]) + decay * w[i])
        weight = w[i] - rate * velocity
        v[i] = velocity
        w[i] = weight
        rounded[i] = narrow(weight)


@compiled(parallel=True)
def _sgd_parts(
    w: Any, v: Any, g: Any, rounded: Any, rate: Any, momentum: Any, decay: Any, parts: int
) -> None:
    length = (w.size + parts - 1) // parts
    for part in prange(parts):
        first, last = part * length, min(w.size, (part + 1) * length)
        _sgd(
            w[first:last], v[first:last], g[first:last], rounded[first:last], rate, momentum, decay
        )
