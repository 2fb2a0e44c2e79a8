"""How far a run should go: a demand of its owner, met by a prefix of the run's trajectory."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, Field

from core.domain.metrics import Epoch

LAUNCH = "launch"
"""Owner of the demand that a single launch makes; a study's is study:<id>."""


class StopRule(BaseModel):
    """Ends a demand early, judged on the full evaluation after each epoch. Either may hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    train_loss: float | None = Field(
        None, gt=0, le=100, description="Stop once the training loss is below this."
    )
    train_accuracy: float | None = Field(
        None, gt=0, le=1, description="Stop once the training accuracy is at least this."
    )

    def holds(self, metrics: Epoch) -> bool:
        return self.held(metrics.train_loss, metrics.train_accuracy)

    def held(self, least_loss: float, best_accuracy: float) -> bool:
        """Whether it held after one of the epochs that have these extremes."""
        return (self.train_loss is not None and least_loss < self.train_loss) or (
            self.train_accuracy is not None and best_accuracy >= self.train_accuracy
        )


class Demand(BaseModel):
    """A prefix of a run's trajectory: `epochs` epochs, or fewer if the stop rule holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(ge=1, le=10_000, description="Epochs to train at most.")
    stop: StopRule = Field(StopRule(), description="Rule that ends the run early.")

    def is_met(self, curve: Sequence[Epoch]) -> bool:
        """Whether `curve`, the metrics from epoch 1 on, holds all that was asked for."""
        return len(curve) >= self.epochs or any(self.stop.holds(m) for m in curve)

    def prefix(self, curve: Sequence[Epoch]) -> Sequence[Epoch]:
        """The part of `curve` that this demand asked for."""
        asked = curve[: self.epochs]
        if self.stop == StopRule():
            return asked
        for i, metrics in enumerate(asked):
            if self.stop.holds(metrics):
                return asked[: i + 1]
        return asked


def all_met(demands: Iterable[Demand], curve: Sequence[Epoch]) -> bool:
    return all(demand.is_met(curve) for demand in demands)
