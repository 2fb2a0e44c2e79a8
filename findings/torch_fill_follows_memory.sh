#!/usr/bin/env bash
# channels_last changes the initial weights and the dropout masks of a seed.
#
# Guess:    memory format is about speed: channels_last holds the same numbers at the same indices, so
#           the same seed gives the same initial weights and the same dropout.
# Happens:  on the CPU every random fill goes in the order of the memory, not of the indices. Dropout on
#           a channels_last tensor drops other units, and torch.nn.init.* on a channels_last weight
#           gives other weights. uniform_ gives the same numbers permuted; normal_ other numbers
#           altogether, since a contiguous tensor of 16 or more takes a vectorised path. Only
#           Conv2d.reset_parameters() is protected: it fills a contiguous copy.
# Version:  torch 2.13.0 (CPU); 2026-11-28.
# Source:   torch/nn/modules/conv.py, _ConvNd.reset_parameters, the branch for weights
#           that are not contiguous; torch/nn/init.py has no such copy; aten's cpu/DistributionTemplates.h,
#           normal_fill for contiguous tensors of 16 and more.
# Follows:  initialise before .to(memory_format=torch.channels_last), and count the memory format as
#           part of what a seed means wherever there is dropout: switching it for speed starts another
#           trajectory.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import torch
from torch import nn
from torch.nn import functional as F

PLAIN, LAST = torch.contiguous_format, torch.channels_last


def seeded(fill, memory_format):
    x = torch.ones(16, 8, 5, 5).to(memory_format=memory_format)
    torch.manual_seed(0)
    return fill(x)


def conv(memory_format, reset):
    layer = nn.Conv2d(8, 16, 5).to(memory_format=memory_format)
    torch.manual_seed(0)
    reset(layer)
    return layer.weight.detach()


print(f"torch {torch.__version__}; the same seed, contiguous and channels_last, expected equal:")
held = True
for name, fill, permuted in (
    ("dropout(p=.05)", lambda x: F.dropout(x, 0.05), True),
    ("uniform_", lambda x: x.uniform_(), True),
    ("normal_", lambda x: x.normal_(), False),
    ("init.kaiming_normal_", nn.init.kaiming_normal_, False),
    ("init.trunc_normal_", nn.init.trunc_normal_, False),
):
    plain, last = seeded(fill, PLAIN), seeded(fill, LAST)
    same = torch.equal(plain, last)
    moved = torch.equal(plain.flatten(), last.permute(0, 2, 3, 1).flatten())
    print(f"  {name:22} equal: {same}, the same numbers in the order of the memory: {moved}")
    held &= not same and moved == permuted
reset = torch.equal(*(conv(f, lambda c: c.reset_parameters()) for f in (PLAIN, LAST)))
init = torch.equal(*(conv(f, lambda c: nn.init.kaiming_uniform_(c.weight)) for f in (PLAIN, LAST)))
print(f"  Conv2d.reset_parameters equal: {reset}; nn.init on the same layer's weight: {init}")
raise SystemExit(0 if held and reset and not init else "no longer as stated")
PYTHON
