"""What an epoch says of its own steps: the accuracy they saw and the last learning rate."""

import pytest

from core.run.metrics import EpochMetrics
from tests.worker.training.small_runs import CPU, at_every_step, small
from worker.datasets.images import ImageDataset
from worker.training.data import as_images, epoch_order, prepare
from worker.training.state import TrainingState


def test_online_accuracy_is_of_each_image_before_the_step_that_learns_it(
    cifar10: ImageDataset,
) -> None:
    spec = small(batch_size=30, learning_rate=0.08, decay=0.5, decay_steps=3)
    state, data = TrainingState.start(spec, CPU), prepare(spec, cifar10, CPU)
    reports = at_every_step(spec, cifar10, state)
    next(reports)  # the data are prepared, nothing is trained
    right = []
    for batch in epoch_order(spec, 0, CPU).split(30):  # 30 + 30 + 30 + 10
        logits = state.model(as_images(data.train_images[batch], data.image_shape))
        right += (logits.argmax(1) == data.train_labels[batch]).tolist()
        next(reports)
    row = next(report for report in reports if isinstance(report, EpochMetrics))
    assert row.online_accuracy == pytest.approx(sum(right) / 100)
    assert 0.1 < row.online_accuracy < row.train_accuracy
    assert row.learning_rate == 0.04, "of the fourth step, after the decay within the epoch"
