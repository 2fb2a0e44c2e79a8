"""A panel is data: axes, series, references, deviations, verdict and provenance.

Renderers draw it and tables list it; none of them computes. Series are columns of equal length, so
that 100 points cost 100 numbers and no more.
"""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, Field


class XKind(StrEnum):
    AUTO = "auto"
    """Steps at full scale, as in the paper; epochs at the others."""
    STEPS = "steps"
    EPOCHS = "epochs"
    SECONDS = "seconds"


class SpreadKind(StrEnum):
    AUTO = "auto"
    """The range below five seeds, the standard deviation from five on."""
    RANGE = "range"
    SD = "sd"
    CI95 = "ci95"


Spread = Literal["none", "range", "sd", "ci95"]
"""What the ends of a spread are: none, min and max, ± a standard deviation, Student's interval."""


class MeasureKind(StrEnum):
    ACCURACY = "accuracy"
    LOSS = "loss"


LogAxes = Literal["", "x", "y", "xy"]
"""Which axes are logarithmic."""


class Axis(BaseModel):
    title: str = Field(description="What is on the axis, for people.")
    unit: str = Field(description="Unit of the numbers: steps, epochs, seconds, nats, fraction, 1.")
    log: bool = Field(False, description="Whether it is drawn logarithmic.")

    @property
    def label(self) -> str:
        """The title, with the unit where the title does not say it already."""
        said = self.unit in ("1", "fraction", "steps", "epochs")
        return self.title if said else f"{self.title} [{self.unit}]"

    @property
    def counts(self) -> bool:
        """Whether its numbers are whole."""
        return self.unit in ("steps", "epochs")


class Flag(StrEnum):
    """What a point is besides its value."""

    VALUE = "value"
    LOWER_BOUND = "lower bound"
    """At least one run was censored: the true value is higher."""
    DIVERGED = "diverged"
    NOT_FITTED = "not fitted"
    """A test error of a run that had not fitted its training set."""
    DUPLICATE = "duplicate"
    """A published point that equals its neighbour to full precision."""
    EXPECTED = "expected"
    """An error against corrupted test labels, computed from that against true ones: at least one
    run was stored before such labels were."""
    DERIVED = "derived"
    """A published point, computed back from corrupted to true test labels."""


class Series(BaseModel):
    """Points of one meaning, as columns of equal length."""

    key: str = Field(description="Which condition: a randomization, a model or a regulariser.")
    label: str = Field(description="The condition for people.")
    measure: str = Field(description="What y is: train_loss, test_accuracy, relative_time, …")
    source: Literal["ours", "paper", "report"] = Field("ours", description="Who measured it.")
    kind: Literal["mean", "seed", "running best"] = Field(
        "mean", description="Mean over seeds, a single seed, or the best test accuracy so far."
    )
    seed: int | None = Field(None, description="The seed, where kind is seed.")
    color: int = Field(0, description="Its condition's place in the palette of colours and marks.")
    spread: Spread = Field("none", description="What low and high are.")
    x: list[float] = Field(description="Values on the x axis.")
    y: list[float] = Field(description="Values on the y axis.")
    low: list[float | None] = Field([], description="Lower end of the spread over seeds.")
    high: list[float | None] = Field(
        [], description="Upper end of the spread over seeds; null at a lower bound."
    )
    sd: list[float | None] = Field(
        [], description="Standard deviation over seeds; null for one, and at a lower bound."
    )
    spread_at: list[Spread] = Field(
        [],
        description="What low and high are at each point, where points of few and of many seeds "
        "differ in it; empty where `spread` holds for all.",
    )
    n: list[int] = Field([], description="Seeds each point is the mean of.")
    censored: list[int] = Field([], description="How many of those are lower bounds.")
    flag: list[Flag] = Field([], description="What each point is besides its value.")
    state: Literal["complete", "partial", "missing", "incomplete"] = Field(
        "complete",
        description="incomplete: no ratio can be formed since p = 0 did not fit.",
    )
    note: str = Field("", description="A sentence on runs that are missing, censored or diverged.")
    runs: list[str] = Field([], description="Ids of the runs it rests on.")
    diverged: int = Field(0, description="Runs whose loss became infinite.")
    diverged_at: list[float] = Field(
        [],
        description="Levels of p, in 1b and 1c, where a run diverged: the point there, if there is "
        "one, is the mean of the others.",
    )


