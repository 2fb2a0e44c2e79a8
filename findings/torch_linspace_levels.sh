#!/usr/bin/env bash
# PyTorch's noise levels are not NumPy's.
#
# Guess:    linspace(0, 1, 11) in float64 is the same eleven numbers in torch, NumPy, JAX and polars.
# Happens:  torch gives 0.6 and 0.7, NumPy (and JAX, polars, i * 0.1 in Python) 0.6000000000000001 and
#           0.7000000000000001: torch computes the upper half from the end. torch.arange(0, 1.05, 0.1)
#           does as NumPy does, so torch does not agree with itself. Both give 0.30000000000000004, so
#           neither equals the eleven literals.
# Version:  torch 2.13.0 (CPU), numpy 2.4.6; 2026-11-28.
# Source:   aten's native/cpu/RangeFactoriesKernel.cpp, linspace: below the halfway index start + i * step,
#           from there on end - (steps - i - 1) * step.
# Follows:  a dictionary, a join or a hash of runs keyed by p misses levels made the other way: write
#           levels as i / 10, which is the nearest float to each decimal, or round before a key is made.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import numpy as np
import torch

literals = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
levels = {
    "i / 10": [i / 10 for i in range(11)],
    "torch.linspace": torch.linspace(0, 1, 11, dtype=torch.float64).tolist(),
    "torch.arange": torch.arange(0, 1.05, 0.1, dtype=torch.float64).tolist(),
    "numpy.linspace": np.linspace(0, 1, 11).tolist(),
}
print(f"torch {torch.__version__}, numpy {np.__version__}: unequal to their literal, expected none")
misses = {}
for name, values in levels.items():
    misses[name] = [a for a, b in zip(values, literals, strict=True) if a != b]
    print(f"{name:15} {misses[name]}")
held = misses["i / 10"] == [] and misses["torch.linspace"] == [0.30000000000000004]
held &= misses["numpy.linspace"] == misses["torch.arange"] == [
    0.30000000000000004, 0.6000000000000001, 0.7000000000000001
]
raise SystemExit(0 if held else "no longer as stated")
PYTHON
