"""Times are estimated from measured epochs of the runs most alike."""

import pytest

from core.run.estimates import START_SECONDS, MeasuredEpoch, estimate, remaining
from core.run.metrics import EpochMetrics
from core.run.spec import RunSpec


def measured(spec: RunSpec, train_seconds: float, evaluation_seconds: float = 0) -> MeasuredEpoch:
    return MeasuredEpoch(spec, train_seconds, evaluation_seconds)


def test_nothing_is_known_before_a_run_of_the_model_was_measured() -> None:
    assert estimate(RunSpec(), 10, []) is None
    assert estimate(RunSpec(), 10, [measured(RunSpec(model="alexnet"), 60)]) is None


def test_training_scales_with_images_and_epochs() -> None:
    small = RunSpec(n_train=5_000)
    guess = estimate(RunSpec(n_train=10_000), 7, [measured(small, 2.0)])
    assert guess is not None
    assert guess.seconds == pytest.approx(START_SECONDS + 7 * 2 * 2.0)


def test_evaluation_scales_with_both_sets() -> None:
    small = RunSpec(n_train=1_000, n_test=1_000)
    guess = estimate(RunSpec(n_train=1_000, n_test=5_000), 1, [measured(small, 0.0, 1.0)])
    assert guess is not None
    assert guess.seconds == pytest.approx(START_SECONDS + 3.0)


def test_the_runs_most_alike_count_and_span_the_range() -> None:
    wide, narrow = RunSpec(), RunSpec(width=0.25)
    seen = [measured(narrow, 1), measured(wide, 10), measured(wide, 20), measured(wide, 12)]
    guess = estimate(RunSpec(seed=3), 1, seen)
    assert guess is not None
    assert guess.seconds == pytest.approx(START_SECONDS + 12)
    assert guess.low <= START_SECONDS + 10
    assert guess.high >= START_SECONDS + 20
    assert "3 earlier runs of mlp-1x512" in guess.basis


def test_runs_on_images_of_the_same_size_count_more_than_others() -> None:
    seen = [measured(RunSpec(crop=32), 30), measured(RunSpec(batch_size=100), 10)]
    guess = estimate(RunSpec(), 1, seen)
    assert guess is not None
    assert guess.seconds == pytest.approx(START_SECONDS + 10)


def test_nothing_left_to_train_takes_no_time() -> None:
    guess = estimate(RunSpec(), 0, [measured(RunSpec(), 5)])
    assert guess is not None
    assert guess.seconds == 0


HALF = RunSpec(n_train=1_000, n_test=2_000, batch_size=100)
"""Ten steps an epoch; by the rule of thumb half of an epoch is evaluation."""


def epoch_of(train_seconds: float, evaluation_seconds: float) -> EpochMetrics:
    zeros = dict.fromkeys(EpochMetrics.model_fields, 0) | {"epoch": 1, "step": 10}
    seconds = {"train_seconds": train_seconds, "evaluation_seconds": evaluation_seconds}
    return EpochMetrics.model_validate(zeros | seconds)


def test_before_an_epoch_was_measured_the_time_left_is_unknown() -> None:
    assert remaining(HALF, 2, epoch=0, step=5) == (pytest.approx(1 / 8), None)


def test_an_epoch_is_not_done_before_it_was_evaluated() -> None:
    latest = epoch_of(train_seconds=10, evaluation_seconds=30)
    for step, evaluated, fraction, seconds in (
        (10, 0.0, 0.5, 40),  # the first of two epochs is done
        (15, 0.0, 0.5625, 35),
        (20, 0.0, 0.625, 30),  # all steps are, and the evaluation is to come
        (20, 0.5, 0.8125, 15),
    ):
        left = remaining(HALF, 2, epoch=1, step=step, evaluated=evaluated, latest=latest)
        assert left == (pytest.approx(fraction), pytest.approx(seconds))


def test_what_is_behind_the_last_epoch_leaves_nothing() -> None:
    left = remaining(HALF, 2, epoch=3, step=30, latest=epoch_of(10, 30))
    assert left == (1.0, 0.0)
