#!/usr/bin/env bash
# x.bernoulli_(p) and torch.bernoulli(p) corrupt different labels.
#
# Guess:    with one seed, x.bernoulli_(0.3), torch.bernoulli(torch.full(n, 0.3)) and
#           torch.rand(n) < 0.3 give one mask, or at least the first two do.
# Happens:  there are two streams. A Python number as p (also in torch.bernoulli(x, p) and in dropout)
#           goes to Intel MKL's generator, seeded with one draw from torch's; a tensor as p, of whatever
#           shape, draws from torch's generator itself and equals torch.rand(n) < p. They also advance
#           the generator by different amounts, so that all that is drawn afterwards differs too.
#           Each is nested in p: what is 1 at p = .2 is 1 at p = .3.
# Version:  torch 2.13.0 (CPU, with MKL); 2026-11-28.
# Source:   aten's native/cpu/DistributionKernels.cpp, bernoulli_mkl_kernel for a scalar p against
#           bernoulli_tensor_kernel; torch.bernoulli's page names neither.
# Follows:  make label noise as torch.rand(n) < p, which a build without MKL can repeat; a change from a
#           number to a tensor of probabilities (one p for each class) is another data set.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import torch

N = 50_000


def seeded(draw):
    torch.manual_seed(0)
    return draw().bool(), torch.rand(1).item()


print(f"torch {torch.__version__}, MKL: {torch.backends.mkl.is_available()}")
masks = {
    "rand(n) < .3": seeded(lambda: torch.rand(N) < 0.3),
    "bernoulli(full(.3))": seeded(lambda: torch.bernoulli(torch.full((N,), 0.3))),
    "bernoulli_(tensor(.3))": seeded(lambda: torch.empty(N).bernoulli_(torch.tensor(0.3))),
    "bernoulli_(.3)": seeded(lambda: torch.empty(N).bernoulli_(0.3)),
    "bernoulli(x, .3)": seeded(lambda: torch.bernoulli(torch.empty(N), 0.3)),
}
first, after = masks["rand(n) < .3"]
for name, (mask, then) in masks.items():
    print(f"{name:23} {int(mask.sum())} of {N} corrupted, {int((mask & first).sum())} of them as in "
          f"rand(n) < .3; next draw {then:.4f}")
names = list(masks)
same = [torch.equal(masks[name][0], first) for name in names]
nested = all(
    not (seeded(lambda: torch.empty(N).bernoulli_(p))[0]
         & ~seeded(lambda: torch.empty(N).bernoulli_(q))[0]).any()
    for p, q in ((0.1, 0.2), (0.2, 0.3), (0.4, 0.6))
)
print(f"equal to rand(n) < .3, expected all: {same}; bernoulli_(p) nested in p: {nested}")
held = same == [True, True, True, False, False] and nested and masks["bernoulli_(.3)"][1] != after
raise SystemExit(0 if held else "no longer as stated")
PYTHON
