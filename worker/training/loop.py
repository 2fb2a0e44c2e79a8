"""Training: a spec and a dataset in, one row of metrics an epoch out.

    for report in train(spec, dataset):
        print(report)

Notable choices:
- It never ends by itself: the consumer stops iterating when its demands are met. Only a loss that
  is infinite or NaN ends it, as `Diverged`.
- Whenever it yields it is between two steps, and `state` is complete: save it, stop, and a later
  `train` with that state goes on to the bit as if nothing had happened.
- When it yields depends on the clock and on `should_yield`; what it computes does not.
- Losses stay on the device until a report is due, so that no step waits for the one before.
"""

import math
import time
from collections.abc import Callable, Generator, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from core.run.errors import Conflict
from core.run.metrics import EpochMetrics, Progress
from core.run.spec import RunSpec
from worker.datasets.images import ImageDataset
from worker.training.augment import augment, epoch_draws
from worker.training.data import TrainingData, as_images, epoch_order, prepare
from worker.training.device import choose_device
from worker.training.draws import Stream, raw
from worker.training.evaluate import Evaluation, epoch_metrics, evaluate_batch
from worker.training.gradient import differentiate
from worker.training.models.mlp import Perceptron
from worker.training.state import TrainingState

REPORT_SECONDS = 1.0
"""Time between two reports of progress."""


class Diverged(Exception):
    """The loss became infinite or NaN. A result, not a fault: the same spec will do it again."""

    def __init__(self, step: int, epoch: int) -> None:
        super().__init__(f"The loss was not finite at step {step}, in epoch {epoch}.")
        self.step = step
        """The step, counted from 1, whose loss or the evaluation after it was not finite."""
        self.epoch = epoch
        """The epoch, counted from 1, that the step belongs to."""


def train(
    spec: RunSpec,
    dataset: ImageDataset,
    device: torch.device | None = None,
    state: TrainingState | None = None,
    should_yield: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | EpochMetrics]:
    """Train `spec` on `dataset` until the consumer stops.

    Args:
        device: where to train a fresh state; the best there is if None.
        state: where to go on from, on its device, changed in place; a fresh one if None.
        should_yield: asked after every step and evaluated batch; True makes it yield there.

    Yields:
        Progress about once a second, and EpochMetrics after each epoch, from epoch 1 on.

    Raises:
        Diverged: a loss was not finite.
        InvalidInput: the dataset is not the spec's.
        Conflict: `state` is of another spec.
        DataCorrupt: the data is not what `state` was trained on so far.
    """
    yield Progress(phase="preparing data")
    state = state or TrainingState.start(spec, device or choose_device())
    if state.spec != spec:
        raise Conflict(f"The state is of another spec: {state.spec.canonical_json()}")
    data = prepare(spec, dataset, state.device)
    state.take_data(data.fingerprint)
    state.wrong_labels = data.wrong_labels
    due = pulse(should_yield)
    while True:
        yield from train_epoch(state, data, due)
        metrics = yield from _evaluate_epoch(state, data, due)
        state.end_epoch()
        yield metrics


def train_epoch(
    state: TrainingState, data: TrainingData, due: Callable[[], bool]
) -> Iterator[Progress]:
    """The steps of the epoch that are still to do.

    Raises:
        Diverged: a loss was not finite.
    """
    spec, steps = state.spec, state.spec.steps_per_epoch
    order = epoch_order(spec, state.epoch, state.device)
    seeds = raw(spec.seed, Stream.NOISE, state.epoch, steps)
    draws = epoch_draws(spec, state.epoch, state.device) if spec.augments else None
    labels = data.train_labels.index_select(0, order)
    targets = torch.eye(spec.dataset_info.classes, device=state.device).index_select(0, labels)
    state.model.train()
    state.parameters.round()
    started = time.perf_counter()
    while state.position < steps:
        part = slice(state.position * spec.batch_size, (state.position + 1) * spec.batch_size)
        batch = order[part]
        if draws is None or data.uncropped is None:
            rows = data.train_images.index_select(0, batch)
        else:
            rows = augment(spec, data.uncropped.index_select(0, batch), draws[batch])
        if spec.dropout or not isinstance(state.model, Perceptron):  # other networks may draw too
            seed_generator(state.device, int(seeds[state.position]))
        _step(state, as_images(rows, data.image_shape), labels[part], targets[part])
        if due():
            raise_if_diverged(state)
            state.seconds += time.perf_counter() - started
            yield _training_progress(state)
            state.model.train()  # the consumer may have looked at it in evaluation mode
            started = time.perf_counter()
    raise_if_diverged(state)  # waits for the device, so that the time below is right
    state.correct = (state.predictions == labels).sum()
    state.seconds += time.perf_counter() - started


