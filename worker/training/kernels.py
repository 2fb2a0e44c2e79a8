"""SGD on a CPU in bf16: one loop in place of several of PyTorch's operations.

Notable choices:
- Arithmetic is float32 in the order written: without `fastmath` Numba contracts and reorders
  nothing, so that every processor and any number of threads gives the same bits.
- With OpenMP the loop runs on PyTorch's threads, whose library is loaded before: no second pool
  waits for the same cores.
- bf16 is what NumPy does not have: its bits travel as uint16, the upper half of a float32's.
"""

from typing import Any

import numba
import numpy as np
import torch
from numba import prange
from torch import Tensor

from worker.training.compiled import compiled

NAN = np.uint16(0x7FC0)
MOST_THREADS = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]


def start_threads() -> None:
    """Start Numba's threads, once a process.

    With OpenMP they are PyTorch's, and how many there are, which is part of a run's trajectory,
    would be as many as there could be from then on.
    """
    threads = torch.get_num_threads()
    numba.config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]  # type: ignore[attr-defined]
    numba.set_num_threads(1)
    torch.set_num_threads(threads)


start_threads()


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
        bits = gradient.view(torch.uint16), rounded.view(torch.uint16)
        self._arrays = [tensor.numpy() for tensor in (weights, velocity, *bits)]

    def __call__(self, rate: float, momentum: float, weight_decay: float) -> None:
        threads = min(torch.get_num_threads(), MOST_THREADS)
        numba.set_num_threads(threads)
        numbers = np.float32(rate), np.float32(momentum), np.float32(weight_decay)
        _sgd_parts(*self._arrays, *numbers, threads)


@compiled()
def _sgd(w: Any, v: Any, g: Any, rounded: Any, rate: Any, momentum: Any, decay: Any) -> None:
    for i in range(w.size):
        gradient = np.uint32(np.uint32(g[i]) << np.uint32(16)).view(np.float32)
        velocity = momentum * v[i] + (gradient + decay * w[i])
        weight = w[i] - rate * velocity
        v[i] = velocity
        w[i] = weight
        # To the nearest, and to the even one of two (IEEE 754).
        bits = np.float32(weight).view(np.uint32)
        odd = (bits >> np.uint32(16)) & np.uint32(1)
        upper = np.uint16((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))
        rounded[i] = upper if weight == weight else NAN  # noqa: PLR0124


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
