"""`--watch`: a progress bar, and a line for each epoch of a run or each panel of a study."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from core.catalogue import panels
from core.run.demands import Demand, all_met
from core.run.lifecycle import Outcome, RunState
from core.run.metrics import Epoch
from core.run.stored import read_demand
from rethink.client import Client, Run
from rethink.follow import Epoch as NewEpoch
from rethink.follow import State, Step, follow, prepares
from rethink.patience import Patience
from rethink.studies import Study
from rethink.table import HEADER, row
from rethink.text import duration, loss

STUDY_POLL_SECONDS = 2.0


DIVERGED = 3
"""Exit code of watching a run that diverges: it has a result, but no longer learns."""


def watch(client: Client, run: Run, *, demand: Demand | None = None, quiet: bool = False) -> int:
    """Follow `run` until it has ended, or `demand` is met: the run may go on for others.

    Returns the exit code: 0 if it came so far, 3 if it diverged before, 1 if it ended otherwise.
    Ctrl-C stops watching; the run goes on. With `quiet`, only the exit code tells.
    """
    console = Console(quiet=quiet, highlight=False)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %  {task.fields[note]}"),
        console=console,
        transient=True,
    )
    try:
        with bar:
            run, met = _follow(client, run, bar, demand)
    except KeyboardInterrupt:
        console.print(
            f"No longer watching; run {run.id} goes on. `rethink runs show {run.id}` shows it, "
            f"`rethink runs cancel {run.id}` ends it."
        )
        return 0
    if met is not None:
        console.print(_met(run, met))
        return 0
    console.print(_ending(run))
    if run.state != RunState.SUCCEEDED:
        return 1
    return DIVERGED if run.outcome == Outcome.DIVERGED else 0


def _follow(
    client: Client, run: Run, bar: Progress, demand: Demand | None
) -> tuple[Run, int | None]:
    """The run at its end, or as it was last seen and the epoch that met the demand."""
    task = bar.add_task("queued", total=1.0, note="")
    headed = False
    curve: list[Epoch] = []
    asked = demand.epochs if demand else None
    for news in follow(client, run.id):
        match news:
            case State(run=run):
                _show_state(bar, task, run)
            case Step():
                _show_step(bar, task, run, news, asked or run.epochs)
            case NewEpoch(metrics=metrics):
                if not headed:
                    bar.console.print(HEADER)
                    headed = True
                bar.console.print(row(metrics))
                bar.update(task, completed=metrics.epoch / max(asked or run.epochs, metrics.epoch))
                curve.append(metrics)
                if demand and demand.is_met(curve):
                    run = client.runs.get(run.id)
                    if _goes_further(run, curve):
                        return run, metrics.epoch
    return run, None


def _goes_further(run: Run, curve: Sequence[Epoch]) -> bool:
    """Whether the run has more epochs than `curve`, or another demand on it is still unmet."""
    demands = [
        read_demand(demand["epochs"], demand["stop"])
        for demand in run.demands
        if not demand["withdrawn"]
    ]
    return len(curve) < run.epochs_done if run.ended else not all_met(demands, curve)


def _show_state(bar: Progress, task: TaskID, run: Run) -> None:
    place = f"place {run.queue_position} in the queue" if run.queue_position else ""
    bar.update(task, description=run.state.lower(), completed=run.fraction or 0.0, note=place)


def _show_step(bar: Progress, task: TaskID, run: Run, step: Step, epochs: int) -> None:
    progress = step.progress
    if prepares(progress):
        bar.update(
            task,
            description=progress.phase,
            completed=progress.fraction or 0.0,
            note=progress.detail or "",
        )
        return
    notes = [f"loss {loss(progress.loss)}" if progress.loss is not None else ""]
    if progress.images_per_second:
        notes.append(f"{progress.images_per_second:,.0f} images/s")
    if step.eta_seconds is not None and epochs == run.epochs:
        notes.append(f"{duration(step.eta_seconds)} left")
    epoch = min(progress.epoch + 1, epochs)
    done = None if step.fraction is None else min(step.fraction * run.epochs / epochs, 1.0)
    bar.update(
        task,
        description=f"{progress.phase}, epoch {epoch}/{epochs}",
        completed=done,  # None leaves the bar where it is
        note=", ".join(filter(None, notes)),
    )


def _met(run: Run, epoch: int) -> str:
    further = f"ended after {run.epochs_done}" if run.ended else f"goes on to {run.epochs}"
    return (
        f"Run {run.id} has done what was asked for after {epoch} epochs; it {further} for others."
    )


def _ending(run: Run) -> str:
    reason = (run.error or {}).get("message", "")
    if run.outcome == Outcome.DIVERGED:
        return f"Run {run.id} diverged after {run.epochs_done} epochs. {reason}".rstrip()
    if run.state == RunState.SUCCEEDED:
        return f"Run {run.id} succeeded after {run.epochs_done} epochs."
    return f"Run {run.id} ended as {run.state}. {reason}".rstrip()


def watch_study(client: Client, study: Study, *, quiet: bool = False) -> int:
    """Follow `study` to its end. Returns the exit code: 0 if complete, with networks that fitted.

    Ctrl-C stops watching; the study goes on. A server that restarts is waited for.
    """
    console = Console(quiet=quiet, highlight=False)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %  {task.fields[note]}"),
        console=console,
        transient=True,
    )
    said: set[str] = set()
    try:
        with bar:
            task = bar.add_task(study.state, total=1.0, note="")
            while not study.ended:
                _say_complete_panels(console, study, said)
                _say_paused(console, study, said)
                _show_study(bar, task, study)
                study = _next(client, study, bar, task)
    except KeyboardInterrupt:
        console.print(
            f"No longer watching; study {study.id} goes on. `rethink study show {study.id}` shows "
            f"it, `rethink study cancel {study.id}` ends it."
        )
        return 0
    _say_complete_panels(console, study, said)
    failed = _say_notes(console, client, study) if study.state == "complete" else set()
    console.print(f"Study {study.id} is {study.state}: {study.complete} of {study.runs} runs.")
    if failed:
        console.print(
            f"The scale has failed: {', '.join(sorted(failed))} did not fit true or random labels, "
            "so its figures say nothing. Ask for a larger one, or for other seeds."
        )
    return 0 if study.state == "complete" and not failed else 1


def _show_study(bar: Progress, task: TaskID, study: Study) -> None:
    note = f"{study.complete} of {study.runs} runs, {study.running} in training"
    if study.paused:
        note += f", {study.paused} paused"
    bar.update(task, description=study.state, completed=study.fraction, note=note)


def _next(client: Client, study: Study, bar: Progress, task: TaskID) -> Study:
    """The study a moment later, as soon as the server tells."""
    patience = Patience()
    while True:
        time.sleep(STUDY_POLL_SECONDS)
        if newer := patience.ask(lambda: client.studies.get(study.id)):
            return newer
        bar.update(task, note="the server does not answer, asking again")


def _say_paused(console: Console, study: Study, said: set[str]) -> None:
    """Say so when all that is left is paused: without a word the study would wait for ever."""
    ended = study.complete + study.failed + study.missing
    if not study.paused or ended + study.paused < study.runs:
        said.discard("paused")
    elif "paused" not in said:
        said.add("paused")
        runs = "1 run that is" if study.paused == 1 else f"{study.paused} runs that are"
        console.print(
            f"The study waits for {runs} paused: `rethink runs list --state paused` shows what to "
            "resume (`rethink runs resume ID`) or to cancel."
        )


def _say_complete_panels(console: Console, study: Study, said: set[str]) -> None:
    for panel in study.panels:
        name = panel["panel"]
        if panel["complete"] == panel["runs"] and name not in said:
            said.add(name)
            console.print(f"{name}: all {panel['runs']} runs are there.")


def _say_notes(console: Console, client: Client, study: Study) -> set[str]:
    """What a reader of the figures has to know. Returns the networks that did not fit."""
    failed: set[str] = set()
    for name in (panel["panel"] for panel in study.panels):
        figure = next((panel.name for panel in panels.values() if panel.role == name), None)
        if figure is not None:
            panel = client.figures.get(figure, study=study.id)
            for note in panel["notes"]:
                console.print(f"{name}: {note}")
            failed |= {n["network"] for n in panel["networks"] if n["state"] == "failed"}
    return failed
