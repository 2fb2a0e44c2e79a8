"""All that a run in progress consists of: nothing lives elsewhere, and a checkpoint restores it."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from core.run.errors import DataCorrupt
from core.run.spec import Precision, RunSpec
from worker.training.models import build
from worker.training.models.mlp import Perceptron
from worker.training.parameters import Parameters


@dataclass(slots=True)
class TrainingState:
    """A run between two steps. `train` changes it in place.

    There is no random state in it: every draw is addressed by (seed, epoch) or (seed, step).
    """

    spec: RunSpec
    model: nn.Module
    parameters: Parameters
    """The model's trained numbers and their velocities."""
    epoch: int
    """Epochs completed, their evaluation included."""
    position: int
    """Steps done of the epoch in progress; all of them while its evaluation is due."""
    losses: Tensor
    """float32 (steps an epoch,): online loss of each step of the epoch so far, on the device."""
    predictions: Tensor
    """int64 (training images,): the class each step's logits gave, in the order of the visits."""
    correct: Tensor
    """int64 (): images classified correctly by the step that trained on them; once all are done."""
    seconds: float
    """Training time of the epoch in progress so far."""
    data_fingerprint: str = ""
    """`TrainingData.fingerprint` of what it was trained on; empty before the first step."""
    wrong_labels: int = 0
    """`TrainingData.wrong_labels` of the same. Not saved: the data tell it anew."""

    @classmethod
    def start(cls, spec: RunSpec, device: torch.device) -> Self:
        """The state before the first step."""
        # The layout of the images, in which most convolutions are fastest: see docs/performance.md.
        model = build(spec).to(device).to(memory_format=torch.channels_last)
        number_format = model.number_format if isinstance(model, Perceptron) else torch.float32
        return cls(
            spec=spec,
            model=model,
            parameters=Parameters.of(model, number_format),
            epoch=0,
            position=0,
            losses=torch.zeros(spec.steps_per_epoch, device=device),
            predictions=torch.zeros(spec.train_size, dtype=torch.int64, device=device),
            correct=torch.zeros((), dtype=torch.int64, device=device),
            seconds=0.0,
        )

    @property
    def step(self) -> int:
        """Optimiser steps done."""
        return self.epoch * self.spec.steps_per_epoch + self.position

    @property
    def device(self) -> torch.device:
        """Where model, parameters and losses are."""
        return self.losses.device

    def autocast(self) -> torch.autocast:
        """Context in which matrix products and convolutions have the spec's precision."""
        enabled = self.spec.precision is Precision.BF16
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)

    def update(self) -> None:
        """End a step: SGD with the spec's momentum and weight decay, at this step's rate."""
        self.parameters.update(
            rate=learning_rate(self.spec, self.step),
            momentum=self.spec.momentum,
            weight_decay=self.spec.weight_decay,
        )
        self.position += 1

    def online_loss(self) -> float:
        """Mean loss in nats over the images of the epoch so far; 0 before its first step."""
        if self.position == 0:
            return 0.0
        sizes = torch.full((self.position,), float(self.spec.batch_size), dtype=torch.float64)
        if self.position == len(self.losses):
            sizes[-1] = self.spec.train_size - (self.position - 1) * self.spec.batch_size
        losses = self.losses[: self.position].double().cpu()
        return ((losses * sizes).sum() / sizes.sum()).item()

    def take_data(self, fingerprint: str) -> None:
        """Note what the run is trained on.

        Raises:
            DataCorrupt: it was trained on something else so far.
        """
        if self.data_fingerprint not in ("", fingerprint):
            raise DataCorrupt(
                "The randomized data has changed since the checkpoint was written: its fingerprint "
                f"was {self.data_fingerprint[:12]} and is {fingerprint[:12]}. Start the run anew."
            )
        self.data_fingerprint = fingerprint

    def end_epoch(self) -> None:
        """Count the epoch as completed."""
        self.epoch += 1
        self.position = 0
        self.seconds = 0.0
        self.losses.zero_()


def learning_rate(spec: RunSpec, step: int) -> float:
    """lr₀ · decay^⌊step / decay_steps⌋, rising linearly over the first `warmup_steps` steps.

    The decay is the paper's (appendix A: 0.95 after each epoch), the warm-up Goyal et al.'s (2017,
    section 2.2), for networks without batch norm. `step` counts from 0. No schedule depends on how
    long a run will be.
    """
    rate = spec.learning_rate * spec.decay ** (step // spec.decay_steps)
    if step < spec.warmup_steps:
        rate *= (step + 1) / spec.warmup_steps
    return float(rate)
