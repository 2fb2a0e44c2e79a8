"""A demand is met by a prefix of the curve, and a panel reads that prefix alone."""

import pytest

from core.run.demands import Demand, StopRule
from core.run.metrics import EpochMetrics


def curve(*losses: float) -> list[EpochMetrics]:
    return [
        EpochMetrics(
            epoch=i,
            step=10 * i,
            train_loss=loss,
            train_accuracy=1 / (1 + loss),
            test_loss=2.0,
            test_accuracy=0.3,
            online_loss=9.0,  # by online values no rule would ever hold
            online_accuracy=0.0,
            learning_rate=0.1,
            images_per_second=100,
            train_seconds=1,
            evaluation_seconds=0.5,
        )
        for i, loss in enumerate(losses, start=1)
    ]


def test_epochs_are_counted() -> None:
    demand = Demand(epochs=2)
    assert not demand.is_met(curve(1.0))
    assert demand.is_met(curve(1.0, 0.9))


def test_a_stop_rule_meets_a_demand_early() -> None:
    demand = Demand(epochs=100, stop=StopRule(train_loss=0.5))
    assert not demand.is_met(curve(1.0, 0.5))  # below, not equal
    assert demand.is_met(curve(1.0, 0.49))
    assert demand.is_met(curve(1.0, 0.49, 0.8))  # it held once


def test_accuracy_counts_from_equality_on() -> None:
    assert Demand(epochs=9, stop=StopRule(train_accuracy=0.5)).is_met(curve(1.0))


def test_a_later_extension_does_not_change_what_a_demand_reads() -> None:
    long = curve(1.0, 0.9, 0.4, 0.3, 0.2)
    assert Demand(epochs=2).prefix(long) == long[:2]
    assert Demand(epochs=4, stop=StopRule(train_loss=0.5)).prefix(long) == long[:3]
    assert Demand(epochs=9).prefix(long) == long


@pytest.mark.parametrize("epochs", [0, -1, 10**9])
def test_epochs_have_limits(epochs: int) -> None:
    with pytest.raises(ValueError, match="epochs"):
        Demand(epochs=epochs)


def test_thresholds_are_rounded_as_in_specs() -> None:
    rule = StopRule(train_loss=0.1 + 0.2, train_accuracy=0.7 + 0.2)
    assert (rule.train_loss, rule.train_accuracy) == (0.3, 0.9)
