#!/usr/bin/env bash
# Label noise of rate .3 corrupts exactly 30 %, and leaves the class histogram as it was.
#
# Guess:    cleanlab's generate_noisy_labels(labels, noise_matrix) draws for every label from the column
#           of its class: the number of wrong labels is binomial, 2700 +- 44 of 10,000, and the classes
#           become uneven.
# Happens:  it converts the matrix into counts and flips exactly so many labels of each class to each other
#           class: 2,700 wrong labels for every seed, 30 for each of the 90 pairs, 1,000 labels in every
#           class. Only *which* images are wrong is random, and it comes from NumPy's global state.
# Version:  cleanlab 2.9.0; 2026-11-28.
# Source:   cleanlab/benchmarking/noise_generation.py, generate_noisy_labels: count_joint, then
#           np.random.choice without replacement; its docstring speaks of sampling.
# Follows:  it is another randomization than "each label independently with probability p": less spread
#           between seeds, no class imbalance; do not pool the two, and set np.random.seed around it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check cleanlab==2.9.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import cleanlab
import numpy as np
from cleanlab.benchmarking.noise_generation import generate_noisy_labels

p, classes = 0.3, 10
labels = np.arange(10_000) % classes
noise_matrix = np.full((classes, classes), p / classes) + np.eye(classes) * (1 - p)

print(f"cleanlab {cleanlab.__version__}: 10,000 labels, p = {p} of a uniform class")
print("expected about 2700 +- 44 wrong labels, and classes of 1000 +- 16")
wrong, histograms = [], []
for seed in range(5):
    np.random.seed(seed)
    noisy = generate_noisy_labels(labels, noise_matrix)
    wrong.append(int((noisy != labels).sum()))
    histograms.append(np.bincount(noisy, minlength=classes).tolist())
    print(f"seed {seed}: {wrong[-1]} wrong, classes {histograms[-1]}")
held = wrong == [2700] * 5 and all(h == [1000] * classes for h in histograms)
raise SystemExit(0 if held else "no longer as stated")
PYTHON
