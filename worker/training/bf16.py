"""bf16 in compiled loops on a CPU, and the threads that such loops run on.

Notable choices:
- bf16 is what NumPy does not have: its bits travel as uint16, the upper half of a float32's.
- Arithmetic is float32 in the order written: without `fastmath` Numba contracts and reorders
  nothing, so that every processor gives the same bits.
- With OpenMP loops run on PyTorch's threads, whose library is loaded before: no second pool waits
  for the same cores.
"""

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from worker.training.compiled import inlined

HALF = np.uint32(16)
"""Bits of a float32 that a bf16 does not have."""
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


def threads() -> int:
    """Make the loops called next run on PyTorch's number of threads, and return it."""
    number = min(torch.get_num_threads(), MOST_THREADS)
    numba.set_num_threads(number)
    return number


def bits(tensor: Tensor) -> Any:
    """The uint16 array that lies where a CPU's bfloat16 `tensor` does."""
    return tensor.detach().view(torch.uint16).numpy()


@inlined
def widen(number: Any) -> Any:
    """The float32 of a bf16's bits."""
    return np.uint32(np.uint32(number) << HALF).view(np.float32)


@inlined
def narrow(number: Any) -> Any:
    """The bits of the bf16 nearest to a float32, the even one of two (IEEE 754)."""
    whole = np.float32(number).view(np.uint32)
    odd = (whole >> HALF) & np.uint32(1)
    upper = np.uint16((whole + np.uint32(0x7FFF) + odd) >> HALF)
    return upper if number == number else NAN  # noqa: PLR0124
