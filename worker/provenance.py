"""What this machine offers, and what could explain a difference between two attempts' results."""

import functools
import logging
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import __version__
from core.catalogue import models, plugins, randomizations
from core.run.spec import RunSpec
from worker.datasets.images import ImageDataset

logger = logging.getLogger(__name__)


def capabilities() -> dict[str, Any]:
    """What this machine offers, and the parameters of each model that can be built on it."""
    from worker.training import device
    from worker.training.models import parameter_count

    found, counted = device.describe(), dict[str, int]()
    for name in models:
        try:
            counted[name] = parameter_count(RunSpec(model=name))
        except Exception as error:  # whatever a plugin's network raises
            logger.warning("model %s cannot be built here: %r", name, error)
    return {
        **found,
        "device_reason": "torch finds no CUDA device"
        if found["device"] == "cpu"
        else "torch finds this CUDA device",
        "threads": found["numerics"]["threads"],
        "models": counted,
        "able": {"model": list(counted), "randomization": list(randomizations)},
        "versions": versions(),
    }


ROOT = Path(__file__).parents[1]


@functools.cache
def code_version(root: Path = ROOT) -> str:
    """The version with the commit, as in "0.1.0 (1a2b3c4)"; + where files differ from it.

    The version alone where `root` is not the top of a git repository, or git is not there.
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    if not top or Path(top) != root.resolve():  # installed somewhere inside another repository
        return __version__
    commit = _git(root, "describe", "--always", "--exclude=*", "--abbrev=7", "--dirty=+")
    return f"{__version__} ({commit})" if commit else __version__


def _git(root: Path, *arguments: str) -> str:
    """What git answers; nothing if it fails."""
    command = ["git", "-C", str(root), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


def versions() -> dict[str, str]:
    import numba
    import numpy
    import torch

    return {
        "rethink": code_version(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "numba": numba.__version__,
    }


def of_attempt(
    spec: RunSpec,
    dataset: ImageDataset,
    randomization_fingerprint: str,
    wrong_labels: int,
    step: int,
    passed_over: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """What could explain a difference between two attempts' results.

    `randomization_fingerprint` is of labels and pixels as the network sees them, `wrong_labels`
    how many of its training labels are not the true ones, `step` the one that the attempt went on
    from, `passed_over` the checkpoints that it could not go on from, each with the reason.
    """
    from worker.training import data, device

    return {
        **device.describe(),
        "versions": versions(),
        "engine": spec.engine,
        "plugins": plugins.origins(
            model=spec.model, randomization=spec.randomization, dataset=spec.dataset
        ),
        "first_step": step,
        **({"passed_over": list(passed_over)} if passed_over else {}),
        "data_fingerprint": dataset.fingerprint,
        "randomization_fingerprint": randomization_fingerprint,
        "wrong_labels": wrong_labels,
        "noisy_test_fingerprint": data.noisy_test_fingerprint(spec, dataset),
        "data_source": dataset.provenance,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
