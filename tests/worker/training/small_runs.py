"""Small specs on real CIFAR-10, and loops around `train` that tests read from."""

from collections.abc import Callable, Iterator

import torch

from core.run.metrics import TIMINGS, EpochMetrics, Progress
from core.run.spec import RunSpec
from worker.datasets.images import ImageDataset
from worker.training.loop import train
from worker.training.state import TrainingState

CPU = torch.device("cpu")

FAMILIES = ("inception", "alexnet", "mlp-1x512", "mlp-3x512")

REGULARISED: dict[str, object] = {
    "dropout": 0.05,
    "weight_decay": 1e-3,
    "random_crop": True,
    "random_flip": True,
    "brightness": 0.1,
    "contrast": 0.1,
    "saturation": 0.1,
    "hue": 0.05,
}
"""Everything that draws random numbers in training, and weight decay."""


def small(model: str = "mlp-1x512", **changes: object) -> RunSpec:
    """A spec of any family that trains an epoch in a moment."""
    widths = {"inception": 0.125, "alexnet": 0.25}
    values: dict[str, object] = {"model": model, "n_train": 100, "n_test": 50, "batch_size": 20}
    values["width"] = widths.get(model, 1.0)
    return RunSpec.model_validate(values | changes)


def at_every_step(
    spec: RunSpec, dataset: ImageDataset, state: TrainingState
) -> Iterator[Progress | EpochMetrics]:
    """Train, yielding wherever it can."""
    return train(spec, dataset, CPU, state, should_yield=lambda: True)


def epochs(
    spec: RunSpec,
    dataset: ImageDataset,
    count: int,
    state: TrainingState | None = None,
    should_yield: Callable[[], bool] = lambda: False,
) -> list[EpochMetrics]:
    """The metrics of the next `count` epochs, trained where `state` is."""
    rows: list[EpochMetrics] = []
    device = CPU if state is None else state.device
    for report in train(spec, dataset, device, state, should_yield):
        if isinstance(report, EpochMetrics):
            rows.append(report)
            if len(rows) == count:
                break
    return rows


def losses(spec: RunSpec, dataset: ImageDataset, count: int) -> list[float]:
    """The online loss of each of the first `count` steps."""
    state, found = TrainingState.start(spec, CPU), list[float]()
    for report in at_every_step(spec, dataset, state):
        if isinstance(report, Progress) and report.phase == "training":
            found.append(state.losses[state.position - 1].item())
        if len(found) == count:
            break
    return found


def results(rows: list[EpochMetrics]) -> list[dict[str, object]]:
    """What the rows say about the run and not about the machine."""
    return [row.model_dump(exclude=set(TIMINGS)) for row in rows]
