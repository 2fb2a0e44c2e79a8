"""`compiled`, the decorator of loops that NumPy and PyTorch have no fast operation for.

Numba compiles them when they are first needed, 2.5 s for all. What it made is kept for the next
process in the folder that `NUMBA_CACHE_DIR` names, as it does for trainers: not beside the source,
where nothing may be writable.
"""

import os
from functools import partial

import numba

compiled = partial(
    numba.njit, error_model="numpy", nogil=True, cache="NUMBA_CACHE_DIR" in os.environ
)
