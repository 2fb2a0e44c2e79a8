"""What worker and trainer say to each other: lines of JSON, checked on both sides."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

from core.run.demands import Demand
from core.run.lifecycle import Interrupt, Outcome
from core.run.metrics import EpochMetrics, Progress
from core.run.spec import RunSpec


class SavedState(BaseModel):
    """A checkpoint to go on from."""

    key: str
    sha256: str


class Train(BaseModel):
    """Train a run until all demands are met, from the newest of `checkpoints` that is whole."""

    do: Literal["train"] = "train"
    run_id: str
    attempt: int
    spec: RunSpec
    demands: Sequence[Demand]
    curve: Sequence[EpochMetrics]
    """The metrics stored so far."""
    checkpoints: Sequence[SavedState]
    """Newest first."""


class Change(BaseModel):
    """The demands on the run in progress have changed."""

    do: Literal["change"] = "change"
    demands: Sequence[Demand]


class Stop(BaseModel):
    """Stop the run in progress at the next step."""

    do: Literal["stop"] = "stop"
    why: Interrupt


Order = Train | Change | Stop
ORDER: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="do")])


class Ready(BaseModel):
    """The trainer has started and waits for orders."""

    tells: Literal["ready"] = "ready"
    capabilities: dict[str, Any]


class Provenance(BaseModel):
    tells: Literal["provenance"] = "provenance"
    provenance: dict[str, Any]


class ProgressReport(BaseModel):
    tells: Literal["progress"] = "progress"
    progress: Progress


class Epoch(BaseModel):
    tells: Literal["epoch"] = "epoch"
    metrics: EpochMetrics


class Saved(BaseModel):
    """A checkpoint is on the disk, whole."""

    tells: Literal["saved"] = "saved"
    step: int
    epoch: int
    key: str
    sha256: str
    size: int


class Ended(BaseModel):
    """The run in progress has ended; the trainer waits for orders again."""

    tells: Literal["ended"] = "ended"
    outcome: Outcome
    error: dict[str, Any] | None = None


Report = Ready | Provenance | ProgressReport | Epoch | Saved | Ended
REPORT: TypeAdapter[Report] = TypeAdapter(Annotated[Report, Field(discriminator="tells")])
