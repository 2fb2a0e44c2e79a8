#!/usr/bin/env bash
# default_rng([seed, 0]) is default_rng(seed).
#
# Guess:    a list as seed is a tuple of independent parts: the generator of (seed 5, epoch 0) is another
#           one than that of seed 5 alone, and so is (5, 0, 0).
# Happens:  the list is cut into 32-bit words and padded with zeros to four, so trailing zeros say nothing:
#           seed 5, [5, 0] and [5, 0, 0, 0] are one stream. Weights drawn from `seed` and the order of
#           epoch 0 drawn from [seed, 0] are the same numbers. And 2^32 + 5 is [5, 1]: a large seed is a
#           small seed's epoch 1. From five words on zeros count.
# Version:  numpy 2.4.6; 2026-11-28.
# Source:   numpy/random/bit_generator.pyx, SeedSequence.mix_entropy (pool of 4 words) and
#           _coerce_to_uint32_array; NumPy's page "Parallel random number generation" recommends lists of
#           a root seed and a worker's number without naming the case 0.
# Follows:  use spawn_key=(epoch,), which pads first and then appends, or start every list with a number
#           that names the purpose and count epochs from 1.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6

venv/bin/python - <<'PYTHON'
import numpy as np
from numpy.random import SeedSequence, default_rng


def same(a, b):
    return bool((default_rng(a).random(8) == default_rng(b).random(8)).all())


print(f"numpy {np.__version__}; expected different each time")
observed = []
for name, a, b in (
    ("5 and [5, 0]", 5, [5, 0]),
    ("5 and [5, 0, 0, 0]", 5, [5, 0, 0, 0]),
    ("5 and [5, 0, 0, 0, 0]", 5, [5, 0, 0, 0, 0]),
    ("2**32 + 5 and [5, 1]", 2**32 + 5, [5, 1]),
    ("5 and 5 with spawn_key (0,)", 5, SeedSequence(5, spawn_key=(0,))),
):
    observed.append(same(a, b))
    print(f"{name:28} equal: {observed[-1]}")
raise SystemExit(0 if observed == [True, True, False, True, False] else "no longer as stated")
PYTHON
