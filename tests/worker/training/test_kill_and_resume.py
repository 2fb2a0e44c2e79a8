"""A trainer killed at random moments ends in the bits of one that never was.

Each process trains, saves where the worker would and more, and is ended by SIGKILL, so that it may
die within a step, an evaluation or a save. The next one goes on from the last checkpoint. The real
trainer under its real worker is killed in `tests/worker/test_supervise.py`.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.run.metrics import EpochMetrics
from core.run.spec import Precision, RunSpec
from tests.worker.training.small_runs import CPU, FAMILIES, REGULARISED, epochs, results, small
from worker.datasets.images import ImageDataset
from worker.training.checkpoint import weights_hash
from worker.training.state import TrainingState

TRAINER = """
import json, pathlib, sys, torch
from core.run.metrics import EpochMetrics
from core.run.spec import Precision, RunSpec
from worker.datasets import store
from worker.training import device
from worker.training.checkpoint import load, save, weights_hash
from worker.training.loop import train
from worker.training.state import TrainingState

spec_json, home, folder, count = sys.argv[1:]
device.configure(threads=1)
spec, cpu = RunSpec.model_validate_json(spec_json), torch.device("cpu")
folder = pathlib.Path(folder)
try:
    state = load(folder / "run.pt", spec, cpu, None)
except Exception:
    if (folder / "run.pt").exists():
        raise  # a kill must never damage what has the final name
    state = TrainingState.start(spec, cpu)
for report in train(spec, store.load("cifar10", pathlib.Path(home)), cpu, state, lambda: True):
    if isinstance(report, EpochMetrics):
        with (folder / "rows.jsonl").open("a") as rows:
            rows.write(report.model_dump_json() + chr(10))
        if state.epoch == int(count):
            break
    save(state, folder / "run.pt")
    print(state.step, flush=True)
(folder / "weights").write_text(weights_hash(state.model))
"""


@dataclass
class Run:
    """A run in processes that are killed."""

    spec: RunSpec
    home: Path
    folder: Path
    epochs: int
    kills: int = 0
    """Trainers that died of it, and had not just ended."""

    def go_on(self, reports: int | None = None, seconds: float = 0.0) -> None:
        """Start a trainer; kill it this long after so many reports, or let it end."""
        command = [sys.executable, "-c", TRAINER, self.spec.canonical_json()]
        command += [str(self.home), str(self.folder), str(self.epochs)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            if reports is None:
                assert process.wait(timeout=120) == 0
                return
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(reports)]
            assert all(lines), "the run ended before it was killed: make it longer"
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
        self.kills += process.returncode == -signal.SIGKILL

    def rows(self) -> list[EpochMetrics]:
        """One row an epoch. An epoch reported twice, before and after a kill, is the same."""
        by_epoch: dict[int, EpochMetrics] = {}
        for line in (self.folder / "rows.jsonl").read_text().splitlines():
            row = EpochMetrics.model_validate(json.loads(line))
            earlier = by_epoch.setdefault(row.epoch, row)
            assert results([earlier]) == results([row])
        return [by_epoch[epoch] for epoch in sorted(by_epoch)]


def check(
    spec: RunSpec, kills: int, count: int, dataset: ImageDataset, home: Path, at: Path
) -> None:
    """Kill a run `kills` times at random and compare it with an undisturbed one."""
    undisturbed = TrainingState.start(spec, CPU)
    expected = epochs(spec, dataset, count, undisturbed)
    run, chance = Run(spec, home, at, count), random.Random(spec.hash())
    for _ in range(kills):
        run.go_on(reports=chance.randint(1, 8), seconds=chance.uniform(0.0, 0.05))
    assert run.kills == kills
    run.go_on()
    assert results(run.rows()) == results(expected)
    assert (at / "weights").read_text() == weights_hash(undisturbed.model)


def everything_random(model: str, precision: str) -> RunSpec:
    """Dropout and augmentation on, random labels."""
    changes: dict[str, object] = {"randomization": "random_labels", "precision": precision}
    return small(model, **changes | REGULARISED)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_run_killed_three_times_ends_in_the_same_bits(
    cifar10: ImageDataset, data_home: Path, tmp_path: Path
) -> None:
    """The short version of the next: of its seconds most go into starting four processes."""
    spec = everything_random("mlp-1x512", "bf16").replace(width=0.25)
    check(spec, 3, 4, cifar10, data_home, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("precision", list(Precision))
@pytest.mark.parametrize("model", FAMILIES)
def test_a_run_killed_twenty_times_ends_in_the_same_bits(
    model: str, precision: str, cifar10: ImageDataset, data_home: Path, tmp_path: Path
) -> None:
    check(everything_random(model, precision), 20, 40, cifar10, data_home, tmp_path)
