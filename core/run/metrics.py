"""What a run reports: one `EpochMetrics` an epoch, `Progress` about once a second."""

from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

Accuracy = Annotated[float, Field(ge=0, le=1)]


class EpochMetrics(BaseModel):
    """Results after one epoch. Loss is the mean cross-entropy in nats, accuracy a fraction.

    Unless said otherwise a value is an evaluation after the epoch: evaluation mode, whole set, no
    augmentation. The order of the fields is the order of the columns in exported tables.
    """

    model_config = ConfigDict(frozen=True)

    epoch: int = Field(ge=1, description="Epochs completed.")
    step: int = Field(ge=1, description="Optimiser steps completed.")
    train_loss: float = Field(description="Mean loss on the training set, with its labels.")
    train_accuracy: Accuracy = Field(description="Accuracy on the training set, with its labels.")
    test_loss: float = Field(description="Mean loss on the test set, true labels.")
    test_accuracy: Accuracy = Field(description="Accuracy on the test set, true labels.")
    online_loss: float = Field(description="Mean loss of the epoch's batches as they were trained.")
    online_accuracy: Accuracy = Field(
        description="Accuracy of the epoch's batches as they were trained."
    )
    learning_rate: float = Field(description="Learning rate of the epoch's last step.")
    clean_accuracy: Accuracy | None = Field(
        None, description="Accuracy on training examples whose label is still the true one."
    )
    corrupted_accuracy: Accuracy | None = Field(
        None, description="Accuracy on training examples with a wrong label, against that label."
    )
    corrupted_true_accuracy: Accuracy | None = Field(
        None, description="Accuracy on training examples with a wrong label, against the true one."
    )
    noisy_test_loss: float | None = Field(
        None, description="Mean loss on the test set, labels corrupted like the training labels."
    )
    noisy_test_accuracy: Accuracy | None = Field(
        None, description="Accuracy on the test set, labels corrupted like the training labels."
    )
    images_per_second: float = Field(description="Training throughput of the epoch.")
    train_seconds: float = Field(description="Time the epoch's training took.")
    evaluation_seconds: float = Field(description="Time the evaluation after it took.")


class EpochRow(NamedTuple):
    """`EpochMetrics` as they are read back by the million: a tenth of the time, half the memory."""

    epoch: int
    step: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    online_loss: float
    online_accuracy: float
    learning_rate: float
    clean_accuracy: float | None
    corrupted_accuracy: float | None
    corrupted_true_accuracy: float | None
    noisy_test_loss: float | None
    noisy_test_accuracy: float | None
    images_per_second: float
    train_seconds: float
    evaluation_seconds: float


Epoch = EpochMetrics | EpochRow

TIMINGS = frozenset({"images_per_second", "train_seconds", "evaluation_seconds"})
"""The fields that depend on the machine and its load; all others are determined by the spec."""


class Progress(BaseModel):
    """How far a run is within its epoch, or what it prepares. Lossy: only the newest counts."""

    model_config = ConfigDict(frozen=True)

    phase: str = Field(
        description="starting, fetching data, preparing data, training, evaluating or saving."
    )
    epoch: int = Field(0, ge=0, description="Epochs completed.")
    step: int = Field(0, ge=0, description="Optimiser steps completed.")
    fraction: float | None = Field(
        None, ge=0, le=1, description="Part of the phase done; none where it is unknown."
    )
    loss: float | None = Field(None, description="Mean online loss of the epoch so far.")
    images_per_second: float | None = Field(None, description="Training throughput.")
    detail: str | None = Field(None, description="A sentence on the phase, such as bytes fetched.")
