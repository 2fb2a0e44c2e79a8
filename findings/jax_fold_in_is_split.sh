#!/usr/bin/env bash
# jax.random.fold_in(key, i) is jax.random.split(key, n)[i].
#
# Guess:    split and fold_in derive independent keys, so that one may take split keys for the initial
#           weights and the data, and fold_in(key, epoch) for each epoch's order.
# Happens:  under the default "partitionable" Threefry both hash the counter i with the parent key.
#           Epoch 0's order comes from the key of the weights, epoch 1's from the key of the data.
#           And split(key, 2) is a prefix of split(key, 3).
# Version:  jax 0.10.2; 2026-11-28.
# Source:   jax/_src/random/prng.py, functions threefry_fold_in and _threefry_split_foldlike; JAX's
#           page "JAX PRNG design" promises independence of keys, not across the two functions.
# Follows:  use a parent key in one way only: split first, then fold numbers into a child.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2

venv/bin/python - <<'PYTHON'
import jax

key = jax.random.key(0)
weights, data, dropout = jax.random.split(key, 3)
print(f"jax {jax.__version__}, partitionable: {jax.config.jax_threefry_partitionable}")
same = []
for i, (name, child) in enumerate({"weights": weights, "data": data, "dropout": dropout}.items()):
    folded = jax.random.fold_in(key, i)
    same.append(bool((jax.random.key_data(folded) == jax.random.key_data(child)).all()))
    print(f"fold_in(key, {i}) against the split key {name!r}: expected different, equal: {same[-1]}")
    print(f"    uniform: {jax.random.uniform(folded, (2,))} and {jax.random.uniform(child, (2,))}")
child = jax.random.fold_in(weights, 0)
apart = bool((jax.random.key_data(child) != jax.random.key_data(weights)).any())
print(f"folded into a child key: different: {apart}")
raise SystemExit(0 if all(same) and apart else "no longer as stated")
PYTHON
