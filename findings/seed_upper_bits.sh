#!/usr/bin/env bash
# A 64-bit seed is a 32-bit seed.
#
# Guess:    torch.manual_seed and jax.random.key take 64-bit integers, so seeds taken from a hash
#           (of a spec, of a run's name) practically never collide.
# Happens:  PyTorch's CPU generator is a Mersenne Twister that keeps the lower 32 bits of the seed, and
#           JAX drops the upper 32 bits unless x64 is enabled: s and s + 2^32 give the same numbers,
#           without a warning. Among 77,000 hashed seeds two are equal as likely as not, and seeds
#           whose number sits in the upper half (run << 32) are all equal. NumPy uses every bit.
# Version:  torch 2.13.0 (CPU), jax 0.10.2, numpy 2.4.6; 2026-11-28.
# Source:   PyTorch's header ATen/core/MT19937RNGEngine.h, init_with_uint32; JAX's
#           jax/_src/random/prng.py, random_seed, which takes 64 bits and lets 32-bit mode cut them.
# Follows:  reduce the hash to 32 bits yourself by mixing (upper XOR lower, or a second hash), or put
#           what must differ into the lower half.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 jax==0.10.2 jaxlib==0.10.2 \
    numpy==2.4.6

venv/bin/python - <<'PYTHON'
import jax
import numpy as np
import torch

low, high = 7, 7 + 2**32
draws = {
    f"torch {torch.__version__}": lambda s: torch.rand(
        3, generator=torch.Generator().manual_seed(s)
    ).tolist(),
    f"jax {jax.__version__}": lambda s: jax.random.uniform(jax.random.key(s), (3,)).tolist(),
    f"numpy {np.__version__}": lambda s: np.random.default_rng(s).random(3).tolist(),
}
equal = []
for name, draw in draws.items():
    equal.append(draw(low) == draw(high))
    print(f"{name}: seeds 7 and 7 + 2^32: expected different, equal: {equal[-1]}  {draw(high)}")
raise SystemExit(0 if equal == [True, True, False] else "no longer as stated")
PYTHON
