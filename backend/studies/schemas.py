"""What the studies' routes take and give."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from backend.runs.schemas import Time
from backend.texts import ShortText
from core.catalogue import DatasetName, ModelName, RandomizationName, datasets
from core.paper.criteria import CRITERIA, Criterion, CriterionName, FitState
from core.paper.scales import Scale
from core.paper.studies import FITTED, MAX_SEEDS, StudyName, Subject, unavailable
from core.run.demands import Demand, StopRule
from core.run.lifecycle import RunState
from core.run.spec import ENGINE, Precision, Variant, rounded

Value = Annotated[str | int | float | bool | None, AfterValidator(rounded)]
FieldName = Annotated[str, Field(max_length=40, pattern="^[a-z][a-z0-9_]*$")]


class Grid(BaseModel):
    """A grid of your own: every combination of the axes' values, on top of the base."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    base: dict[FieldName, Value] = Field(
        {}, max_length=50, description="Fields of the spec that all runs share."
    )
    axes: dict[FieldName, Annotated[list[Value], Field(min_length=1, max_length=100)]] = Field(
        {}, max_length=10, description="Fields of the spec, each with the values to try."
    )
    epochs: int = Field(10, ge=1, le=10_000, strict=True, description="Epochs to train at most.")
    stop: StopRule = Field(StopRule(), description="Rule that ends a run early.")

    @property
    def demand(self) -> Demand:
        return Demand(epochs=self.epochs, stop=self.stop)


class StudyRequest(BaseModel):
    """A study of the catalogue at a scale, or a grid of your own."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    study: StudyName = Field(
        StudyName.FIGURE_1A, description="Its name in the catalogue, or custom with a grid."
    )
    scale: Scale = Field(
        Scale.SMOKE,
        description="smoke: minutes on two cores; quick: about two hours; full: the paper's. "
        "Not with custom; smoke has no table-1.",
    )
    variant: Variant = Field(
        Variant.PAPER,
        description="The paper's setting, or the report's reading of it. With custom it is a field "
        "of the grid.",
    )
    model: ModelName | None = Field(
        None,
        description="The race's network, or the one network of Figures 1b and 1c in place of the "
        "paper's three. For race and figure-1bc, as are dataset and randomization.",
    )
    dataset: DatasetName | None = Field(None, description="In place of CIFAR-10.")
    randomization: RandomizationName | None = Field(
        None, description="In place of labels replaced by a uniform class; one that has levels p."
    )
    seeds: int = Field(
        1, ge=1, le=MAX_SEEDS, strict=True, description="Seeds of weights and randomization."
    )
    grid: Grid | None = Field(None, description="The grid; for custom alone.")
    precision: Precision | Literal["auto"] = Field(
        "auto", description="Number format of matrix products. auto: by the workers."
    )
    engine: int | None = Field(
        None,
        ge=ENGINE,
        le=ENGINE,
        strict=True,
        description="Today's version of the training code, to train anew what an earlier one has. "
        "Left out, complete runs of every version count.",
    )
    criterion: CriterionName = Field(
        "default",
        description="When the runs of Figures 1b and 1c count as fitted, and end. default: each "
        "model's own; a stricter one extends them.",
    )
    title: ShortText = Field("", description="A title of your own; free text.")
    priority: int = Field(
        0, ge=-100, le=100, strict=True, description="Runs of higher priority are trained first."
    )

    @model_validator(mode="after")
    def _grid_is_for_custom(self) -> Self:
        if (self.study is StudyName.CUSTOM) != (self.grid is not None):
            raise ValueError("grid is required with study custom, and with no other")
        return self

    @model_validator(mode="after")
    def _a_grid_has_no_scale(self) -> Self:
        given = self.model_fields_set & {"scale", "variant"} if self.grid is not None else set()
        for field in sorted(given):
            raise ValueError(
                f"{field} is not allowed with study custom: a grid is not scaled, its fields alone "
                "say what is trained"
            )
        return self

    @model_validator(mode="after")
    def _criterion_is_for_what_fits(self) -> Self:
        if self.criterion != "default" and self.study not in FITTED:
            raise ValueError(
                f"criterion is not allowed with study {self.study}: use figure-1bc, race or "
                "everything"
            )
        return self

    @model_validator(mode="after")
    def _subject_is_for_curves_over_p(self) -> Self:
        given = [field for field, value in self.subject._asdict().items() if value is not None]
        if given and self.study not in (StudyName.RACE, StudyName.FIGURE_1BC):
            raise ValueError(
                f"{given[0]} is not allowed with study {self.study}: use race or figure-1bc"
            )
        if self.dataset is not None and datasets[self.dataset].removed:
            raise ValueError(
                f"dataset {self.dataset} is not allowed: it was removed, and `rethink data add` "
                "brings it back"
            )
        if self.study is StudyName.RACE and self.seeds != 1:
            raise ValueError(f"seeds {self.seeds} is not allowed with study race: use figure-1bc")
        return self

    @model_validator(mode="after")
    def _scale_has_the_study(self) -> Self:
        if reason := unavailable(self.study, self.scale):
            raise ValueError(f"scale {self.scale} is not allowed with study {self.study}: {reason}")
        return self

    @property
    def subject(self) -> Subject:
        return Subject(self.model, self.dataset, self.randomization)

    @property
    def chosen_criterion(self) -> Criterion | None:
        return CRITERIA.get(self.criterion)


class PlannedRunView(BaseModel):
    """A run that a study needs."""

    run_id: str = Field(description="The run's id, whether it exists or not.")
    panels: list[str] = Field(description="Panels that read it.")
    series: str = Field(description="Its series in the first of them.")
    corruption: float | None = Field(description="Its p, in 1b and 1c.")
    seed: int = Field(description="Its seed.")
    model: str = Field(description="Its network.")
    action: Literal["reuse", "extend", "new"] = Field(
        description="reuse: complete already; extend: there, but too short, or under way; new."
    )
    epochs_done: int = Field(description="Epochs it has already.")
    epochs: int = Field(description="Epochs it is likely to train still.")
    seconds: float = Field(description="Time they are likely to take on one worker.")


class Sharing(BaseModel):
    """What planning the panels together saves, over each with runs of its own."""

    runs: int = Field(description="Runs saved.")
    epochs: int = Field(description="Epochs saved.")
    seconds: float = Field(description="Time saved, on one worker.")


class PlanView(BaseModel):
    """What a study needs and what it will take; nothing is stored."""

    study: StudyName = Field(description="Its name.")
    title: str = Field(description="What it shows.")
    runs_needed: int = Field(description="Runs the study reads, each counted once.")
    reused: int = Field(description="Runs that are complete already.")
    extended: int = Field(description="Runs that are there and have to go on, or are under way.")
    new: int = Field(description="Runs to be trained from the start.")
    epochs: int = Field(description="Epochs likely to be trained.")
    images: int = Field(description="Training images likely to be processed.")
    workers: int = Field(description="Live workers the time is divided among; at least one.")
    seconds: float = Field(
        description="Likely time until all runs are there, with what workers do before."
    )
    low_seconds: float = Field(description="Lower end of the range.")
    high_seconds: float = Field(description="Upper end of the range.")
    basis: str = Field(description="What the time rests on.")
    waiting: int = Field(description="Runs that wait in the queue already.")
    ahead: int = Field(description="Runs of others that are trained before; the time has them in.")
    sharing: Sharing = Field(description="What planning the panels together saves.")
    deviations: list[str] = Field(description="What differs from the paper.")
    runs: list[PlannedRunView] = Field(description="The runs, in the order of training.")


class PanelProgress(BaseModel):
    """How far a panel's runs are."""

    panel: str = Field(description="1a, 1bc (Figures 1b and 1c), 2a, 2b, table-1 or custom.")
    runs: int = Field(description="Runs it needs.")
    complete: int = Field(description="Runs that went as far as asked, or diverged.")