@torch.no_grad()
def _step(state: TrainingState, images: Tensor, labels: Tensor, targets: Tensor) -> None:
    """One step of SGD on the mean cross-entropy of a batch.

    Args:
        images: (b, c, h, w).
        labels: int64 (b,).
        targets: float32 (b, classes), the labels one-hot: the gradient of the mean cross-entropy at
            the logits is (softmax - targets) / b (Bishop 2006, equation 4.109).
    """
    logits, backward = differentiate(state, images)
    log_p = F.log_softmax(logits, dim=1, dtype=torch.float32)
    state.losses[state.position] = F.nll_loss(log_p, labels)
    first = state.position * state.spec.batch_size
    torch.argmax(logits, dim=1, out=state.predictions[first : first + len(labels)])
    gradient = log_p.exp_().sub_(targets).div_(len(labels)).to(logits.dtype)
    backward(gradient)
    state.update()


def _evaluate_epoch(
    state: TrainingState, data: TrainingData, due: Callable[[], bool]
) -> Generator[Progress, None, EpochMetrics]:
    """Evaluate both sets after the epoch's last step."""
    train_set = Evaluation.of(data.train_images, data.train_labels)
    test_set = Evaluation.of(data.test_images, data.test_labels, data.noisy_test_labels)
    total = len(train_set.labels) + len(test_set.labels)
    seconds, started = 0.0, time.perf_counter()
    for evaluation in (train_set, test_set):
        while evaluation.done < len(evaluation.labels):
            evaluate_batch(state, data, evaluation)
            if due():
                seconds += time.perf_counter() - started
                fraction = (train_set.done + test_set.done) / total
                yield _progress(state, phase="evaluating", fraction=fraction)
                started = time.perf_counter()
    train_loss = train_set.loss  # waits for the device
    seconds += time.perf_counter() - started
    if not (math.isfinite(train_loss) and math.isfinite(test_set.loss)):
        raise Diverged(state.step, state.epoch + 1)
    return epoch_metrics(state, data, train_set, test_set, seconds)


def _training_progress(state: TrainingState) -> Progress:
    images = min(state.position * state.spec.batch_size, state.spec.train_size)
    return _progress(
        state,
        phase="training",
        fraction=state.position / state.spec.steps_per_epoch,
        images_per_second=images / max(state.seconds, 1e-9),
    )


def _progress(state: TrainingState, **fields: str | float) -> Progress:
    return Progress.model_validate(
        {"epoch": state.epoch, "step": state.step, "loss": state.online_loss(), **fields}
    )


def seed_generator(device: torch.device, seed: int) -> None:
    """Seed the generator that dropout draws from. `torch.manual_seed` takes 0.4 ms for it."""
    generators = torch.cuda.default_generators if device.type == "cuda" else ()
    generator = generators[device.index or 0] if generators else torch.default_generator
    generator.manual_seed(seed >> 32)  # the CPU's generator takes 32 bits


def raise_if_diverged(state: TrainingState) -> None:
    """Look at the losses of the epoch so far; on a GPU this waits for all its work."""
    bad = (~torch.isfinite(state.losses[: state.position])).nonzero()
    if len(bad):
        step = state.epoch * state.spec.steps_per_epoch + int(bad[0]) + 1
        raise Diverged(step, state.epoch + 1)


def pulse(requested: Callable[[], bool]) -> Callable[[], bool]:
    """Whether a report is due: when requested, and once every `REPORT_SECONDS`."""
    last = float("-inf")

    def due() -> bool:
        nonlocal last
        now = time.monotonic()
        if now - last < REPORT_SECONDS and not requested():
            return False
        last = now
        return True

    return due
