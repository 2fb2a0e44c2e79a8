#!/usr/bin/env bash
# float8 makes a diverged value finite again, in PyTorch and in one of its two formats.
#
# Guess:    a cast keeps infinity recognisable: infinity, or NaN in float8_e4m3fn, which has no infinity;
#           so isfinite() after the cast still finds what diverged. ml_dtypes (NumPy, JAX) agrees.
# Happens:  torch casts everything above 464, infinity included, to 448, the largest float8_e4m3fn; only
#           NaN stays NaN. float8_e5m2 overflows to infinity as usual. ml_dtypes gives NaN. The unsigned
#           float8_e8m0fnu scales and float8_e4m3fnuz give NaN in torch too.
# Version:  torch 2.13.0 (CPU), ml_dtypes 0.6.0; 2026-11-28.
# Source:   PyTorch's header torch/headeronly/util/Float8_e4m3fn.h, the cast from float32: what
#           is too large saturates, only NaN stays NaN; ml_dtypes' README, table of float8 formats.
# Follows:  test for divergence before a cast to float8_e4m3fn, never after; weights quantised by torch
#           and by JAX differ above 464.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 ml_dtypes==0.6.0 \
    numpy==2.4.6

venv/bin/python - <<'PYTHON'
import ml_dtypes
import numpy as np
import torch

values = [440.0, 460.0, 480.0, 1e6, float("inf"), float("nan")]
print(f"torch {torch.__version__}, ml_dtypes {ml_dtypes.__version__}; cast of {values}")
results = {}
for name in ("float8_e4m3fn", "float8_e5m2"):
    ours = torch.tensor(values).to(getattr(torch, name)).float()
    theirs = np.array(values, "float32").astype(getattr(ml_dtypes, name)).astype("float32")
    results[name] = ours, theirs
    print(f"{name:14} torch {ours.tolist()}")
    print(f"{'':14} numpy {theirs.tolist()}")
diverged, theirs = results["float8_e4m3fn"]
print(f"finite, expected 2 of 6: torch {int(torch.isfinite(diverged).sum())}, "
      f"ml_dtypes {int(np.isfinite(theirs).sum())}")
held = diverged[:5].tolist() == [448.0] * 5 and bool(diverged[5].isnan())
held &= int(np.isfinite(theirs).sum()) == 2
held &= results["float8_e5m2"][0].isinf().tolist() == [False, False, False, True, True, False]
raise SystemExit(0 if held else "no longer as stated")
PYTHON
