"""Committed loss curves: a fixed seed on real images gives these losses, on every machine.

Exactly these where device kind, CPU features, thread count and versions are those recorded;
within 1e-3 over the first twenty losses elsewhere.
"""

import json

import pytest

from tests.worker.training.golden.record import FOLDER, MODELS, RANDOMIZATIONS, STEPS, golden_spec
from tests.worker.training.small_runs import losses
from worker.datasets.images import ImageDataset
from worker.training import device

RECORDED = {model: json.loads((FOLDER / f"{model}.json").read_text()) for model in MODELS}


@pytest.mark.parametrize("randomization", RANDOMIZATIONS)
@pytest.mark.parametrize("model", MODELS)
def test_losses_are_the_recorded_ones(
    model: str, randomization: str, cifar10: ImageDataset
) -> None:
    found = losses(golden_spec(model, randomization), cifar10, STEPS)
    expected = RECORDED[model]["curves"][randomization]
    if RECORDED[model]["numerics"] == device.numerics():
        assert found == expected
    else:
        assert found == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("model", ["inception", "alexnet", "mlp-3x512"])
def test_another_thread_count_stays_within_the_tolerance(model: str, cifar10: ImageDataset) -> None:
    """Sums in another order: the nearest thing to another machine that this one offers."""
    device.configure(threads=2)
    try:
        found = losses(golden_spec(model, "random-labels"), cifar10, STEPS)
    finally:
        device.configure(threads=1)
    assert found == pytest.approx(RECORDED[model]["curves"]["random-labels"], abs=1e-3)


def test_every_randomization_gives_a_curve_of_its_own() -> None:
    for model, content in RECORDED.items():
        curves = {tuple(curve) for curve in content["curves"].values()}
        assert len(curves) == len(RANDOMIZATIONS), model
