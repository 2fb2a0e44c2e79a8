"""What this machine offers, and what could explain a difference between two attempts' results."""

import platform
from datetime import UTC, datetime
from typing import Any

from core import __version__
from core.domain.spec import ModelName, RunSpec
from worker.datasets.images import ImageDataset


def capabilities() -> dict[str, Any]:
    """What this machine offers, and the parameters of each model."""
    from worker.training import device, models

    found = device.describe()
    return {
        **found,
        "device_reason": "torch finds no CUDA device"
        if found["device"] == "cpu"
        else "torch finds this CUDA device",
        "threads": found["numerics"]["threads"],
        "models": {name: models.parameter_count(RunSpec(model=name)) for name in ModelName},
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    import numpy
    import torch

    return {
        "rethink": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }


def of_attempt(
    spec: RunSpec, dataset: ImageDataset, randomization_fingerprint: str, step: int
) -> dict[str, Any]:
    """What could explain a difference between two attempts' results.

    `randomization_fingerprint` is of labels and pixels as the network sees them, `step` the one
    that the attempt went on from.
    """
    from worker.training import device

    return {
        **device.describe(),
        "versions": versions(),
        "engine": spec.engine,
        "first_step": step,
        "data_fingerprint": dataset.fingerprint,
        "randomization_fingerprint": randomization_fingerprint,
        "data_source": dataset.provenance,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
