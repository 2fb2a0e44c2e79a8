"""Torch as the trainer process configures it, for every test of the engine."""

from collections.abc import Iterator

import pytest
import torch

from worker.training import device


@pytest.fixture(scope="module", autouse=True)
def _configured_as_in_a_trainer() -> Iterator[None]:
    device.configure(threads=1)
    yield
    torch.set_flush_denormal(False)  # hypothesis, in other tests, draws denormal numbers


@pytest.fixture
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """Trains with as many threads as the test's parameter says; afterwards with one again."""
    device.configure(threads=request.param)
    yield request.param
    device.configure(threads=1)
