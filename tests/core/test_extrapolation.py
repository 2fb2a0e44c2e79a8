"""How long a run will still take to fit, told by its own curve or by another criterion."""

import math

import pytest

from core.paper.criteria import CRITERIA, Criterion
from core.paper.extrapolation import depth, epochs_until
from core.paper.plans import Planned, expected_epochs
from core.paper.scales import Scale
from core.paper.studies import StudyName, plan
from core.run.demands import StopRule
from core.run.metrics import EpochMetrics
from tests.core.hand_made import metrics

IMAGES = 2000


def falling(epochs: int, rate: float = 0.8) -> list[EpochMetrics]:
    """Loss and error fall by the same factor every epoch, from 2 and .5."""
    return [metrics(i, 2 * rate**i, accuracy=1 - 0.5 * rate**i) for i in range(1, epochs + 1)]


def mlp(criterion: str | None = None) -> Planned:
    """MLP 1×512 of smoke on true labels, expected to have 98 % after 9 epochs; at most 100."""
    chosen = CRITERIA[criterion] if criterion else None
    entries = plan(StudyName.FIGURE_1BC, Scale.SMOKE, criterion=chosen)
    return next(e for e in entries if e.spec.model == "mlp-1x512")


@pytest.mark.parametrize("criterion", CRITERIA.values(), ids=lambda c: c.name)
def test_an_even_fall_is_drawn_on_to_the_epoch_at_which_it_fits(criterion: Criterion) -> None:
    # Half a wrong image of 2,000 counts as none: an error of .5 · .8³⁵ is below that.
    fits = next(m.epoch for m in falling(35) if criterion.holds(m) or m.epoch == 35)
    found = epochs_until(criterion.stop_rule, falling(5), IMAGES)
    assert fits - 1 < found <= max(fits, 6)


def test_the_last_half_tells_and_not_how_it_began() -> None:
    stuck = [metrics(i, 2.3, accuracy=0.1) for i in range(1, 9)]
    then = [metrics(8 + m.epoch, m.train_loss, accuracy=m.train_accuracy) for m in falling(8)]
    assert epochs_until(StopRule(train_loss=0.05), stuck + then, IMAGES) == pytest.approx(
        24.5, 0.01
    )


def test_either_part_of_a_rule_suffices() -> None:
    curve, rule = falling(6), StopRule(train_loss=1e-6, train_accuracy=0.98)
    assert epochs_until(rule, curve, IMAGES) == pytest.approx(
        epochs_until(StopRule(train_accuracy=0.98), curve, IMAGES)
    )


def test_a_curve_that_does_not_fall_never_fits() -> None:
    flat = [metrics(i, 2.3, accuracy=0.1) for i in range(1, 20)]
    assert math.isinf(epochs_until(StopRule(train_loss=0.05), flat, IMAGES))
    rising = list(reversed(falling(9)))
    assert math.isinf(epochs_until(StopRule(train_accuracy=0.98), rising, IMAGES))
    fitted = [metrics(i, 0.0, accuracy=1.0) for i in range(1, 5)]
    assert math.isinf(epochs_until(StopRule(train_loss=1e-12), fitted, IMAGES))


def test_a_stricter_criterion_is_deeper() -> None:
    rules = [CRITERIA[f"loss-{loss}"].stop_rule for loss in ("0.6", "0.5", "0.25", "0.1", "0.05")]
    depths = [depth(rule, IMAGES, 10) for rule in rules]
    assert depths == sorted(depths)
    accuracies = [CRITERIA[f"accuracy-{percent}"] for percent in ("98", "99.9", "100")]
    depths = [depth(criterion.stop_rule, IMAGES, 10) for criterion in accuracies]
    assert depths == sorted(depths)
    assert all(depth(StopRule(train_loss=50), IMAGES, classes) > 0 for classes in (2, 10, 256))


def test_a_run_that_fitted_by_its_own_criterion_is_drawn_on_to_a_stricter_one() -> None:
    fitted = falling(15)
    assert CRITERIA["accuracy-98"].holds(fitted[-1])
    assert expected_epochs(mlp("loss-0.05"), fitted) == 17
    assert expected_epochs(mlp("accuracy-100"), fitted) == 35


def test_a_run_that_has_outlived_what_was_expected_is_judged_by_its_own_curve() -> None:
    slow = falling(20, rate=0.9)
    assert not CRITERIA["accuracy-98"].holds(slow[-1])
    assert expected_epochs(mlp(), slow) == 31


def test_a_run_that_has_hardly_begun_is_expected_to_do_as_others_did() -> None:
    begun = [metrics(i, 2.3, accuracy=0.1) for i in range(1, 5)]
    assert expected_epochs(mlp(), begun) == expected_epochs(mlp()) == 9


def test_the_limit_of_the_demand_bounds_all() -> None:
    flat = [metrics(i, 2.3, accuracy=0.1) for i in range(1, 20)]
    assert expected_epochs(mlp(), flat) == 100
    assert expected_epochs(mlp("accuracy-100"), falling(90, rate=0.99)) == 100


def test_without_a_curve_a_stricter_criterion_takes_longer() -> None:
    names = ("accuracy-98", "loss-0.05", "accuracy-99.9", "accuracy-100")
    expected = [expected_epochs(mlp(name)) for name in names]
    # Measured at smoke on true labels, seed 0: 9, 12, 12, 12; on random ones 12, 15, 15, 15.
    assert expected == [9, 12, 14, 16]
