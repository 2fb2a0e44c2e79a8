"""`python -m worker.trainer`: the child process that trains. It knows no database and no broker.

It stays warm between runs. Lines of JSON come in on standard input (`worker.wire.Order`), lines of
JSON go out on what was standard output (`worker.wire.Report`); whatever else prints goes to
standard error. It ends when its standard input does, so it never outlives its worker.

What a run does here depends on its spec alone: the same weights come out warm or cold.
"""

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any, TextIO

from core import __version__
from core.domain.demands import Demand, all_met
from core.domain.errors import DataCorrupt, RethinkError
from core.domain.lifecycle import Interrupt, Outcome
from core.domain.metrics import EpochMetrics, Progress
from core.domain.spec import ModelName, RunSpec
from core.settings import Settings, get_settings
from core.storage.artifacts import Folder
from worker import wire
from worker.datasets import store
from worker.datasets.images import ImageDataset

CHECKPOINT_SECONDS = 120.0
"""Longest time between two checkpoints within a long epoch."""
EPOCH_CHECKPOINT_SECONDS = 5.0
"""Shortest time between two checkpoints at the ends of short epochs."""

ENDS = {
    Interrupt.CANCEL: Outcome.CANCELLED,
    Interrupt.PAUSE: Outcome.PAUSED,
    Interrupt.PREEMPT: Outcome.PREEMPTED,
    Interrupt.STALE: Outcome.CANCELLED,
}


class Interrupted(Exception):
    """The worker asked the run in progress to stop."""


