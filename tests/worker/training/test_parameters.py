"""One row of memory holds all trained numbers, and an update is SGD's whatever carries it out."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.run.metrics import EpochMetrics
from tests.worker.training.small_runs import CPU, FAMILIES, results, small
from worker.datasets.images import ImageDataset
from worker.training.kernels import SgdBf16
from worker.training.loop import train
from worker.training.parameters import ALIGNMENT, Parameters
from worker.training.state import TrainingState


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("model", FAMILIES)
def test_the_models_parameters_are_views_that_do_not_overlap(model: str, precision: str) -> None:
    state = TrainingState.start(small(model, precision=precision), CPU)
    own = list(state.model.parameters())
    for weights in (own, state.parameters.views.weights, state.parameters.views.gradients):
        for i, tensor in enumerate(weights):
            assert tensor.storage_offset() % ALIGNMENT == 0
            assert tensor.stride() == own[i].stride()
            tensor.data.fill_(i + 1)
        for i, tensor in enumerate(weights):
            assert (tensor == i + 1).all()
    decayed = state.parameters.weights[: state.parameters.decayed]
    ends = [p.storage_offset() for p in own if p.ndim == 1]
    assert all(end >= len(decayed) for end in ends), "biases and shifts come after all weights"


def test_moving_the_parameters_leaves_what_the_model_computes() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Flatten(), nn.Linear(5 * 4, 3))
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.randn(2, 3, 4, 4)
    expected = model(images)
    Parameters.of(model, torch.float32)
    assert torch.equal(model(images), expected)


def test_parameters_with_gaps_or_in_another_order_keep_their_numbers() -> None:
    whole = torch.arange(60.0).view(6, 10)
    model = nn.Module()
    model.strided = nn.Parameter(whole[:, ::2])
    model.transposed = nn.Parameter(whole.t())
    model.scalar = nn.Parameter(torch.tensor(7.0))
    Parameters.of(model, torch.float32)
    assert torch.equal(model.strided, whole[:, ::2])
    assert torch.equal(model.transposed, whole.t())
    assert model.scalar == 7


def test_weights_that_were_set_from_outside_are_what_the_next_epoch_begins_with(
    cifar10: ImageDataset,
) -> None:
    spec = small(precision="bf16", seed=1)
    state, other = TrainingState.start(spec, CPU), TrainingState.start(small(seed=2), CPU)
    state.model.load_state_dict(other.model.state_dict())
    found = next(r for r in train(spec, cifar10, CPU, state) if isinstance(r, EpochMetrics))
    loaded = TrainingState.start(spec, CPU)
    loaded.model.load_state_dict(other.model.state_dict())
    loaded.parameters.round()
    expected = next(r for r in train(spec, cifar10, CPU, loaded) if isinstance(r, EpochMetrics))
    assert results([found]) == results([expected])


@pytest.mark.parametrize("weight_decay", [0.0, 1e-2])
@pytest.mark.parametrize("momentum", [0.9, 0.0])
@pytest.mark.parametrize(
    ("model", "precision"),
    [("inception", "fp32"), ("inception", "bf16"), ("mlp-3x512", "fp32"), ("mlp-3x512", "bf16")],
)
def test_updates_are_those_of_torch_sgd_with_decay_on_weights_alone(
    model: str, precision: str, momentum: float, weight_decay: float
) -> None:
    spec = small(model, precision=precision)
    state, twin = TrainingState.start(spec, CPU), TrainingState.start(spec, CPU)
    own, others = list(state.model.parameters()), list(twin.model.parameters())
    reference = torch.optim.SGD(
        [
            {"params": [p for p in others if p.ndim > 1], "weight_decay": weight_decay},
            {"params": [p for p in others if p.ndim == 1]},
        ],
        lr=0.1,
        momentum=momentum,
        fused=False,
        foreach=False,
    )
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        for theirs, mine in zip(others, state.parameters.views.gradients, strict=True):
            mine.copy_(torch.randn(mine.shape, generator=generator))
            theirs.grad = mine.float()
        reference.step()
        state.parameters.update(rate=0.1, momentum=momentum, weight_decay=weight_decay)
    for mine, theirs in zip(own, others, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)
    for mine, rounded in zip(own, state.parameters.views.weights, strict=True):
        assert torch.equal(rounded, mine.to(rounded.dtype))


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 1000, 65537])
def test_the_compiled_update_is_float32_arithmetic_to_the_bit(size: int, threads: int) -> None:
    generator = torch.Generator().manual_seed(size)
    weights, velocity, gradient = (torch.randn(size, generator=generator) for _ in range(3))
    gradient, rounded = gradient.bfloat16(), torch.zeros(size, dtype=torch.bfloat16)
    rate, momentum, decay = np.float32(0.1), np.float32(0.9), np.float32(5e-4)
    v = momentum * velocity.numpy() + (gradient.float().numpy() + decay * weights.numpy())
    w = weights.numpy() - rate * v
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    SgdBf16(weights, velocity, gradient, rounded)(0.1, 0.9, 5e-4)
    torch.set_num_threads(before)
    assert np.array_equal(velocity.numpy(), v)
    assert np.array_equal(weights.numpy(), w)
    assert torch.equal(rounded, torch.from_numpy(w).bfloat16())


def test_weights_are_rounded_as_torch_rounds_them() -> None:
    numbers = np.random.default_rng(0).integers(0, 2**32, 100_000, dtype=np.uint32).view(np.float32)
    usual = np.isfinite(numbers) & (np.abs(numbers) > 1e-37)  # denormal ones count as zero
    weights = torch.from_numpy(numbers[usual | np.isnan(numbers)])
    rounded = _unmoved(weights)
    assert torch.equal(rounded.isnan(), weights.isnan())
    kept = ~weights.isnan()
    assert torch.equal(rounded[kept], weights[kept].bfloat16())


def test_weights_halfway_between_two_bf16_numbers_go_to_the_even_one() -> None:
    halfway = torch.tensor([1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8])
    assert _unmoved(halfway).tolist() == [1, 1 + 2**-6, -1]


def _unmoved(weights: Tensor) -> Tensor:
    """The rounded copy after an update with a gradient of zero."""
    nothing, rounded = torch.zeros(len(weights)), torch.zeros(len(weights), dtype=torch.bfloat16)
    SgdBf16(weights.clone(), nothing, nothing.bfloat16(), rounded)(0.0, 0.0, 0.0)
    return rounded


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


COMPILED = """
import numba, sys, torch
from worker.training import device
device.configure(int(sys.argv[1]))
from worker.training.kernels import SgdBf16
from worker.training.loop import train
weights, velocity = torch.ones(1000), torch.full((1000,), 2e-38)
gradient = torch.zeros(1000).bfloat16()
for _ in range(3):
    SgdBf16(weights, velocity, gradient, gradient.clone())(0.1, 0.5, 0.0)
