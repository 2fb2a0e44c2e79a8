"""When a stored curve counts as fitted."""

from collections.abc import Sequence

import pytest

from core.catalogue import models
from core.paper.criteria import (
    CRITERIA,
    Fit,
    FitState,
    default_criterion,
    epochs_to_fit,
)
from core.run.metrics import EpochMetrics


def curve(losses: Sequence[float], accuracies: Sequence[float] = ()) -> list[EpochMetrics]:
    return [
        EpochMetrics(
            epoch=i + 1,
            step=10 * (i + 1),
            train_loss=loss,
            train_accuracy=accuracies[i] if accuracies else 0.5,
            test_loss=2.0,
            test_accuracy=0.3,
            online_loss=9.0,  # by online values nothing would ever fit
            online_accuracy=0.0,
            learning_rate=0.1,
            images_per_second=100,
            train_seconds=1,
            evaluation_seconds=0.5,
        )
        for i, loss in enumerate(losses)
    ]


@pytest.mark.parametrize(
    ("losses", "limit", "options", "fit"),
    [
        ([1, 0.2, 0.04, 0.01], 10, {}, Fit(FitState.FITTED, 3)),
        ([1, 0.2, 0.04], 3, {}, Fit(FitState.FITTED, 3)),
        ([1, 0.2, 0.05], 3, {}, Fit(FitState.CENSORED, 3)),
        ([1, 0.2, 0.05, 0.01], 3, {}, Fit(FitState.CENSORED, 3)),
        ([1, 0.2], 10, {}, Fit(FitState.NEEDS_EXTENDING, 2)),
        ([1, 0.2], 10, {"ended": False}, Fit(FitState.RUNNING, 2)),
        ([], 10, {"ended": False}, Fit(FitState.RUNNING, 0)),
        ([1, 2], 10, {"diverged": True}, Fit(FitState.DIVERGED, 2)),
        ([1, 0.01, 3], 10, {"diverged": True}, Fit(FitState.FITTED, 2)),
        ([1, 0.01, 0.3], 10, {}, Fit(FitState.FITTED, 2)),
    ],
)
def test_a_curve_is_fitted_censored_too_short_or_diverged(
    losses: list[float], limit: int, options: dict[str, bool], fit: Fit
) -> None:
    assert epochs_to_fit(curve(losses), CRITERIA["loss-0.05"], limit=limit, **options) == fit


def test_only_a_censored_run_is_a_lower_bound() -> None:
    assert Fit(FitState.CENSORED, 3).is_lower_bound
    assert not Fit(FitState.NEEDS_EXTENDING, 3).is_lower_bound


@pytest.mark.parametrize(
    ("accuracy", "name", "fitted"),
    [
        (0.98, "accuracy-98", True),
        (0.9799, "accuracy-98", False),
        (0.999, "accuracy-99.9", True),
        (0.9999, "accuracy-100", False),
        (1.0, "accuracy-100", True),
    ],
)
def test_an_accuracy_is_reached_when_equalled(accuracy: float, name: str, fitted: bool) -> None:
    fit = epochs_to_fit(curve([1], [accuracy]), CRITERIA[name], limit=1)
    assert (fit.state is FitState.FITTED) is fitted


def test_the_stop_rule_of_a_criterion_holds_exactly_when_it_does() -> None:
    for criterion in CRITERIA.values():
        for metrics in curve([0.04, 0.05, 0.3, 0.6], [1.0, 0.98, 0.9799, 0.5]):
            assert criterion.stop_rule.holds(metrics) == criterion.holds(metrics)


def test_the_report_s_criteria_are_among_them() -> None:
    losses = {c.threshold for c in CRITERIA.values() if c.measure == "train_loss"}
    assert losses >= {0.05, 0.1, 0.25, 0.5, 0.6}
    assert {default_criterion(model).name for model in models} <= set(CRITERIA)
    assert CRITERIA["accuracy-99.9"].title == "training accuracy of 99.9 %"
