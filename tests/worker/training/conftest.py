"""Torch as the trainer process configures it, for every test of the engine."""

import pytest

from worker.training import device


@pytest.fixture(scope="session", autouse=True)
def _configured_as_in_a_trainer() -> None:
    device.configure(threads=1)