class Fact(BaseModel):
    """A number read off the curves, such as the steps until the loss fell below 0.1."""

    key: str = Field(description="Which condition.")
    name: str = Field(description="What was read off: steps_to_0.1, final_test_accuracy, …")
    label: str = Field(description="Both in words.")
    value: float | None = Field(description="Mean over seeds; null where it is not known.")
    low: float | None = Field(None, description="Lower end of the spread over seeds.")
    high: float | None = Field(None, description="Upper end of the spread over seeds.")
    spread: Spread = Field("none", description="What low and high are.")
    sd: float | None = Field(None, description="Standard deviation over seeds.")
    n: int = Field(0, description="Seeds it is the mean of.")
    planned: int = Field(0, description="Seeds it should be the mean of.")
    lower_bound: bool = Field(False, description="Whether a run was censored.")
    diverged: int = Field(0, description="Seeds that have no value since they diverged.")
    unit: str = Field("", description="Unit of the value.")
    paper: float | None = Field(None, description="The paper's value, if it published one.")
    report: float | None = Field(None, description="The report's value, if it has one.")


class VerdictState(StrEnum):
    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    INCOMPLETE = "incomplete"
    NOT_COMPARABLE = "not comparable"
    NONE = "none"
    """The panel makes no claim."""


class Check(BaseModel):
    """One condition of a claim, and the number it was judged by."""

    label: str = Field(description="What was asked.")
    value: float | None = Field(description="Our number; null where it is not known yet.")
    low: float | None = Field(None, description="Smallest value that passes.")
    high: float | None = Field(None, description="Largest value that passes.")
    passed: bool | None = Field(description="Whether it passes; null where it is not known yet.")


class Verdict(BaseModel):
    """Whether a claim of the paper was reproduced, with the numbers that say so."""

    claim: str = Field(description="The claim in a sentence.")
    state: VerdictState = Field(description="The verdict.")
    sentence: str = Field(description="The verdict in words, with counts.")
    checks: list[Check] = Field([], description="The numbers it rests on.")


class RunProvenance(BaseModel):
    """A run of the panel."""

    id: str = Field(description="The run's id.")
    spec_hash: str = Field(description="SHA-256 of its spec.")
    series: str = Field(description="The series it belongs to.")
    label: str = Field("", description="The series for people.")
    corruption: float | None = Field(description="Its p, in 1b and 1c.")
    seed: int = Field(description="Its seed.")
    state: str = Field(description="Where it is in its life, or missing.")
    epochs: int = Field(description="Epochs that the panel reads of it.")
    asked: int = Field(description="Epochs that the panel asks for at most.")
    wrong_labels: int | None = Field(
        None, description="Training images whose label is not the true one; null until counted."
    )
    mixed: bool = Field(
        description="Whether device, CPU features, threads or versions changed between the turns "
        "of workers at these epochs, or epochs came out differently when computed again."
    )


class Provenance(BaseModel):
    """Where the numbers come from."""

    runs: list[RunProvenance] = Field(description="The runs, planned ones too.")
    code_versions: list[str] = Field(description="Versions of this program that trained them.")
    torch_versions: list[str] = Field(description="Versions of PyTorch.")
    devices: list[str] = Field(description="Devices they were trained on.")
    precisions: list[str] = Field(description="Number formats of matrix products.")
    engines: list[int] = Field([], description="Versions of the training code.")
    data_fingerprints: list[str] = Field(description="SHA-256 of the datasets' content.")
    first: str | None = Field(description="When the first run began, ISO 8601.")
    last: str | None = Field(
        description="When the last worker's turn at these epochs ended, ISO 8601."
    )
    mixed: bool = Field(
        description="Whether the runs differ in device, precision, engine or versions."
    )
    command: str = Field(description="The command that makes the panel's runs again.")


