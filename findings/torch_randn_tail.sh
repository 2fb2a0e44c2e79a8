#!/usr/bin/env bash
# One image less changes the noise of the images before it.
#
# Guess:    with one seed torch.randn(n) is the beginning of torch.randn(m), m > n, so that noise for the
#           first n images stays what it was when the data set grows or a subset is taken.
# Happens:  the CPU fills blocks of 16 and, where n is no multiple of 16, draws the *last 16* values
#           once more, over values that were already there. randn(17) agrees with randn(64) in one
#           value, randn(24) in eight, randn(32) in all. Below 16 another algorithm gives numbers that
#           agree in none. torch.rand does have the property.
# Version:  torch 2.13.0 (CPU); 2026-11-28.
# Source:   aten's native/cpu/DistributionTemplates.h, normal_fill, the branch for sizes that
#           are no multiple of 16.
# Follows:  draw nested noise image by image from (seed, index), or pad the number of values to a
#           multiple of 16 and cut; never compare runs on a subset with runs on the whole by seed alone.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import torch


def agree(draw, n):
    torch.manual_seed(0)
    short = draw(n)
    torch.manual_seed(0)
    return int((short == draw(64)[:n]).cumprod(0).sum())


print(f"torch {torch.__version__}: values of the first n that agree with a draw of 64")
observed = {n: (agree(torch.rand, n), agree(torch.randn, n)) for n in (8, 16, 17, 24, 32, 40, 48)}
for n, (uniform, normal) in observed.items():
    print(f"n = {n:2}: expected {n:2}; rand {uniform:2}, randn {normal:2}")

torch.manual_seed(0)
larger = torch.randn(1000, 10)
torch.manual_seed(0)
smaller = torch.randn(999, 10)
changed = (larger[:999] != smaller).any(1).nonzero().flatten().tolist()
print(f"999 rows of 10 in place of 1000: rows that changed, expected none: {changed}")

held = all(uniform == n for n, (uniform, _) in observed.items()) and changed == [997, 998]
held &= [normal for _, normal in observed.values()] == [0, 16, 1, 8, 32, 24, 48]
raise SystemExit(0 if held else "no longer as stated")
PYTHON
