"""Times are estimated from measured epochs of the runs most alike."""

import pytest

from core.domain.estimates import START_SECONDS, MeasuredEpoch, estimate
from core.domain.spec import RunSpec


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


def test_nothing_left_to_train_takes_no_time() -> None:
    guess = estimate(RunSpec(), 0, [measured(RunSpec(), 5)])
    assert guess is not None
    assert guess.seconds == 0