class Counts(BaseModel):
    """The panel's runs by what they are."""

    planned: int = Field(description="Runs the panel needs.")
    complete: int = Field(description="Runs that went as far as asked, or diverged.")
    running: int = Field(description="Runs in training or waiting.")
    failed: int = Field(description="Runs that failed or were cancelled before the end.")
    missing: int = Field(description="Runs nobody asked for yet.")
    short: int = Field(
        0, description="Runs that ended well, but before what the panel asks for: extend them."
    )
    censored: int = Field(0, description="Complete runs that did not fit within their limit.")
    diverged: int = Field(0, description="Runs whose loss became infinite.")


class NetworkFit(BaseModel):
    """Whether a network fitted true and random labels, as a reduced scale must let it."""

    network: str = Field(description="The network, for people.")
    state: Literal["fitted", "failed", "not known yet"] = Field(
        description="failed: a complete run stayed below 98 % training accuracy."
    )
    sentence: str = Field(description="What it reached, in words.")


class TableRow(BaseModel):
    """A row of Table 1. Accuracies are fractions, means over seeds."""

    key: str = Field(description="Name of the row.")
    model: str = Field(description="The network, for people.")
    crop: str = Field(description="Whether images were cropped at random: yes or no.")
    weight_decay: str = Field(description="Whether weights decayed: yes or no.")
    labels: str = Field(description="true or random.")
    train_accuracy: float | None = Field(description="Final training accuracy.")
    test_accuracy: float | None = Field(description="Final test accuracy.")
    n: int = Field(description="Seeds.")
    spread: Spread = Field("none", description="What low and high are.")
    train_low: float | None = Field(None, description="Lower end of the training accuracy.")
    train_high: float | None = Field(None, description="Upper end of the training accuracy.")
    test_low: float | None = Field(None, description="Lower end of the test accuracy.")
    test_high: float | None = Field(None, description="Upper end of the test accuracy.")
    diverged: int = Field(0, description="Seeds that diverged: not in the means.")
    paper_train_accuracy: float = Field(description="The paper's training accuracy.")
    paper_test_accuracy: float = Field(description="The paper's test accuracy.")


class Panel(BaseModel):
    """A figure or table as data."""

    name: str = Field(description="Which panel.")
    kind: Literal["curves", "points", "rows"] = Field(
        description="Curves over time, points over p from 0 to 1, or the rows of a table."
    )
    title: str = Field(description="What it shows, for people.")
    scale: str = Field(description="smoke, quick or full; custom for a grid.")
    variant: str = Field(description="paper, report, or mixed in a grid or among single runs.")
    seeds: int = Field(description="Seeds planned.")
    criterion: str | None = Field(None, description="When a run counts as fitted, in words.")
    status: Literal["empty", "live", "partial", "complete"] = Field(
        description="live: something is training or waiting for it."
    )
    status_text: str = Field(description="The status in words: partial, 3 of 5 runs.")
    x_axis: Axis = Field(description="The x axis.")
    y_axis: Axis = Field(description="The y axis.")
    series: list[Series] = Field(description="Our series.")
    references: list[Series] = Field([], description="The paper's and the report's.")
    comparable: bool = Field(description="Whether ours may be compared with the references.")
    facts: list[Fact] = Field([], description="Numbers read off the curves.")
    table: list[TableRow] = Field([], description="The rows, for Table 1.")
    networks: list[NetworkFit] = Field(
        [],
        description="At a reduced scale: whether each network fitted. If one failed, so did the "
        "scale.",
    )
    notes: list[str] = Field([], description="What a reader has to know: censored runs and such.")
    deviations: list[str] = Field(description="What differs from the paper.")
    verdict: Verdict = Field(description="Whether the paper's claim was reproduced.")
    counts: Counts = Field(description="The runs by what they are.")
    provenance: Provenance = Field(description="Runs, devices, versions, data, and a command.")

    @property
    def two_sets(self) -> bool:
        """Whether curves of training and of test set are shown side by side."""
        measures = {series.measure for series in self.series}
        sides = ({f"{side}_{what}" for side in ("train", "test")} for what in ("accuracy", "loss"))
        return self.kind == "curves" and any(pair <= measures for pair in sides)