print(torch.get_num_threads(), int(velocity.count_nonzero()), numba.threading_layer())
"""


@pytest.mark.parametrize("layer", ["default", "workqueue"])
@pytest.mark.parametrize("threads", [1, 2])
def test_compiled_loops_keep_to_what_the_trainer_was_configured_for(
    threads: int, layer: str
) -> None:
    """PyTorch's number of threads, and denormal numbers that count as zero on each of them."""
    found = subprocess.run(
        [sys.executable, "-c", COMPILED, str(threads)],
        env=os.environ | {"NUMBA_THREADING_LAYER": layer},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    number, denormal, used = found.stdout.split()
    assert (int(number), int(denormal)) == (threads, 0)
    if layer != "default":
        assert used == layer
    elif _loads("libgomp.so.1"):
        assert used == "omp", "PyTorch's threads"


@pytest.mark.parametrize("harm", ["damaged", "not a folder", "empty"])
def test_a_cache_that_cannot_be_used_costs_time_alone(tmp_path: Path, harm: str) -> None:
    place = tmp_path / "cache"

    def run() -> None:
        subprocess.run(
            [sys.executable, "-c", COMPILED, "1"],
            env=os.environ | {"NUMBA_CACHE_DIR": str(place)},
            stdout=subprocess.DEVNULL,
            check=True,
        )

    if harm == "not a folder":
        place.write_text("")
    else:
        run()
        files = [path for path in place.rglob("*") if path.is_file()]
        assert files
        for path in files:
            path.write_bytes(path.read_bytes()[:10] if harm == "damaged" else b"")
    run()
