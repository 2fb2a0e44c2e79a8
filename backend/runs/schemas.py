"""What the runs' routes take and give."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from backend.texts import ShortText
from core.run.demands import Demand, StopRule
from core.run.lifecycle import RunState
from core.run.metrics import EpochMetrics, Progress
from core.run.spec import RunSpec, SpecRequest

Time = Annotated[
    float,
    PlainSerializer(
        lambda t: datetime.fromtimestamp(t, UTC).isoformat(timespec="milliseconds"),
        return_type=str,
    ),
    Field(description="Time, ISO 8601 in UTC."),
]

Priority = Annotated[
    int, Field(ge=-100, le=100, description="Runs of higher priority are trained first.")
]


class RunRequest(BaseModel):
    """A spec, and how far to train it."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    spec: SpecRequest = Field(
        default_factory=SpecRequest, description="What to train; all has defaults."
    )
    epochs: int = Field(10, ge=1, le=10_000, description="Epochs to train at most.")
    stop: StopRule = Field(StopRule(), description="Rule that ends the run early.")
    name: ShortText = Field("", description="A name of your own; free text.")
    priority: Priority = 0

    @property
    def demand(self) -> Demand:
        return Demand(epochs=self.epochs, stop=self.stop)


class ExtendRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    epochs: int = Field(ge=1, le=10_000, description="Epochs the run shall have in all.")


class PriorityRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    priority: Priority


class RunError(BaseModel):
    """Why a run failed."""

    message: str = Field(description="A sentence that says what happened and what to do.")
    detail: str = Field("", description="The traceback or the worker's last words.")


class RunWorker(BaseModel):
    """Who trains a run now."""

    id: str = Field(description="The worker's id.")
    host: str = Field(description="The machine it runs on.")
    device: str = Field(description="What it trains on.")


class DemandView(BaseModel):
    """How far an owner asks the run to go."""

    owner: str = Field(description="launch for a single launch, study:<id>:<panel> for a study.")
    epochs: int = Field(description="Epochs asked for at most.")
    stop: StopRule = Field(description="Rule that ends the demand early.")
    withdrawn: bool = Field(description="Whether it was taken back by a cancel.")


class AttemptView(BaseModel):
    """One worker's turn at the run."""

    attempt: int = Field(description="Number of the turn, from 1.")
    worker_id: str = Field(description="The worker that took it.")
    started_at: Time
    ended_at: Time | None = Field(description="When it ended; null while it goes on.")
    outcome: str | None = Field(description="Why it ended.")
    provenance: dict[str, Any] | None = Field(
        description="Code and package versions, device, precision and why, threads, fingerprints; "
        "`passed_over`: checkpoints that could not be read, each with the reason."
    )


class RunView(BaseModel):
    """A run: its spec, its state and how far it is."""

    id: str = Field(description="First 16 hex digits of the spec's hash.")
    name: str = Field(description="The name it was given.")
    spec: RunSpec | dict[str, Any] = Field(
        description="All that determines its weights; as stored where it is not understood."
    )
    unknown_spec: str | None = Field(
        description="Why the spec is not understood: it is another version's. Null as a rule."
    )
    changes: dict[str, Any] = Field(
        description="The spec's fields that differ from the model's default."
    )
    spec_hash: str = Field(description="SHA-256 of the canonical spec: the run's identity.")
    precision_reason: str = Field(description="Why the run has its precision.")
    state: RunState = Field(description="Where the run is in its life.")
    outcome: str | None = Field(description="How it ended: completed, diverged, failed, cancelled.")
    error: RunError | None = Field(description="Why it failed, if it did.")
    epochs: int = Field(description="Epochs asked for, the most of all demands.")
    stop: StopRule = Field(description="The rule that may end it earlier.")
    epochs_done: int = Field(description="Epochs whose metrics are stored.")
    step: int = Field(description="Optimiser steps done.")
    steps_per_epoch: int | None = Field(
        description="Optimiser steps an epoch takes; null where the spec is not understood."
    )
    progress: Progress | None = Field(description="What it is doing now, while it is running.")
    fraction: float | None = Field(description="Part done of the epochs asked for, 0 to 1.")
    eta_seconds: float | None = Field(description="Time left; null until it can be told.")
    queue_position: int | None = Field(description="Place in the queue, 1 is next.")
    obstacle: str | None = Field(None, description="Why no worker can train it, if none can.")
    priority: int = Field(description="Runs of higher priority are trained first.")
    attempt: int = Field(description="Number of the current or last turn of a worker.")
    cancel_requested: bool = Field(description="Whether it will be cancelled at the next step.")
    pause_requested: bool = Field(description="Whether it will be paused at the next step.")
    created_at: Time
    started_at: Time | None = Field(description="When a worker first took it.")
    finished_at: Time | None = Field(description="When it ended.")
    latest: EpochMetrics | None = Field(description="The newest epoch's metrics.")
    worker: RunWorker | None = Field(description="Who trains it now.")
    demands: list[DemandView] = Field(description="Who asked for it, and how far.")
    attempts: list[AttemptView] = Field(
        [], description="Every turn of a worker; only when one run is shown."
    )


class RunPage(BaseModel):
    """A page of runs."""

    items: list[RunView] = Field(description="The runs of this page.")
    total: int = Field(description="Runs that fit the filters in all.")
    limit: int = Field(description="Runs a page.")
    offset: int = Field(description="Runs before this page.")


class MetricsView(BaseModel):
    """The curve of a run."""

    run_id: str = Field(description="The run.")
    items: list[EpochMetrics] = Field(description="One entry an epoch, from epoch 1 on.")
    wrong_labels: int | None = Field(
        description="Training images whose label is not the true one; null until counted."
    )


class EstimateView(BaseModel):
    """What a request would cost."""

    run_id: str | None = Field(description="The run that has this spec already, if any.")
    existing_state: RunState | None = Field(description="Its state.")
    existing_epochs: int = Field(description="Epochs it has already.")
    answered_by: str | None = Field(
        description="A complete run of the same question by another engine, precision or "
        "replicate. Figures and studies count it; a launch trains its own spec all the same."
    )
    epochs: int = Field(description="Epochs still to train.")
    images: int = Field(description="Training images still to process.")
    seconds: float | None = Field(description="Likely time of training; null: unknown yet.")
    low_seconds: float | None = Field(description="Lower end of the range.")
    high_seconds: float | None = Field(description="Upper end of the range.")
    basis: str = Field(description="What the estimate rests on.")
    waiting: int = Field(description="Runs that wait before it.")


SortKey = Literal[
    "created_at",
    "-created_at",
    "finished_at",
    "-finished_at",
    "epochs_done",
    "-epochs_done",
    "name",
    "-name",
    "model",
    "-model",
    "state",
    "-state",
]
