"""How far a run should go: a demand of its owner, met by a prefix of the run's trajectory."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from core.run.metrics import Epoch
from core.run.spec import rounded

LAUNCH = "launch"
"""Owner of the demand that a single launch makes; a study's is study:<id>."""


class Judged(Protocol):
    """What a stop rule is judged on: an epoch, or the best of each that a run has had."""

    @property
    def train_loss(self) -> float: ...

    @property
    def train_accuracy(self) -> float: ...


class StopRule(BaseModel):
    """Ends a demand early, judged on the full evaluation after each epoch. Either may hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    train_loss: Annotated[float, Field(gt=0, le=100), AfterValidator(rounded)] | None = Field(
        None, description="Stop once the training loss is below this."
    )
    train_accuracy: Annotated[float, Field(gt=0, le=1), AfterValidator(rounded)] | None = Field(
        None, description="Stop once the training accuracy is at least this."
    )

    def holds(self, metrics: Judged) -> bool:
        return (self.train_loss is not None and metrics.train_loss < self.train_loss) or (
            self.train_accuracy is not None and metrics.train_accuracy >= self.train_accuracy
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


def of_studies(owners: Iterable[str]) -> list[str]:
    """Ids of the studies among the owners of demands, each once."""
    return sorted({owner.split(":")[1] for owner in owners if owner != LAUNCH})


def still_wanted(run_id: str, owners: Iterable[str]) -> str:
    """Why a cancelled run goes on: who demands it, and what can be done about it."""
    ids = of_studies(owners)
    return (
        f"Run {run_id} goes on: study {', study '.join(ids)} wants it. Cancel the study "
        f"(`rethink study cancel {ids[0]}`), or end this run for every study "
        f"(`rethink runs cancel {run_id} --everywhere`)."
    )