StudyState = Literal["waiting", "running", "complete", "failed", "cancelled"]


class StudyView(BaseModel):
    """A study and how far it is."""

    id: str = Field(description="First 12 hex digits of the request's hash.")
    study: StudyName | str = Field(
        description="Its name in the catalogue, or custom; or a name of another version's."
    )
    title: str = Field(description="The title it was given, or the catalogue's.")
    request: dict[str, Any] = Field(description="The request, with the precision as resolved.")
    state: StudyState = Field(
        description="complete: all runs are there; failed: none goes on and some are missing."
    )
    runs: int = Field(description="Runs it needs, each counted once.")
    complete: int = Field(description="Runs that went as far as asked, or diverged.")
    running: int = Field(description="Runs in training now.")
    paused: int = Field(description="Runs that wait to be resumed: without that it never ends.")
    failed: int = Field(description="Runs that failed or were cancelled before their end.")
    missing: int = Field(description="Runs that were deleted: launched again it trains them anew.")
    epochs: int = Field(description="Epochs asked for at most.")
    epochs_done: int = Field(description="Epochs of those that are there.")
    fraction: float = Field(description="Part of the runs done, counting begun ones in part.")
    panels: list[PanelProgress] = Field(description="The same for each panel.")
    run_ids: list[str] = Field(description="The runs, in the order of training; deleted ones too.")
    created_at: Time
    cancelled_at: Time | None = Field(description="When it was cancelled.")


class LaneView(BaseModel):
    """One of the two runs of a race."""

    labels: str = Field(description="true labels or random labels.")
    run_id: str = Field(description="Its run, whether that exists still or not.")
    state: RunState | None = Field(description="State of the run; null: it was deleted.")
    fit: FitState = Field(description="fitted, running, or why it never will.")
    epochs: int = Field(description="Epochs it took to fit, or those it has so far.")
    limit: int = Field(description="Epochs it may take.")
    train_accuracy: float | None = Field(description="Training accuracy after these epochs.")
    test_accuracy: float | None = Field(description="Test accuracy after these epochs.")


class RaceView(BaseModel):
    """A race: a network on true labels and the same on random ones, until both fit."""

    study: StudyView = Field(description="The study that it is.")
    model: ModelName = Field(description="The network.")
    model_title: str = Field(description="The network, for people.")
    criterion: str = Field(description="When a lane has arrived, for people.")
    target_accuracy: float | None = Field(description="The training accuracy that is, if it is.")
    guessing: float = Field(description="Accuracy by guessing.")
    lanes: list[LaneView] = Field(description="True labels, then random labels.")
    ratio: float | None = Field(description="Epochs on random labels over those on true ones.")
    paper_ratio: float | None = Field(
        description="The same in the paper; null where its setting is not this one."
    )
    in_figure: bool = Field(description="Whether the two are ends of a curve of Figure 1b.")
    sentence: str = Field(description="What happened, or how far it is.")


class StudyPage(BaseModel):
    """A page of studies."""

    items: list[StudyView] = Field(description="The studies of this page, the newest first.")
    total: int = Field(description="Studies in all.")
    limit: int = Field(description="Studies a page.")
    offset: int = Field(description="Studies before this page.")
