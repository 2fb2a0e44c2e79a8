"""The Winograd weight gradient equals the direct one, and is used where it pays alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from worker.training.models import convolution
from worker.training.models.convolution import SameConv2d, weight_gradient


@given(
    st.sampled_from([3, 5]),
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(1, 15),
    st.integers(1, 15),
)
@settings(max_examples=40)
def test_it_equals_the_direct_gradient_for_every_shape(
    size: int, n: int, c: int, k: int, height: int, width: int
) -> None:
    generator = torch.Generator().manual_seed(height * 100 + width)
    images = torch.randn(n, c, height, width, generator=generator)
    gradient = torch.randn(n, k, height, width, generator=generator)
    weight = torch.zeros(k, c, size, size, dtype=torch.float64, requires_grad=True)
    out = F.conv2d(images.double(), weight, padding=size // 2)
    (expected,) = torch.autograd.grad(out, weight, gradient.double())
    found = weight_gradient(images, gradient, size)
    scale = (n * height * width) ** 0.5  # of a sum of so many products of unit variance
    assert torch.allclose(found.double(), expected, atol=3e-5 * scale)


@pytest.mark.parametrize("chunk", [1, 100_000, 10**9])
def test_working_in_chunks_leaves_no_image_out(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "CHUNK_BYTES", chunk)
    images, gradient = torch.randn(7, 3, 8, 8), torch.randn(7, 4, 8, 8)
    each = [weight_gradient(images[i : i + 1], gradient[i : i + 1], 3) for i in range(7)]
    assert torch.allclose(weight_gradient(images, gradient, 3), sum(each), atol=1e-3)


@pytest.mark.parametrize(("size", "channels"), [(3, 48), (5, 48), (1, 64), (3, 8), (5, 3)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_the_layer_computes_what_torch_computes(
    size: int, channels: int, bias: bool, layout: torch.memory_format
) -> None:
    layer = SameConv2d(channels, 48, size, bias=bias).to(memory_format=layout)
    plain = nn.Conv2d(channels, 48, size, padding=size // 2, bias=bias)
    plain.load_state_dict(layer.state_dict())
    images = torch.randn(3, channels, 9, 9).to(memory_format=layout).requires_grad_()
    ours, theirs = layer(images), plain(images)
    assert torch.allclose(ours, theirs, atol=1e-5)
    weights = torch.randn_like(ours)
    for found, expected in zip(
        torch.autograd.grad(ours, [images, *layer.parameters()], weights),
        torch.autograd.grad(theirs, [images, *plain.parameters()], weights),
        strict=True,
    ):
        assert torch.allclose(found, expected, atol=2e-3)


def test_the_choice_depends_on_the_shape_and_never_on_time(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[int, ...]] = []
    original = convolution.weight_gradient
    monkeypatch.setattr(
        convolution,
        "weight_gradient",
        lambda x, g, size: (called.append((x.shape[1], g.shape[1])), original(x, g, size))[1],
    )
    for channels in (8, 31, 64):
        layer = SameConv2d(channels, 64, 3)
        layer(torch.randn(1, channels, 6, 6)).sum().backward()
        with torch.autocast("cpu", torch.bfloat16):
            layer(torch.randn(1, channels, 6, 6)).float().sum().backward()
    assert called == [(64, 64)]
