"""The networks: exact parameter counts, and the details other reproductions got wrong."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.catalogue import Dataset, Model, datasets, models
from core.run.spec import RunSpec
from tests.conftest import Add
from tests.worker.training.small_runs import CPU, FAMILIES, small
from worker.training.models import build, parameter_count
from worker.training.models.layers import (
    BatchNormShift,
    LocalResponseNorm,
    MaxPoolSame,
    pad_same,
    same_padding,
)
from worker.training.state import TrainingState

TABLE_1 = {
    "inception": 1_649_402,
    "alexnet": 1_387_786,
    "mlp-1x512": 1_209_866,
    "mlp-3x512": 1_735_178,
}


@pytest.mark.parametrize(("model", "parameters"), TABLE_1.items())
def test_parameter_counts_are_those_of_the_papers_table_1(model: str, parameters: int) -> None:
    spec = RunSpec.model_validate({"model": model})
    assert parameter_count(spec) == parameters
    assert sum(p.numel() for p in build(spec).parameters()) == parameters


@pytest.mark.parametrize("mode", ["all", "none", "down"])
def test_inception_has_the_same_count_with_and_without_batch_norm(mode: str) -> None:
    assert parameter_count(RunSpec(model="inception", batch_norm=mode)) == TABLE_1["inception"]


@pytest.mark.parametrize(("mode", "norms"), [("all", 19), ("none", 0), ("down", 2)])
def test_a_convolution_has_a_bias_exactly_where_no_norm_follows(mode: str, norms: int) -> None:
    model = build(small("inception", batch_norm=mode))
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 19
    assert sum(m.bias is None for m in convolutions) == norms
    assert sum(isinstance(m, BatchNormShift) for m in model.modules()) == norms
    assert not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())


def test_batch_norm_in_the_down_modules_alone() -> None:
    model = build(small("inception", batch_norm="down"))
    names = {name for name, m in model.named_modules() if isinstance(m, BatchNormShift)}
    strided = {n for n, m in model.named_modules() if isinstance(m, nn.Conv2d) and m.stride[0] == 2}
    assert {name.removesuffix(".norm") for name in names} == {
        name.removesuffix(".conv") for name in strided
    }


@pytest.mark.parametrize("model", ["mlp-1x512", "mlp-3x512", "alexnet"])
def test_no_other_family_has_batch_norm(model: str) -> None:
    assert not any(
        "norm" in type(m).__name__.lower() and "batch" in type(m).__name__.lower()
        for m in build(small(model)).modules()
    )


@pytest.mark.parametrize(
    ("layers", "model"), [([512], "mlp-1x512"), ([512, 512, 512], "mlp-3x512")]
)
def test_an_mlp_has_the_hidden_layers_its_name_says(layers: list[int], model: str) -> None:
    found = [m.out_features for m in build(small(model)).modules() if isinstance(m, nn.Linear)]
    assert found == [*layers, 10]


def test_inception_has_the_modules_of_the_papers_figure_3() -> None:
    model = build(RunSpec(model="inception")).eval().to(memory_format=torch.channels_last)
    shapes = []
    images = torch.zeros(1, 3, 28, 28)
    for layer in model:
        images = layer(images)
        shapes.append(tuple(images.shape[1:]))
    assert shapes == [
        (96, 28, 28),
        (64, 28, 28),
        (80, 28, 28),
        (160, 14, 14),
        (160, 14, 14),
        (160, 14, 14),
        (160, 14, 14),
        (144, 14, 14),
        (240, 7, 7),
        (336, 7, 7),
        (336, 7, 7),
        (336,),
        (10,),
    ]


@pytest.mark.parametrize(
    ("size", "padding"), [(28, (0, 1)), (14, (0, 1)), (7, (1, 1)), (8, (0, 1)), (1, (1, 1))]
)
def test_same_padding_puts_the_odd_pixel_after(size: int, padding: tuple[int, int]) -> None:
    assert same_padding(size, kernel=3, stride=2) == padding


@pytest.mark.parametrize("size", [4, 5, 7, 14, 28])
def test_pooling_is_that_of_tensorflow(size: int) -> None:
    images = torch.randn(2, 3, size, size) - 5  # a padding of zeros would win
    before, after = same_padding(size, 3, 2)
    padded = F.pad(images, (before, after, before, after), value=float("-inf"))
    expected = F.max_pool2d(padded, 3, 2)
    assert expected.shape[-1] == -(-size // 2)
    assert torch.equal(MaxPoolSame()(images), expected)


def test_strided_convolutions_see_the_pixels_that_tensorflow_shows_them() -> None:
    image = torch.arange(16.0).view(1, 1, 4, 4)
    centre = torch.zeros(1, 1, 3, 3)
    centre[0, 0, 0, 0] = 1  # first pixel of each window: no padding before it
    seen = F.conv2d(pad_same(image, 3, 2), centre, stride=2)
    assert seen.flatten().tolist() == [0, 2, 8, 10]


@pytest.mark.parametrize("channels", [64, 16, 5])
def test_response_normalisation_is_tensorflows(channels: int) -> None:
    images = (torch.randn(2, channels, 4, 3, dtype=torch.float64) * 20).requires_grad_()
    layer = LocalResponseNorm(channels)
    single = images.detach().float().requires_grad_()
    expected = F.local_response_norm(images, size=9, alpha=1e-3, beta=0.75, k=1.0)
    found = layer(single)
    assert torch.allclose(found.double(), expected, atol=1e-4)
    weights = torch.randn_like(expected)
    (expected * weights).sum().backward()
    (found * weights.float()).sum().backward()
    assert images.grad is not None
    assert single.grad is not None
    assert torch.allclose(single.grad.double(), images.grad, atol=1e-4)


def test_batch_norm_shifts_and_does_not_scale() -> None:
    layer = BatchNormShift(4, momentum=0.1, eps=1e-3)
    assert [name for name, _ in layer.named_parameters()] == ["shift"]
    images = torch.randn(8, 4, 5, 5) * 3 + 1
    out = layer(images)
    expected = F.batch_norm(images, None, None, training=True, eps=1e-3)
    assert torch.allclose(out, expected, atol=1e-5)
    assert torch.allclose(layer.running_mean, 0.1 * images.mean((0, 2, 3)), atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("number_format", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_scale_of_ones_is_no_scale_to_the_bit(
    layout: torch.memory_format, number_format: torch.dtype, training: bool
) -> None:
    """What PyTorch's backward pass on CUDA needs leaves every result on a CPU as it was."""
    torch.manual_seed(0)
    layer = BatchNormShift(12, momentum=0.1, eps=1e-3).train(training)
    with torch.no_grad():
        layer.shift.normal_()
        layer.running_mean.normal_()
        layer.running_var.uniform_(0.5, 2)
    bare = deepcopy(layer)
    images = (torch.randn(20, 12, 7, 7) * 3 + 1).to(number_format, memory_format=layout)
    one, other = images.clone().requires_grad_(), images.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=number_format is torch.bfloat16):
        found = layer(one)
        expected = F.batch_norm(
            other, bare.running_mean, bare.running_var, None, bare.shift, training, 0.1, 1e-3
        )
    gradient = torch.randn_like(expected)
    of_found = torch.autograd.grad(found, [one, layer.shift], gradient)
    of_expected = torch.autograd.grad(expected, [other, bare.shift], gradient)
    for mine, plain in zip(
        (found, *of_found, layer.running_mean, layer.running_var),
        (expected, *of_expected, bare.running_mean, bare.running_var),
        strict=True,
    ):
        assert torch.equal(mine, plain)
        assert mine.dtype == plain.dtype


