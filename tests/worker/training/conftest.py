"""Torch as the trainer process configures it, for every test of the engine."""

from collections.abc import Iterator

import pytest

from worker.training import device


@pytest.fixture(scope="session", autouse=True)
def _configured_as_in_a_trainer() -> None:
    device.configure(threads=1)


@pytest.fixture
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """Trains with as many threads as the test's parameter says; afterwards with one again."""
    device.configure(threads=request.param)
    yield request.param
    device.configure(threads=1)
