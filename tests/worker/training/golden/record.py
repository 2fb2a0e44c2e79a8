"""`python -m tests.worker.training.golden.record`: write the golden curves anew.

Only after a change that is meant to change trajectories, together with `core.run.spec.ENGINE`.
"""

import json
from pathlib import Path
from typing import Any

from core.run.spec import RunSpec
from tests.worker.training.small_runs import REGULARISED, epochs, losses, results, small
from worker.datasets.images import ImageDataset
from worker.training import device

FOLDER = Path(__file__).parent
STEPS = 20

RANDOMIZATIONS: dict[str, dict[str, Any]] = {
    "true-labels": {},
    "corrupted-labels": {"randomization": "corrupted_labels", "corruption": 0.5},
    "random-labels": {"randomization": "random_labels"},
    "shuffled-pixels": {"randomization": "shuffled_pixels"},
    "random-pixels": {"randomization": "random_pixels"},
    "random-pixels-report": {"randomization": "random_pixels", "variant": "report"},
    "gaussian": {"randomization": "gaussian"},
    "gaussian-report": {"randomization": "gaussian", "variant": "report"},
    "regularised": REGULARISED,
    "augmented": REGULARISED | {"dropout": 0.0},
}
"""Last, augmentation and weight decay alone: what is dropped depends on the platform."""

MODELS: dict[str, dict[str, Any]] = {
    # A difference in rounding that moves one ReLU or one maximum across its threshold doubles or
    # trebles at every step of a usual rate; with batch norm on small batches any difference does.
    # With small rates and weights, and a large eps, it stays below 1e-3 for the twenty steps that
    # are compared (docs/LOG.md).
    "inception": {"model": "inception", "learning_rate": 0.001, "bn_eps": 0.1},
    "inception-no-norm": {
        "model": "inception",
        "batch_norm": "none",
        "initialisation": "he_normal",
        "learning_rate": 0.003,
        "warmup_steps": 10,
    },
    "inception-down-norm": {
        "model": "inception",
        "batch_norm": "down",
        "initialisation": "he_normal",  # PyTorch's own hardly lets the images through
        "learning_rate": 0.001,
        "bn_eps": 0.1,
    },
    "alexnet": {
        "model": "alexnet",
        "initialisation": "he_normal",
        "init_scale": 0.6,
        "learning_rate": 0.001,
    },
    "mlp-1x512": {"model": "mlp-1x512", "learning_rate": 0.003},
    "mlp-3x512": {
        "model": "mlp-3x512",
        "initialisation": "xavier_uniform",
        "learning_rate": 0.001,
    },
}

FAMILIES = ("inception", "alexnet", "mlp-1x512", "mlp-3x512")
BF16 = {f"{model}-bf16": MODELS[model] | {"precision": "bf16"} for model in FAMILIES}
"""What `auto` stands for on processors with bf16 products."""
CONVOLUTIONAL_IN_BF16 = ("random-labels", "regularised", "augmented")
"""These take seconds each; MLPs in bf16 have all curves."""

FULL_WIDTH = {"alexnet-full-width": MODELS["alexnet"] | {"width": 1.0}}
"""The second convolution has 64 × 64 maps: in fp32 its weight gradient is Winograd's."""

CASES = [
    *((model, name) for model in MODELS for name in RANDOMIZATIONS),
    *(
        (model, name)
        for model in BF16
        for name in (RANDOMIZATIONS if "mlp" in model else CONVOLUTIONAL_IN_BF16)
    ),
    *((model, "random-labels") for model in FULL_WIDTH),
]
"""Model and randomization of every curve."""


def golden_spec(model: str, randomization: str) -> RunSpec:
    """100 images in batches of 20, weights decaying every third step."""
    changes = (MODELS | BF16 | FULL_WIDTH)[model]
    return small(**{"decay_steps": 3} | changes | RANDOMIZATIONS[randomization])


def evaluated(model: str, dataset: ImageDataset) -> dict[str, object]:
    """The row of a first epoch on 600 images: two batches of `evaluate.BATCH`, the second small."""
    spec = golden_spec(model, "random-labels").replace(n_train=600, n_test=600, batch_size=100)
    return results(epochs(spec, dataset, 1))[0]


def record(dataset: ImageDataset) -> None:
    for model in MODELS | BF16 | FULL_WIDTH:
        curves = {
            name: losses(golden_spec(model, name), dataset, STEPS)
            for of, name in CASES
            if of == model
        }
        content: dict[str, object] = {"numerics": device.numerics(), "curves": curves}
        if model not in FULL_WIDTH:
            content["evaluated"] = evaluated(model, dataset)
        (FOLDER / f"{model}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    from worker.datasets import store

    device.configure(threads=1)
    home = Path(__file__).parents[4] / ".cache/tests/home"
    record(store.load("cifar10", home))
