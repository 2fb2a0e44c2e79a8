"""`python -m worker.trainer PARENT`: the child that trains. It knows no database and no broker.

It stays warm between runs. Lines of JSON come in on standard input (`worker.wire.Order`), lines of
JSON go out on what was standard output (`worker.wire.Report`); whatever else prints goes to
standard error. It ends when its standard input does or its parent is gone: it never outlives its
worker.

What a run does here depends on its spec alone: the same weights come out warm or cold.
"""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any, TextIO

from pydantic import ValidationError

from core import failpoints
from core.catalogue import added, plugins
from core.run.demands import Demand, all_met
from core.run.errors import RethinkError
from core.run.lifecycle import Interrupt, Outcome
from core.run.metrics import EpochMetrics, Progress
from core.run.spec import RunSpec
from core.settings import Settings, get_settings
from core.storage.artifacts import Folder
from worker import provenance, wire
from worker.datasets import store
from worker.datasets.images import ImageDataset
from worker.training import memory

PR_SET_PDEATHSIG = 1
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
        self._folder = Folder.of(settings)

    def listen(self) -> None:
        """Read orders until the worker ends; then end at once."""
        for line in sys.stdin:
            try:
                order = wire.ORDER.validate_json(line)
            except ValidationError as error:
                _log(f"an order that is not understood: {error}")
                os._exit(3)
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
        self.say(wire.Ready(capabilities=provenance.capabilities()))
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
        except Exception as error:
            return _failed(_memory_problem(error) or f"The trainer met an error ({_named(error)}).")

    def _train(self, order: wire.Train) -> Outcome:
        from worker.training import device, loop
        from worker.training.state import TrainingState

        self._report_progress(Progress(phase="starting"))
        dataset = self._dataset(order.spec)
        where = device.choose_device()
        restored, passed_over = self._restore(order, where)
        state = restored or TrainingState.start(order.spec, where)
        self._folder.keep_only(order.run_id, [saved.key for saved in order.checkpoints])
        curve = [m for m in order.curve if m.epoch <= state.epoch]
        first_step, is_known = state.step, False
        if all_met(self.demands, curve):
            return Outcome.COMPLETED
        saved_at, saved_step = time.monotonic(), state.step
        reports = loop.train(order.spec, dataset, where, state, should_yield=self._should_yield)
        longest = self.settings.checkpoint_seconds
        for report in reports:
            if state.data_fingerprint and not is_known:
                is_known = True
                found = provenance.of_attempt(
                    order.spec,
                    dataset,
                    state.data_fingerprint,
                    state.wrong_labels,
                    first_step,
                    passed_over,
                )
                self.say(wire.Provenance(provenance=found))
            since = time.monotonic() - saved_at
            if isinstance(report, EpochMetrics):
                curve.append(report)
                self.say(wire.Epoch(metrics=report))
                done = all_met(self.demands, curve)
                is_due = done or since > min(EPOCH_CHECKPOINT_SECONDS, longest)
            else:
                self._report_progress(report)
                done, is_due = False, since > longest
            why = self.interrupt  # once: what is asked for meanwhile is heard at the next report
            leaving = why in (Interrupt.PAUSE, Interrupt.PREEMPT)
            if (is_due or leaving) and state.step > saved_step:
                self._save(order, state)
                saved_at, saved_step = time.monotonic(), state.step
            if done:
                return Outcome.COMPLETED
            if why is not None:
                raise Interrupted
        raise AssertionError("train() ended by itself")

    def _should_yield(self) -> bool:
        failpoints.reach("trainer.step")
        return self.interrupt is not None

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

    def _restore(self, order: wire.Train, where: Any) -> tuple[Any, list[dict[str, str]]]:
        """The newest checkpoint that can be read, or None; and those passed over, with reasons."""
        from worker.training import checkpoint

        passed_over: list[dict[str, str]] = []
        for saved in order.checkpoints:
            try:
                path = self._folder.path(saved.key)
                return checkpoint.load(path, order.spec, where, saved.sha256), passed_over
            except (RethinkError, OSError, RuntimeError, LookupError, ValueError) as error:
                if memory.is_lacking(error):
                    raise  # it is whole, and wanted when there is memory again
                # Damaged, gone, or of an older version: going on from further back is always right.
                told = error.message if isinstance(error, RethinkError) else _named(error)
                reason = " ".join(told.split())[:300]
                passed_over.append({"checkpoint": saved.key, "reason": reason})
                _log(f"checkpoint {saved.key} is passed over: {reason}")
        return None, passed_over

    def _save(self, order: wire.Train, state: Any) -> None:
        from worker.training import checkpoint

        self.say(wire.ProgressReport(progress=Progress(phase="saving", step=state.step)))
        key = f"{order.run_id}/{order.attempt:04d}-{state.step:010d}.pt"
        try:
            sha256, size = checkpoint.save(state, self._folder.path(key))
        except OSError as error:
            # The run can go on: the previous checkpoint is still whole.
            detail = f"the checkpoint could not be saved ({error.strerror or error})"
            _log(f"run {order.run_id}: {detail}")
            self.say(
                wire.ProgressReport(
                    progress=Progress(phase="saving", step=state.step, detail=detail)
                )
            )
            return
        failpoints.reach("trainer.after-rename")
        self.say(wire.Saved(step=state.step, epoch=state.epoch, key=key, sha256=sha256, size=size))

    def say(self, report: wire.Report) -> None:
        with self._out_lock:
            self._out.write(report.model_dump_json(exclude_none=True) + "\n")
            self._out.flush()


def _failed(message: str) -> wire.Ended:
    detail = traceback.format_exc(limit=-12)
    return wire.Ended(outcome=Outcome.FAILED, error={"message": message, "detail": detail})


def _memory_problem(error: Exception) -> str | None:
    """What to tell the user if `error` says that memory ran out."""
    if memory.is_lacking_on_gpu(error):
        return "The GPU ran out of memory. Use a smaller batch_size or width, or free it."
    if memory.is_lacking(error):
        return "The trainer ran out of memory. Use a smaller batch_size or width."
    return None


def _log(line: str) -> None:
    """Tell the worker's log, which may lie on a disk that is full."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _die_with(parent: int) -> None:
    """Have the kernel end this process when the thread that started it ends. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the request was made
            os._exit(1)


def main() -> None:
    _die_with(int(sys.argv[1]))
    failpoints.reach_before_rename("trainer.before-rename", ".pt")
    # Ctrl-C in a terminal reaches the whole group; the worker decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a stray print must not break the protocol
    settings = get_settings()
    plugins.load(settings.root)
    added.follow(settings.root)
    trainer = Trainer(settings, out)
    threading.Thread(target=trainer.listen, name="orders", daemon=True).start()
    trainer.serve()


if __name__ == "__main__":
    main()
