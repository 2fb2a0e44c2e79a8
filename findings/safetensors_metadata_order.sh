#!/usr/bin/env bash
# The same tensors and the same metadata make another file each time.
#
# Guess:    safetensors is a plain format, a header and the raw tensors, so that saving equal content
#           twice gives equal bytes, and a checkpoint's SHA-256 says what is in it.
# Happens:  the order of the `metadata` entries in the header changes from one call to the next, in
#           one process too. Tensors are sorted; metadata is a hash map with a random seed. With none
#           or one entry the bytes are equal.
# Version:  safetensors 0.8.0; 2026-11-28.
# Source:   the crate's file tensor.rs: `Metadata.metadata` is an `Option<HashMap<String, String>>`,
#           which serde writes in iteration order, while tensors are sorted by dtype and name.
# Follows:  give metadata one entry (a JSON text with sorted keys) where files are compared,
#           deduplicated or addressed by hash; or hash the tensors and not the file.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import hashlib

import numpy as np
import safetensors
from safetensors.numpy import save

weights = {"conv.weight": np.ones((2, 3), "float32"), "conv.bias": np.zeros(2, "float32")}
many = {"epoch": "3", "seed": "0", "model": "mlp", "dataset": "cifar10", "dtype": "float32"}


def hashes(metadata):
    return {hashlib.sha256(save(weights, metadata=metadata)).hexdigest()[:12] for _ in range(40)}


print(f"safetensors {safetensors.__version__}: distinct files of 40 saves of the same content")
none, one, five = hashes(None), hashes({"about": str(many)}), hashes(many)
print(f"no metadata   expected 1, got {len(none)}")
print(f"one entry     expected 1, got {len(one)}")
print(f"five entries  expected 1, got {len(five)}: {sorted(five)[:3]} ...")
held = len(none) == 1 and len(one) == 1 and len(five) > 1
raise SystemExit(0 if held else "no longer as stated")
PYTHON
