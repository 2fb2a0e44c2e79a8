"""Layers that are compiled loops for bf16 images on a CPU compute what PyTorch's do."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.worker.training.small_runs import small
from worker.training.models import build
from worker.training.models.layers import BatchNormShift, MaxPoolSame, same_padding
from worker.training.models.maximum import MaximumBf16
from worker.training.models.normalised import NormalisedBf16

SHAPES = [(5, 64, 28), (3, 80, 14), (2, 24, 7), (3, 5, 15), (1, 3, 4), (2, 1, 3), (4, 2, 2)]


ANY_THREADS = pytest.mark.parametrize("threads", [1, 2, 3], indirect=True)


def images(*shape: int, seed: int = 0) -> Tensor:
    """bf16 (n, c, h, w) in channels-last layout, of mean 3."""
    found = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 2 + 3
    return found.bfloat16().contiguous(memory_format=torch.channels_last)


def alike(one: Tensor, other: Tensor) -> bool:
    """Equal to the bit, NaN where the other is NaN."""
    return torch.equal(one.isnan(), other.isnan()) and torch.equal(
        one.nan_to_num(0.5, 9e9, -9e9), other.nan_to_num(0.5, 9e9, -9e9)
    )


@ANY_THREADS
@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("n", "c", "side"), SHAPES)
@pytest.mark.parametrize("values", ["usual", "many equal", "infinite and NaN"])
def test_the_maximum_and_its_gradient_are_pytorchs_to_the_bit(
    n: int, c: int, side: int, values: str
) -> None:
    given = images(n, c, side, side)
    if values == "many equal":
        given = given.round()
    elif values == "infinite and NaN":
        for number in (torch.nan, torch.inf, -torch.inf):
            given[torch.rand(given.shape, generator=torch.Generator().manual_seed(1)) < 0.2] = (
                number
            )
    given.requires_grad_()
    padding = same_padding(side, 3, 2)[0]
    expected = F.max_pool2d(given, 3, 2, padding=padding, ceil_mode=True)
    found = MaxPoolSame()(given)
    assert "MaximumBf16" in type(found.grad_fn).__name__
    assert alike(found, expected)
    gradient = torch.randn(found.shape).bfloat16()  # in the default layout
    (of_found,) = torch.autograd.grad(found, given, gradient)
    (of_expected,) = torch.autograd.grad(expected, given, gradient)
    assert alike(of_found, of_expected)


@ANY_THREADS
@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("n", "c", "side"), SHAPES)
def test_normalisation_is_as_near_to_the_exact_one_as_pytorchs(n: int, c: int, side: int) -> None:
    """Both round the result to bf16; the float64 result is the measure."""
    given = images(n, c, side, side).requires_grad_()
    layer, theirs = (BatchNormShift(c, momentum=0.1, eps=1e-3) for _ in range(2))
    with torch.no_grad():
        layer.shift.copy_(torch.linspace(-1, 1, c))
        theirs.shift.copy_(layer.shift)
    found, usual = layer.then_relu(given), torch.relu(theirs(given))
    assert "NormalisedBf16" in type(found.grad_fn).__name__
    exact_given = given.detach().double().requires_grad_()
    exact_shift = layer.shift.detach().double().requires_grad_()
    exact = F.batch_norm(exact_given, None, None, None, exact_shift, training=True, eps=1e-3).relu()
    gradient = torch.randn(found.shape).bfloat16()
    results = zip(
        (found, *torch.autograd.grad(found, [given, layer.shift], gradient)),
        (usual, *torch.autograd.grad(usual, [given, theirs.shift], gradient)),
        (exact, *torch.autograd.grad(exact, [exact_given, exact_shift], gradient.double())),
        strict=True,
    )
    for mine, pytorchs, right in results:
        error, usual_error = ((a.double() - right).abs().mean() for a in (mine, pytorchs))
        assert error <= 1.02 * usual_error + 1e-5
    assert torch.allclose(layer.running_mean, theirs.running_mean, atol=1e-5)
    assert torch.allclose(layer.running_var, theirs.running_var, atol=1e-4)


@ANY_THREADS
@pytest.mark.usefixtures("threads")
def test_evaluation_normalises_by_the_running_statistics() -> None:
    given = images(5, 6, 7, 7)
    layer = BatchNormShift(6, momentum=0.1, eps=1e-3)
    layer.running_mean.copy_(torch.arange(6.0))
    layer.running_var.copy_(torch.arange(6.0) + 1)
    with torch.no_grad():
        layer.shift.fill_(0.5)
        layer.eval()
        found, expected = layer.then_relu(given), torch.relu(layer(given.float()))
    assert torch.allclose(found.float(), expected, rtol=2**-8, atol=1e-5)
    assert layer.running_mean.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_small_variance_beside_a_large_mean_is_not_lost() -> None:
    given = (1000 + 8 * torch.randint(0, 2, (64, 3, 9, 9))).bfloat16()  # all are bf16 numbers
    given = given.contiguous(memory_format=torch.channels_last)
    _, mean, variance = NormalisedBf16.apply(given, torch.zeros(3), 1e-3)
    exact = given.double().permute(1, 0, 2, 3).flatten(1)
    assert torch.allclose(mean.double(), exact.mean(1), rtol=1e-6)
    assert torch.allclose(variance.double(), exact.var(1, unbiased=False), rtol=1e-4)


def test_nan_is_passed_on_so_that_a_run_that_diverges_is_noticed() -> None:
    given = images(2, 3, 4, 4)
    given[0, 1, 2, 3] = torch.nan
    found = BatchNormShift(3, momentum=0.1, eps=1e-3).then_relu(given.requires_grad_())
    assert found[:, 1].isnan().all()
    assert not found[:, [0, 2]].isnan().any()
    (gradient,) = torch.autograd.grad(found.float().nansum(), given)
    assert gradient[:, 1].isnan().all()


def test_networks_in_bf16_use_the_loops_and_those_in_fp32_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[str] = []
    for layer in (NormalisedBf16, MaximumBf16):
        usual = layer.apply

        def apply(*given: object, usual: object = usual, name: str = layer.__name__) -> Tensor:
            called.append(name)
            return usual(*given)  # type: ignore[operator, no-any-return]

        monkeypatch.setattr(layer, "apply", apply)
    batch = torch.randn(2, 3, 28, 28).contiguous(memory_format=torch.channels_last)
    for model, norms, maxima in (("inception", 19, 2), ("alexnet", 0, 2)):
        network = build(small(model=model)).to(memory_format=torch.channels_last)
        network(batch)
        assert not called
        with torch.autocast("cpu", dtype=torch.bfloat16):
            network(batch)
        assert (called.count("NormalisedBf16"), called.count("MaximumBf16")) == (norms, maxima)
        called.clear()
