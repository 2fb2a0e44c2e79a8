"""Loss and accuracy on whole sets, in evaluation mode and large batches."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from core.run.metrics import EpochMetrics
from worker.training.data import TrainingData, as_images
from worker.training.state import TrainingState, learning_rate

BATCH = 500
"""Images evaluated at a time. Part of the engine: sums depend on it in their last bits."""


@dataclass(slots=True)
class Evaluation:
    """A whole set's evaluation, filled in a batch at a time."""

    images: Tensor
    """float32 or bfloat16 (n, d), standardised."""
    labels: Tensor
    """int64 (n,)."""
    predictions: Tensor
    """int64 (n,): most probable class, for the first `done` images."""
    loss_sum: Tensor
    """float64 (): summed cross-entropy of the first `done` images, in nats."""
    noisy_labels: Tensor | None
    """int64 (n,): other labels of the same images, against which the loss is taken as well."""
    noisy_loss_sum: Tensor
    """Like `loss_sum`, against `noisy_labels`."""
    done: int = 0

    @classmethod
    def of(cls, images: Tensor, labels: Tensor, noisy_labels: Tensor | None = None) -> "Evaluation":
        """One of nothing yet, for images (n, d) and labels (n,) on one device."""
        total = torch.zeros((), dtype=torch.float64, device=labels.device)
        empty = torch.empty_like(labels)
        return cls(images, labels, empty, total, noisy_labels, total.clone())

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        return self.loss_sum.item() / self.done

    @property
    def noisy(self) -> dict[str, float | None]:
        """Loss and accuracy against `noisy_labels`, where there are some."""
        if self.noisy_labels is None:
            return {}
        return {
            "noisy_test_loss": self.noisy_loss_sum.item() / self.done,
            "noisy_test_accuracy": self.accuracy(self.noisy_labels),
        }

    def accuracy(self, labels: Tensor, among: Tensor | None = None) -> float | None:
        """Part of the predictions that equal `labels`; None where `among` selects none."""
        hits = self.predictions == labels
        if among is not None:
            hits = hits[among]
        return hits.sum().item() / len(hits) if len(hits) else None


@torch.inference_mode()
def evaluate_batch(state: TrainingState, data: TrainingData, evaluation: Evaluation) -> None:
    """The next batch: no augmentation, no dropout, running statistics in batch norm."""
    state.model.eval()
    part = slice(evaluation.done, evaluation.done + BATCH)
    labels = evaluation.labels[part]
    with state.autocast():
        logits = state.model(as_images(evaluation.images[part], data.image_shape))
    evaluation.loss_sum += F.cross_entropy(logits.float(), labels, reduction="sum")
    if evaluation.noisy_labels is not None:
        noisy = evaluation.noisy_labels[part]
        evaluation.noisy_loss_sum += F.cross_entropy(logits.float(), noisy, reduction="sum")
    evaluation.predictions[part] = logits.argmax(dim=1)
    evaluation.done += len(labels)


def epoch_metrics(
    state: TrainingState,
    data: TrainingData,
    train: Evaluation,
    test: Evaluation,
    evaluation_seconds: float,
) -> EpochMetrics:
    """The row of the epoch in progress, all of whose steps are done."""
    spec = state.spec
    split: dict[str, float | None] = {}
    wrong = data.train_labels != data.true_labels
    if spec.label_corruption > 0 or wrong.any():  # those of a file have no p
        split = {
            "clean_accuracy": train.accuracy(data.train_labels, ~wrong),
            "corrupted_accuracy": train.accuracy(data.train_labels, wrong),
            "corrupted_true_accuracy": train.accuracy(data.true_labels, wrong),
        }
    return EpochMetrics(
        epoch=state.epoch + 1,
        step=state.step,
        train_loss=train.loss,
        train_accuracy=train.accuracy(data.train_labels) or 0.0,
        test_loss=test.loss,
        test_accuracy=test.accuracy(data.test_labels) or 0.0,
        online_loss=state.online_loss(),
        online_accuracy=state.correct.sum().item() / spec.train_size,
        learning_rate=learning_rate(spec, state.step - 1),
        images_per_second=spec.train_size / max(state.seconds, 1e-9),
        train_seconds=state.seconds,
        evaluation_seconds=evaluation_seconds,
        **split,
        **test.noisy,
    )
