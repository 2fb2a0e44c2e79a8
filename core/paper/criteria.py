"""When a run counts as fitted: chosen after the runs, judged on their stored curves.

A run that reached the limit of its demand without fitting is *censored*: all that is known is a
lower bound, and it is never shown as a value. A run that ended earlier for another reason needs
extending before anything can be said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from core.catalogue import models
from core.run.demands import StopRule
from core.run.metrics import Epoch


@dataclass(frozen=True, slots=True)
class Criterion:
    """A threshold on the evaluation of the whole training set after an epoch."""

    name: str
    measure: Literal["train_loss", "train_accuracy"]
    threshold: float

    @property
    def title(self) -> str:
        if self.measure == "train_loss":
            return f"training loss below {self.threshold:g}"
        return f"training accuracy of {100 * self.threshold:g} %"

    def holds(self, metrics: Epoch) -> bool:
        if self.measure == "train_loss":
            return metrics.train_loss < self.threshold
        return metrics.train_accuracy >= self.threshold

    @property
    def stop_rule(self) -> StopRule:
        """The rule that ends a demand as soon as the criterion holds."""
        return StopRule(**{self.measure: self.threshold})


def _loss(threshold: float) -> Criterion:
    return Criterion(f"loss-{threshold:g}", "train_loss", threshold)


def _accuracy(percent: float) -> Criterion:
    return Criterion(f"accuracy-{percent:g}", "train_accuracy", round(percent / 100, 6))


CRITERIA: dict[str, Criterion] = {
    c.name: c
    for c in (
        *map(_loss, (0.05, 0.1, 0.25, 0.5, 0.6)),
        *map(_accuracy, (98, 99.9, 100)),
    )
}
"""0.05 is the paper's as inferred from its points; 0.1 to 0.6 are the report's."""

if TYPE_CHECKING:
    CriterionName = str
else:
    CriterionName = Literal["default", *CRITERIA]
"""What a reader may choose: a name in `CRITERIA`, or each model's own."""


def default_criterion(model: str) -> Criterion:
    """The model's own: when it counts as fitted unless a reader chooses otherwise."""
    return CRITERIA[models[model].criterion]


class FitState(StrEnum):
    FITTED = "fitted"
    CENSORED = "censored"
    """Reached its epoch limit without fitting: its epochs are a lower bound."""
    NEEDS_EXTENDING = "needs extending"
    """Ended before its limit, without fitting by this criterion."""
    DIVERGED = "diverged"
    """The loss became infinite before it fitted: it never will."""
    RUNNING = "running"
    """Not there yet, and still going on or waiting."""
    MISSING = "missing"
    """There is no such run."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether and when a run fitted. `epochs`: until it fitted, else those trained so far."""

    state: FitState
    epochs: int

    @property
    def is_lower_bound(self) -> bool:
        return self.state is FitState.CENSORED


def epochs_to_fit(
    curve: Sequence[Epoch],
    criterion: Criterion,
    *,
    limit: int,
    diverged: bool = False,
    ended: bool = True,
) -> Fit:
    """The first epoch after which `criterion` holds, or why there is none.

    Args:
        curve: metrics from epoch 1 on; the prefix that the demand asked for.
        limit: the demand's epochs. A curve this long without fitting is censored.
        diverged: the trajectory ended in a loss that is infinite or NaN.
        ended: no worker will add to the curve unless asked.
    """
    for metrics in curve[:limit]:
        if criterion.holds(metrics):
            return Fit(FitState.FITTED, metrics.epoch)
    trained = min(len(curve), limit)
    if trained >= limit:
        return Fit(FitState.CENSORED, limit)
    if diverged:
        return Fit(FitState.DIVERGED, trained)
    return Fit(FitState.NEEDS_EXTENDING if ended else FitState.RUNNING, trained)
