"""Epochs until true and random labels are fitted, over settings and seeds: the log's experiments.

    python scripts/epochs_to_fit.py mlp-1x512 --axis precision=fp32,bf16 --seeds 3
    python scripts/epochs_to_fit.py inception --set n_train=1000 width=0.25 batch_size=32 decay=1 \\
        --axis learning_rate=0.02,0.05 --limit 60

Real CIFAR-10. A run ends at its model's criterion of Figures 1b and 1c, judged on all training
images after each epoch, or at the limit. A line of JSON a run; goes on after an interruption if
the lines are kept with --append FILE.
"""

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.domain.criteria import CRITERIA, DEFAULT_CRITERIA
from core.domain.metrics import EpochMetrics
from core.domain.spec import ModelName, RunSpec
from core.settings import get_settings
from worker.datasets import store
from worker.training import device, loop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=ModelName, choices=list(ModelName))
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--axis", nargs="*", default=[], metavar="FIELD=VALUE,VALUE")
    parser.add_argument("--labels", nargs="*", default=["true_labels", "random_labels"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--criterion", choices=list(CRITERIA))
    parser.add_argument("--limit", type=int, default=100, help="epochs at most")
    parser.add_argument("--append", type=Path, help="file of earlier lines, to be continued")
    given = parser.parse_args()
    settings = get_settings()
    device.configure(settings.threads)
    dataset = store.load("cifar10", settings.root, folder=settings.cifar10)
    criterion = CRITERIA[given.criterion] if given.criterion else DEFAULT_CRITERIA[given.model]
    done = given.append.read_text().splitlines() if given.append and given.append.exists() else []
    known = {json.loads(line)["spec"] for line in done}
    for spec in specs(given):
        if spec.canonical_json() in known:
            continue
        started, last = time.process_time(), None
        try:
            for row in loop.train(spec, dataset):
                if isinstance(row, EpochMetrics):
                    last = row
                    if criterion.holds(row) or row.epoch == given.limit:
                        break
        except loop.Diverged as end:
            print(f"# {end}", flush=True)
        found: dict[str, Any] = {"model": given.model, **spec.changes(), "seed": spec.seed}
        found["precision"] = spec.precision
        if last is not None:
            found |= {
                "fitted": criterion.holds(last),
                "epochs": last.epoch,
                "train_loss": round(last.train_loss, 4),
                "train_accuracy": round(last.train_accuracy, 4),
                "test_error": round(1 - last.test_accuracy, 4),
                "processor_seconds_per_epoch": round(
                    (time.process_time() - started) / last.epoch, 2
                ),
            }
        line = json.dumps(found | {"spec": spec.canonical_json()})
        print(json.dumps(found), flush=True)
        if given.append:
            with given.append.open("a") as file:
                file.write(line + "\n")


def specs(given: argparse.Namespace) -> Iterator[RunSpec]:
    """Seeds outermost, so that an interrupted experiment is whole for some."""
    axes = [axis.partition("=")[::2] for axis in given.axis]
    values = [text.split(",") for _, text in axes]
    fixed = dict(pair.split("=", 1) for pair in given.set)
    for seed, *chosen in itertools.product(range(given.seeds), *values):
        for labels in given.labels:
            fields = dict(zip((name for name, _ in axes), chosen, strict=True))
            yield RunSpec.model_validate(
                {"model": given.model, "seed": seed, "data_seed": seed, "randomization": labels}
                | fixed
                | fields
            )


if __name__ == "__main__":
    main()
