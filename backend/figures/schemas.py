"""What the figures' routes take and give. Panels themselves are in `core.paper.panel`."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from core.catalogue import PanelName
from core.paper.criteria import CRITERIA, Criterion, CriterionName
from core.paper.panel import (
    Counts,
    LogAxes,
    MeasureKind,
    SpreadKind,
    Verdict,
    XKind,
)
from core.paper.scales import Scale
from core.paper.studies import MAX_SEEDS
from core.run.spec import Variant, rounded

MAX_COMPARED = 10
"""Runs beside each other: more cannot be told apart."""


class Format(StrEnum):
    """Formats of a download."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    SVG = "svg"
    PDF = "pdf"
    PNG = "png"


class Selection(BaseModel):
    """Whose runs are shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scale: Scale = Field(Scale.FULL, description="smoke, quick or full, the paper's.")
    variant: Variant = Field(Variant.PAPER, description="The paper's setting or the report's.")
    seeds: int = Field(1, ge=1, le=MAX_SEEDS, description="Seeds to take the mean over.")


class FigureQuery(Selection):
    """Whose runs are shown, and how."""

    scale: Scale = Field(
        Scale.SMOKE, description="smoke, quick or full, the paper's; not needed with study or run."
    )
    criterion: CriterionName | None = Field(
        None,
        description="When a run counts as fitted, in 1b and 1c. default: each model's own. Left "
        "out: the study's, by which its runs ended; else default.",
    )
    x: XKind = Field(
        XKind.AUTO,
        description="x of learning curves. auto: steps at full scale, epochs at the others.",
    )
    spread: SpreadKind = Field(
        SpreadKind.AUTO,
        description="Spread over seeds. auto: the range below five, the standard deviation above.",
    )
    log: LogAxes = Field(
        "", description="Axes drawn logarithmic: x, y or xy; x of learning curves alone."
    )
    individual: bool = Field(False, description="Show each seed besides the mean.")
    study: str | None = Field(
        None,
        pattern="^[0-9a-f]{12}$",
        description="Read the runs of this study, as it was submitted.",
    )
    run: tuple[Annotated[str, Field(pattern="^[0-9a-f]{6,16}$")], ...] = Field(
        (),
        max_length=MAX_COMPARED,
        description="Show these runs beside each other; with the atlas or clean-corrupted only.",
    )
    corruption: tuple[Annotated[float, Field(gt=0, le=1), AfterValidator(rounded)], ...] = Field(
        (),
        max_length=10,
        description="Levels of p that clean-corrupted shows; left out: 0.5 if it is there, else "
        "all.",
    )
    measure: MeasureKind = Field(
        MeasureKind.ACCURACY, description="What the atlas shows, on training and test set."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.run and self.study is not None:
            raise ValueError("run is not allowed together with study")
        return self

    @model_validator(mode="after")
    def _a_source_brings_its_selection(self) -> Self:
        source = "study" if self.study is not None else "run" if self.run else None
        chosen = [field for field in Selection.model_fields if field in self.model_fields_set]
        if source and chosen:
            raise ValueError(
                f"{chosen[0]} is not allowed together with {source}: which runs are read is said "
                "already"
            )
        return self

    @property
    def chosen_criterion(self) -> Criterion | None:
        """None: each model's own."""
        return None if self.criterion is None else CRITERIA.get(self.criterion)


class PlotlyFigure(BaseModel):
    """A figure for plotly.js."""

    data: list[dict[str, Any]] = Field(description="Traces; each has meta.key and meta.source.")
    layout: dict[str, Any] = Field(description="Layout, without colours of the page's theme.")
    datarevision: str = Field(description="Changes whenever the data do; for Plotly.react.")


class Claim(BaseModel):
    """A claim of the paper and what the stored runs say about it."""

    panel: PanelName = Field(description="The panel it is judged by.")
    title: str = Field(description="What the panel shows.")
    verdict: Verdict = Field(description="The verdict, with the numbers it rests on.")
    status: str = Field(description="empty, live, partial or complete.")
    status_text: str = Field(description="The status in words.")
    counts: Counts = Field(description="How many of its runs are complete, running, missing.")


class Claims(BaseModel):
    """The paper's claims, judged by the runs of one scale and variant."""

    scale: Scale = Field(description="Whose runs.")
    variant: Variant = Field(description="Whose runs.")
    seeds: int = Field(description="Seeds.")
    items: list[Claim] = Field(description="The claims, in the paper's order.")
