"""When a stop rule is likely to hold of a run: for estimates of time alone.

Loss and training error fall evenly on a logarithmic scale once a network has begun to fit. So a
run's own curve is drawn on as a straight line through its last half, where the learning rate is
what it is by now; without a curve, one criterion is held against another.
"""

import math
from collections.abc import Sequence
from statistics import linear_regression

from core.run.demands import StopRule
from core.run.metrics import Epoch

SMALLEST = 1e-9
"""Keeps logarithms finite."""


def epochs_until(rule: StopRule, curve: Sequence[Epoch], images: int) -> float:
    """The epoch after the curve's last at which `rule` holds, on the line of the last half.

    Infinite where nothing falls. `images` in the training set: half of one wrong counts as none.
    """
    half = curve[min(len(curve) // 2, len(curve) - 2) :]
    left = [math.inf]
    if rule.train_loss is not None:
        left.append(_left([m.train_loss for m in half], rule.train_loss))
    if rule.train_accuracy is not None:
        least = 0.5 / images
        errors = [max(1 - m.train_accuracy, least) for m in half]
        left.append(_left(errors, max(1 - rule.train_accuracy, least)))
    return len(curve) + max(min(left), 1.0)


def _left(values: Sequence[float], target: float) -> float:
    """Steps after the last of the values until the line through their logarithms is at `target`."""
    logs = [math.log(max(value, SMALLEST)) for value in values]
    slope, now = linear_regression(range(1 - len(logs), 1), logs)
    return (math.log(target) - now) / slope if slope < 0 else math.inf


def depth(rule: StopRule, images: int, classes: int) -> float:
    """How far the logarithm of the loss has to fall from chance, ln classes, until the rule holds.

    An accuracy counts as the loss that goes with it: about the root of the error, .14 at 98 % and
    .03 at 99.9 %, where measured curves of MLPs and Inception had .10 to .16 and .04 to .06.
    """
    losses = [rule.train_loss] if rule.train_loss is not None else []
    if rule.train_accuracy is not None:
        losses.append(math.sqrt(max(1 - rule.train_accuracy, 0.5 / images)))
    chance = math.log(classes)
    return math.log(chance / min(max(losses), 0.87 * chance))