class Trainer:
    """Carries out one order after another."""

    def __init__(self, settings: Settings, out: TextIO) -> None:
        self.settings = settings
        self.orders: SimpleQueue[wire.Train] = SimpleQueue()
        self.interrupt: Interrupt | None = None
        self.demands: Sequence[Demand] = ()
        self._out, self._out_lock = out, threading.Lock()
        self._datasets: dict[str, ImageDataset] = {}
        self._folder = Folder(settings.root / "runs")

    def listen(self) -> None:
        """Read orders until the worker ends; then end at once."""
        for line in sys.stdin:
            order = wire.ORDER.validate_json(line)
            if isinstance(order, wire.Train):
                self.interrupt, self.demands = None, order.demands
                self.orders.put(order)
            elif isinstance(order, wire.Stop):
                self.interrupt = order.why
            else:
                self.demands = order.demands
        os._exit(0)

    def serve(self) -> None:
        from worker.training import device

        device.configure(self.settings.threads)
        self.say(wire.Ready(capabilities=capabilities()))
        while True:
            order = self.orders.get()
            self.say(self.carry_out(order))

    def carry_out(self, order: wire.Train) -> wire.Ended:
        """Train as ordered; every way it can end is an answer, and the process lives on."""
        from worker.training.loop import Diverged

        try:
            return wire.Ended(outcome=self._train(order))
        except Interrupted:
            return wire.Ended(outcome=ENDS[self.interrupt or Interrupt.PREEMPT])
        except Diverged as end:
            return wire.Ended(
                outcome=Outcome.DIVERGED,
                error={"message": str(end), "detail": "", "step": end.step, "epoch": end.epoch},
            )
        except RethinkError as error:
            return _failed(error.message)
        except MemoryError:
            return _failed("The trainer ran out of memory. Use a smaller batch_size or width.")
        except Exception as error:
            if type(error).__name__ == "OutOfMemoryError":  # torch's, on CUDA
                return _failed(
                    "The GPU ran out of memory. Use a smaller batch_size or width, or free it."
                )
            return _failed(f"The trainer met an error ({type(error).__name__}: {error}).")

    def _train(self, order: wire.Train) -> Outcome:
        from worker.training import device, loop
        from worker.training.state import TrainingState

        self._report_progress(Progress(phase="starting"))
        dataset = self._dataset(order.spec)
        where = device.choose_device()
        state = self._restore(order, where) or TrainingState.start(order.spec, where)
        curve = [m for m in order.curve if m.epoch <= state.epoch]
        self.say(wire.Provenance(provenance=provenance(order.spec, dataset, state.step)))
        if all_met(self.demands, curve):
            return Outcome.COMPLETED
        saved_at, saved_step = time.monotonic(), state.step
        reports = loop.train(
            order.spec, dataset, where, state, should_yield=lambda: self.interrupt is not None
        )
        for report in reports:
            since = time.monotonic() - saved_at
            if isinstance(report, EpochMetrics):
                curve.append(report)
                self.say(wire.Epoch(metrics=report))
                done = all_met(self.demands, curve)
                is_due = done or since > EPOCH_CHECKPOINT_SECONDS
            else:
                self._report_progress(report)
                done, is_due = False, since > CHECKPOINT_SECONDS
            leaving = self.interrupt in (Interrupt.PAUSE, Interrupt.PREEMPT)
            if (is_due or leaving) and state.step > saved_step:
                self._save(order, state)
                saved_at, saved_step = time.monotonic(), state.step
            if done:
                return Outcome.COMPLETED
            if self.interrupt is not None:
                raise Interrupted
        raise AssertionError("train() ended by itself")

    def _dataset(self, spec: RunSpec) -> ImageDataset:
        if spec.dataset not in self._datasets:
            self._datasets[spec.dataset] = store.load(
                spec.dataset,
                self.settings.root,
                report=self._report_progress,
                folder=self.settings.cifar10,
            )
        return self._datasets[spec.dataset]

    def _report_progress(self, progress: Progress) -> None:
        self.say(wire.ProgressReport(progress=progress))
        if self.interrupt is not None and progress.step == 0:
            raise Interrupted  # nothing was trained in this attempt that could be saved

    def _restore(self, order: wire.Train, where: Any) -> Any:
        """The newest checkpoint that is whole, or None; a damaged one is passed over."""
        from worker.training import checkpoint

        for saved in order.checkpoints:
            try:
                path = self._folder.path(saved.key)
                return checkpoint.load(path, order.spec, where, saved.sha256)
            except (DataCorrupt, OSError) as error:
                print(f"checkpoint {saved.key} is passed over: {error}", file=sys.stderr)
        return None

    def _save(self, order: wire.Train, state: Any) -> None:
        from worker.training import checkpoint

        self.say(wire.ProgressReport(progress=Progress(phase="saving", step=state.step)))
        key = f"{order.run_id}/{order.attempt:04d}-{state.step:010d}.pt"
        try:
            sha256, size = checkpoint.save(state, self._folder.path(key))
        except OSError as error:
            # The run can go on: the previous checkpoint is still whole.
            print(f"checkpoint not saved: {error}", file=sys.stderr)
            return
        self.say(wire.Saved(step=state.step, epoch=state.epoch, key=key, sha256=sha256, size=size))

    def say(self, report: wire.Report) -> None:
        with self._out_lock:
            self._out.write(report.model_dump_json(exclude_none=True) + "\n")
            self._out.flush()


def _failed(message: str) -> wire.Ended:
    detail = traceback.format_exc(limit=-12)
    return wire.Ended(outcome=Outcome.FAILED, error={"message": message, "detail": detail})


def capabilities() -> dict[str, Any]:
    """What this machine offers, and the parameters of each model."""
    from worker.training import device, models

    found = device.describe()
    return {
        **found,
        "threads": found["numerics"]["threads"],
        "models": {name: models.parameter_count(RunSpec(model=name)) for name in ModelName},
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    import platform

    import numpy
    import torch

    return {
        "rethink": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
    }


def provenance(spec: RunSpec, dataset: ImageDataset, step: int) -> dict[str, Any]:
    """What could explain a difference between two attempts' results."""
    from worker.training import device

    return {
        **device.describe(),
        "versions": versions(),
        "engine": spec.engine,
        "first_step": step,
        "data_fingerprint": dataset.fingerprint,
        "data_source": dataset.provenance,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def main() -> None:
    # Ctrl-C in a terminal reaches the whole group; the worker decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a stray print must not break the protocol
    trainer = Trainer(get_settings(), out)
    threading.Thread(target=trainer.listen, name="orders", daemon=True).start()
    trainer.serve()


if __name__ == "__main__":
    main()
