"""How long a run will take, and how much of it is left, from epochs that were measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.run.metrics import EpochMetrics
from core.run.spec import RunSpec


@dataclass(frozen=True, slots=True)
class MeasuredEpoch:
    """Duration of one epoch of an earlier run, with what it depends on."""

    spec: RunSpec
    train_seconds: float
    evaluation_seconds: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds that a number of epochs will take: the likely value and a range."""

    seconds: float
    low: float
    high: float
    basis: str
    """A sentence that says what it rests on."""


START_SECONDS = 1.0
"""Claiming, preparing the data and building the network, once a run."""


def estimate(spec: RunSpec, epochs: int, measured: Sequence[MeasuredEpoch]) -> Estimate | None:
    """Time for `epochs` epochs of `spec`, from `measured` epochs, newest first.

    The time per image is taken from the runs most like this one; the range spans those runs and
    is never narrower than ±30 %, since machines are shared. None where nothing was measured.
    """
    alike = _most_alike(spec, measured)
    if not alike:
        return None
    if epochs == 0:
        return Estimate(seconds=0, low=0, high=0, basis="nothing is left to train")
    seconds = sorted(
        START_SECONDS
        + epochs
        * (
            m.train_seconds / m.spec.train_size * spec.train_size
            + m.evaluation_seconds
            / (m.spec.train_size + m.spec.test_size)
            * (spec.train_size + spec.test_size)
        )
        for m in alike
    )
    middle = seconds[len(seconds) // 2]
    return Estimate(
        seconds=middle,
        low=min(seconds[0], middle / 1.3),
        high=max(seconds[-1], middle * 1.3),
        basis=f"measured on {len(alike)} earlier run{'s' if len(alike) > 1 else ''} "
        f"of {spec.model}",
    )


TRAINING_COST = 3.0
"""A training step costs three times the evaluation of its images: forward, and backward twice."""


def remaining(
    spec: RunSpec,
    epochs: int,
    *,
    epoch: int,
    step: int,
    evaluated: float = 0.0,
    latest: EpochMetrics | None = None,
) -> tuple[float, float | None]:
    """Part done of `epochs` epochs, 0 to 1, and the seconds left at the newest epoch's pace.

    Args:
        epoch, step: epochs and optimiser steps completed.
        evaluated: part done, 0 to 1, of the evaluation that follows the epoch's last step.
        latest: the newest epoch; where there is none, the seconds are None.

    The evaluation is part of an epoch, and most of it where a small subset is trained and the whole
    test set evaluated.
    """
    training = TRAINING_COST * spec.train_size
    evaluation = float(spec.train_size + spec.test_size)
    if latest is not None and latest.train_seconds + latest.evaluation_seconds > 0:
        training, evaluation = latest.train_seconds, latest.evaluation_seconds
    trained = min(max(step / spec.steps_per_epoch - epoch, 0.0), 1.0)
    within = (trained * training + evaluated * evaluation) / (training + evaluation)
    done = min(epoch + within, epochs)
    seconds = None if latest is None else (epochs - done) * (training + evaluation)
    return done / epochs, seconds


def _most_alike(spec: RunSpec, measured: Sequence[MeasuredEpoch]) -> list[MeasuredEpoch]:
    """The runs of the same model that share the most of what sets the time per image."""

    def shared(m: MeasuredEpoch) -> int:
        return (
            16 * (_pixels(m.spec) == _pixels(spec))
            + 8 * (m.spec.width == spec.width)
            + 4 * (m.spec.augments == spec.augments)
            + 2 * (m.spec.precision == spec.precision)
            + (m.spec.batch_size == spec.batch_size)
        )

    same_model = [m for m in measured if m.spec.model == spec.model]
    best = max(map(shared, same_model), default=0)
    return [m for m in same_model if shared(m) == best][:5]


def _pixels(spec: RunSpec) -> int:
    """Numbers in an image as the network sees it."""
    return spec.crop**2 * spec.dataset_info.channels
