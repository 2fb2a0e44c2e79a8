"""`compiled`, the decorator of loops that NumPy and PyTorch have no fast operation for.

Numba compiles them at their first call, .2 to 1.5 s each. What it made is kept for the next process
in the folder that `NUMBA_CACHE_DIR` names, which `worker.child` sets to one in the home; without
that nothing is kept. A file that is damaged or cannot be written costs the compiling and no more.

Kept files are found by source, processor and signature: whoever changes the options below has to
delete them.
"""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import numba
from numba.core.caching import FunctionCache


class ForgivingCache(FunctionCache):
    """Numba's own, whose errors would end a run: a full disk's, or those of files cut short."""

    def load_overload(self, *given: Any) -> Any:
        with contextlib.suppress(Exception):
            return super().load_overload(*given)  # type: ignore[no-untyped-call]
        return None

    def save_overload(self, *given: Any) -> None:
        with contextlib.suppress(Exception):
            super().save_overload(*given)  # type: ignore[no-untyped-call]


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` that lets go of Python's lock and divides as NumPy does, its result kept."""

    def decorate(function: Callable[..., Any]) -> Any:
        loop = numba.njit(error_model="numpy", nogil=True, **options)(function)
        if "NUMBA_CACHE_DIR" in os.environ:
            with contextlib.suppress(Exception):  # no folder that can be written
                loop._cache = ForgivingCache(function)  # type: ignore[no-untyped-call]
        return loop

    return decorate


def inlined(function: Callable[..., Any]) -> Any:
    """For loops that call `function` at every number. What is kept does not notice its changes."""
    return numba.njit(inline="always")(function)