def test_batch_norms_scale_is_given_but_not_kept() -> None:
    """Given, or CUDA finds no gradient of the shift; no part of a checkpoint or its hash."""
    layer = BatchNormShift(4, momentum=0.1, eps=1e-3).to(memory_format=torch.channels_last)
    assert torch.equal(layer(torch.randn(2, 4, 3, 3)).grad_fn._saved_weight, torch.ones(4))
    assert set(layer.state_dict()) == {"shift", "running_mean", "running_var"}
    deepcopy(layer).load_state_dict(layer.state_dict(), strict=True)


@pytest.mark.parametrize("model", FAMILIES)
def test_width_scales_every_hidden_layer(model: str) -> None:
    half, whole = (parameter_count(RunSpec(model=model, width=w)) for w in (0.5, 1.0))
    assert 0.24 < half / whole < 0.51


@pytest.mark.parametrize("model", FAMILIES)
def test_dropout_is_really_there_when_asked_for(model: str) -> None:
    with_it, without = (build(small(model, dropout=p)) for p in (0.05, 0.0))
    active = [m.p for m in with_it.modules() if isinstance(m, nn.Dropout) and m.p > 0]
    assert len(active) >= 1
    assert set(active) == {0.05}
    assert not any(isinstance(m, nn.Dropout) and m.p > 0 for m in without.modules())
    images = torch.randn(2, 3, 28, 28)
    assert not torch.equal(with_it.train()(images), with_it(images))


