"""Committed loss curves: a fixed seed on real images gives these losses, on every machine.

Exactly these where device kind, CPU features, thread count and torch's version are those recorded;
within a tolerance over the first twenty losses elsewhere.
"""

import json
from itertools import combinations

import pytest
import torch

from core.run.spec import RunSpec
from tests.worker.training.golden.record import (
    BF16,
    CASES,
    FOLDER,
    FULL_WIDTH,
    MODELS,
    RANDOMIZATIONS,
    STEPS,
    evaluated,
    golden_spec,
)
from tests.worker.training.small_runs import losses
from worker.datasets.images import ImageDataset
from worker.training import device
from worker.training.models import convolution
from worker.training.state import TrainingState

ALL = MODELS | BF16 | FULL_WIDTH
RECORDED = {model: json.loads((FOLDER / f"{model}.json").read_text()) for model in ALL}


def alike(model: str) -> bool:
    """Whether a curve must come out to the bit: it was recorded on a machine like this one.

    CPU and CUDA builds of a torch version are alike; numpy only makes the data, to the same bits.
    """
    recorded, here = (
        {k: v.partition("+")[0] if k == "torch" else v for k, v in kind.items() if k != "numpy"}
        for kind in (RECORDED[model]["numerics"], device.numerics())
    )
    return recorded == here


def tolerance(model: str) -> float:
    """How far a loss may be from the recorded one on another kind of machine.

    Where bf16 products are emulated their sums are rounded elsewhere, and curves move further. No
    run is trained so unless asked for.
    """
    if model not in BF16:
        return 1e-3
    if not device.numerics()["bf16_instructions"]:
        pytest.skip("NO BF16 INSTRUCTIONS: the bf16 curves are not compared on this machine")
    return 1e-2


@pytest.mark.parametrize(("model", "randomization"), CASES)
def test_losses_are_the_recorded_ones(
    model: str, randomization: str, cifar10: ImageDataset
) -> None:
    expected = RECORDED[model]["curves"][randomization]
    spec = golden_spec(model, randomization)
    if alike(model):
        assert losses(spec, cifar10, STEPS) == expected
    elif spec.dropout and not torch.backends.mkl.is_available():
        pytest.skip("NO MKL: dropout draws other numbers; 'augmented' is compared without it")
    else:
        within = pytest.approx(expected, abs=tolerance(model))
        assert losses(spec, cifar10, STEPS) == within


@pytest.mark.parametrize("model", MODELS | BF16)
def test_the_evaluation_after_an_epoch_is_the_recorded_one(
    model: str, cifar10: ImageDataset
) -> None:
    """In two batches, the second a small one: their size shows in the last bits of a sum."""
    expected = RECORDED[model]["evaluated"]
    if alike(model):
        assert evaluated(model, cifar10) == expected
    else:
        within = tolerance(model)
        found = evaluated(model, cifar10)
        for name in ("train_loss", "test_loss", "online_loss"):
            assert found[name] == pytest.approx(expected[name], abs=within)
        assert (found["epoch"], found["step"]) == (expected["epoch"], expected["step"])


@pytest.mark.parametrize("model", MODELS | BF16)
def test_a_last_bit_here_and_there_stays_within_half_the_tolerance(
    model: str, cifar10: ImageDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another machine's roundings would: every initial weight is moved by some 1e-7 of it."""
    if model in BF16:
        tolerance(model)  # skips where bf16 is emulated
    begin = TrainingState.start

    def moved(spec: RunSpec, where: torch.device) -> TrainingState:
        state = begin(spec, where)
        noise = torch.randn(state.parameters.weights.shape, generator=torch.Generator())
        state.parameters.weights.mul_(1 + 1e-7 * noise)
        return state

    for randomization in ("random-labels", "augmented"):
        spec = golden_spec(model, randomization)
        expected = losses(spec, cifar10, STEPS)
        with monkeypatch.context() as patch:
            patch.setattr(TrainingState, "start", moved)
            found = losses(spec, cifar10, STEPS)
        assert found == pytest.approx(expected, abs=tolerance(model) / 2)
        assert found != expected


@pytest.mark.parametrize("threads", [2], indirect=True)
@pytest.mark.parametrize(
    "model", ["inception", "inception-down-norm", "alexnet-full-width", "mlp-3x512"]
)
@pytest.mark.usefixtures("threads")
def test_another_thread_count_stays_within_the_tolerance(model: str, cifar10: ImageDataset) -> None:
    """Sums in another order: the nearest thing to another machine that this one offers."""
    within = tolerance(model)
    found = losses(golden_spec(model, "random-labels"), cifar10, STEPS)
    assert found == pytest.approx(RECORDED[model]["curves"]["random-labels"], abs=within)


@pytest.mark.parametrize("model", MODELS)
def test_every_randomization_gives_a_curve_of_its_own(model: str) -> None:
    """By far more than the tolerance, so that a wrong one shows on any machine."""
    curves = RECORDED[model]["curves"]
    assert curves.keys() == RANDOMIZATIONS.keys()
    for (one, curve), (other, of_other) in combinations(curves.items(), 2):
        furthest = max(abs(a - b) for a, b in zip(curve, of_other, strict=True))
        assert furthest > 10 * tolerance(model), (one, other)


def test_curves_in_bf16_are_not_those_in_fp32() -> None:
    for model in BF16:
        in_fp32 = RECORDED[model.removesuffix("-bf16")]["curves"]
        for name, curve in RECORDED[model]["curves"].items():
            assert curve != in_fp32[name], model
        assert RECORDED[model]["numerics"]["bf16_instructions"], (
            "recorded where bf16 is not emulated"
        )


@pytest.mark.parametrize("model", ["alexnet", "alexnet-full-width"])
def test_the_winograd_weight_gradient_is_under_the_full_width_curve(
    model: str, cifar10: ImageDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, original = [], convolution.weight_gradient
    monkeypatch.setattr(
        convolution, "weight_gradient", lambda *given: (used.append(model), original(*given))[1]
    )
    losses(golden_spec(model, "random-labels"), cifar10, 1)
    assert used == (["alexnet-full-width"] if model in FULL_WIDTH else [])
