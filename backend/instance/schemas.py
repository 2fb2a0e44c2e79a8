"""What the server's own routes take and give."""

from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from backend.runs.schemas import Time
from core.paper.presets import Group
from core.paper.scales import Scale


class Check(BaseModel):
    ok: bool = Field(description="Whether it answers.")
    detail: str = Field(description="What is wrong, if anything; of the disk also what is free.")


class Health(BaseModel):
    """Whether the server can do its work."""

    status: Literal["ok", "degraded"] = Field(description="ok, or degraded: see the checks.")
    version: str = Field(description="Version of Rethink.")
    database: Check = Field(description="Whether the database answers.")
    broker: Check = Field(description="Whether the broker answers.")
    disk: Check = Field(description="Whether results can be written, with room for more.")
    workers: int = Field(description="Workers seen within a lease.")


class SignIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=500, description="The server's token.")


class DatasetView(BaseModel):
    """A dataset that runs can use."""

    name: str = Field(description="Name in a spec.")
    title: str = Field(description="Name for people.")
    classes: int = Field(description="Number of classes.")
    class_names: list[str] = Field(description="Names of the classes, in the order of labels.")
    height: int = Field(description="Of an image, in pixels.")
    width: int = Field(description="Of an image, in pixels.")
    channels: int = Field(description="3: colour; 1: grey.")
    train_size: int = Field(description="Training images.")
    test_size: int = Field(description="Test images.")


class ModelView(BaseModel):
    """A network that runs can use."""

    name: str = Field(description="Name in a spec.")
    title: str = Field(description="Name for people.")
    understands: frozenset[str] = Field(description="Fields of the spec that it alone reads.")
    color: int | None = Field(description="Place in the palette; null where it has none.")
    parameters: int | None = Field(
        None, description="Trainable parameters on CIFAR-10, counted by a worker; null without one."
    )


class RandomizationView(BaseModel):
    """A randomization that runs can have."""

    name: str = Field(description="Name in a spec.")
    title: str = Field(description="Name for people.")
    touches: Literal["nothing", "labels", "pixels"] = Field(description="What it replaces.")
    uses: frozenset[str] = Field(
        description="Which of corruption, variant and data_seed have an effect."
    )
    color: int | None = Field(description="Place in the palette; null where it has none.")


class PanelTypeView(BaseModel):
    """A figure or table."""

    name: str = Field(description="Name in addresses.")
    title: str = Field(description="Name for people.")
    kind: Literal["curves", "points", "rows"] = Field(description="How it is drawn.")
    study: str = Field(description="The study whose runs it reads.")
    takes_runs: bool = Field(description="Whether single runs can be chosen for it.")
    corrupted: bool = Field(description="Whether levels of corruption can be chosen.")
    fits: bool = Field(description="Whether a criterion of fitting can be chosen.")
    claim: str = Field(description="The paper's claim; empty if it makes none.")


class StudyTypeView(BaseModel):
    """A study of the catalogue."""

    name: str = Field(description="Name in a request.")
    title: str = Field(description="What it is.")
    scales: list[Scale] = Field(description="Scales at which there is such a study.")


class CriterionView(BaseModel):
    """When a run counts as fitted."""

    name: str = Field(description="Name in a request.")
    title: str = Field(description="Name for people.")


class PluginView(BaseModel):
    """A plugin of this server."""

    source: str = Field(description="Its file, or the package it came with.")
    adds: tuple[str, ...] = Field(description='What it adds, as in "model resnet18".')
    fault: str = Field(description="Why it was not loaded; empty if it was.")


class PresetView(BaseModel):
    """A request to start from."""

    name: str = Field(description="Name of the preset.")
    title: str = Field(description="Name for people.")
    description: str = Field(description="What it does.")
    group: Group = Field(
        description="quick: minutes at most; paper, report: full scale, as either has it."
    )
    choices: list[str] = Field(
        description="What the paper leaves open and the preset settles, each with the reason."
    )
    request: dict[str, Any] = Field(description="Body for POST /api/v1/runs.")


FROM_CAPABILITIES = (
    *("device", "device_reason", "precision", "precision_reason", "threads", "models"),
    "workers_reason",
)
FROM_STATUS = ("memory_bytes", "utilization")


class WorkerView(BaseModel):
    """A worker, what it offers and what it is doing."""

    id: str = Field(description="Host, slot and process.")
    host: str = Field(description="The machine it runs on.")
    state: Literal["idle", "busy", "lost"] = Field(
        description="lost: silent for longer than a lease."
    )
    run_id: str | None = Field(description="The run it trains.")
    device: str | None = Field(description="What it trains on.")
    device_reason: str | None = Field(description="Why that device.")
    precision: str | None = Field(description="The precision it recommends.")
    precision_reason: str | None = Field(description="Why that precision.")
    threads: int | None = Field(description="CPU threads of its trainer.")
    workers_reason: str | None = Field(
        description="How many workers its host was given side by side, and why."
    )
    models: dict[str, int] = Field(
        default_factory=dict, description="Parameters of each model it can train."
    )
    memory_bytes: int | None = Field(description="Memory of worker and trainer.")
    utilization: float | None = Field(description="Cores kept busy by the trainer.")
    started_at: Time
    last_seen: Time
    silent_seconds: float = Field(description="How long ago that was.")

    @field_validator(*FROM_CAPABILITIES, *FROM_STATUS, mode="wrap")
    @classmethod
    def _of_any_version(
        cls, given: Any, check: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Any:
        """What a worker of another version tells in another way counts as not told."""
        try:
            return check(given)
        except ValidationError:
            return {} if info.field_name == "models" else None


class Capabilities(BaseModel):
    """What can be launched on this server."""

    version: str = Field(description="Version of Rethink.")
    plotly_version: str = Field(description="Version of the plotting library it serves.")
    datasets: list[DatasetView] = Field(description="Datasets.")
    models: list[ModelView] = Field(description="Models.")
    randomizations: list[RandomizationView] = Field(description="Randomizations.")
    panels: list[PanelTypeView] = Field(description="Figures and tables.")
    studies: list[StudyTypeView] = Field(description="Studies of the catalogue.")
    criteria: list[CriterionView] = Field(description="When a run counts as fitted.")
    plugins: list[PluginView] = Field(description="Plugins, those that failed too.")
    presets: list[PresetView] = Field(description="Requests to start from, the quickest first.")
    run_schema: dict[str, Any] = Field(description="JSON Schema of the body of POST /api/v1/runs.")
    workers: list[WorkerView] = Field(description="Workers.")