@pytest.mark.parametrize("model", FAMILIES)
@pytest.mark.parametrize("initialisation", ["torch", "xavier_uniform", "he_normal"])
def test_initial_weights_follow_from_the_spec_alone(model: str, initialisation: str) -> None:
    spec = small(model, initialisation=initialisation)
    torch.manual_seed(1)
    one = build(spec).state_dict()
    torch.manual_seed(2)
    again, other = build(spec).state_dict(), build(spec.replace(seed=1)).state_dict()
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_building_a_model_leaves_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build(small())
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("initialisation", "deviation"),
    [
        ("torch", (1 / 3 / 2352) ** 0.5),
        ("xavier_uniform", (2 / (2352 + 512)) ** 0.5),
        ("he_normal", (2 / 2352) ** 0.5),
    ],
)
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_initial_weights_have_the_deviation_of_their_rule(
    initialisation: str, deviation: float, scale: float
) -> None:
    first = build(small(initialisation=initialisation, init_scale=scale))[1]
    assert first.weight.std().item() == pytest.approx(deviation * scale, rel=0.01)
    assert (first.bias.abs().max() > 0) == (initialisation == "torch")


@pytest.mark.parametrize("model", FAMILIES)
def test_every_parameter_learns(model: str) -> None:
    state = TrainingState.start(small(model), CPU)
    images = torch.randn(20, 3, 28, 28)
    loss = F.cross_entropy(state.model(images), torch.arange(20) % 10)
    gradients = torch.autograd.grad(loss, list(state.model.parameters()))
    assert all(g.abs().max() > 0 for g in gradients)


def test_a_model_of_ones_own_is_one_function(add: Add) -> None:
    def linear(spec: RunSpec) -> nn.Module:
        inputs = spec.crop**2 * spec.dataset_info.channels
        return nn.Sequential(nn.Flatten(), nn.Linear(inputs, spec.dataset_info.classes))

    defaults = {"learning_rate": 0.1, "batch_size": 10}
    add(models, Model(name="linear", title="Linear", network=linear, defaults=defaults))
    assert parameter_count(RunSpec(model="linear")) == 2352 * 10 + 10


def test_other_classes_and_channels_change_the_count(add: Add) -> None:
    info = Dataset(
        name="grey",
        title="Grey",
        class_names=("a", "b"),
        channels=1,
        height=32,
        width=32,
        train_size=100,
        test_size=10,
    )
    add(datasets, info)
    spec = RunSpec(dataset="grey", batch_size=10)
    assert parameter_count(spec) == 784 * 512 + 512 + 512 * 2 + 2


@pytest.mark.parametrize("number_format", [torch.float32, torch.bfloat16])
def test_relu_and_maximum_commute_to_the_bit(number_format: torch.dtype) -> None:
    """Why AlexNet may take the maximum first. Few values, so that most windows hold equal ones."""
    torch.manual_seed(0)
    images = torch.randint(-2, 3, (4, 3, 9, 10)).to(number_format).requires_grad_()
    gradient = torch.randn(4, 3, 5, 5).to(number_format)
    pool = MaxPoolSame()
    first, second = pool(images).relu(), pool(images.relu())
    assert torch.equal(first, second)
    (of_first,) = torch.autograd.grad(first, images, gradient)
    (of_second,) = torch.autograd.grad(second, images, gradient)
    assert torch.equal(of_first, of_second)
