"""`rethink runs`: list runs, look at one, steer it, take its curve."""

import json as jsonlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from core.catalogue import randomizations
from core.run.demands import still_wanted
from core.run.errors import Conflict, InvalidInput
from core.run.lifecycle import Outcome, RunState

if TYPE_CHECKING:
    from rethink.client import Run

app = typer.Typer(invoke_without_command=True)

RunId = Annotated[str, typer.Argument(metavar="ID", help="The run's id, or how it begins.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def runs(context: typer.Context, json: Json = False) -> None:
    """List, show and steer runs. Alone it lists the newest."""
    if context.invoked_subcommand is None:
        index(json=json)


@app.command("list")
def index(
    state: Annotated[
        RunState | None, typer.Option(case_sensitive=False, help="Only runs in this state.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    offset: Annotated[int, typer.Option(min=0, help="How many to skip.")] = 0,
    json: Json = False,
) -> None:
    """List runs, the newest first."""
    from rethink.client import Client

    with Client() as client:
        found = client.runs.list(state=state, limit=limit, offset=offset)
    if json:
        typer.echo(jsonlib.dumps([run.model_dump(mode="json") for run in found], indent=2))
    else:
        _print_table(found)


@app.command()
def show(run_id: RunId, json: Json = False) -> None:
    """Show one run: its spec, its state, how far it is."""
    from rethink.client import Client

    with Client() as client:
        run = client.runs.get(run_id)
    typer.echo(run.model_dump_json(indent=2) if json else _described(run))


@app.command()
def metrics(
    run_id: RunId,
    format: Annotated[Literal["csv", "json"], typer.Option(help="csv or json.")] = "csv",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; else the terminal.")
    ] = None,
) -> None:
    """Print the curve of a run, a line an epoch."""
    from rethink.client import Client

    with Client() as client:
        text = client.runs.metrics(run_id, format=format)
    if output is None:
        typer.echo(text.rstrip("\n"))
        return
    try:
        output.write_text(text)
    except OSError as error:
        raise InvalidInput(f"{output} cannot be written ({error.strerror}).") from error
    typer.echo(f"Written to {output}")


@app.command()
def watch(run_id: RunId) -> None:
    """Follow a run with a progress bar. Exit code: 0 if it succeeds, 3 if it diverges, else 1."""
    from rethink.client import Client
    from rethink.watch import watch as show_progress

    with Client() as client:
        raise typer.Exit(show_progress(client, client.runs.get(run_id)))


@app.command()
def cancel(
    run_id: RunId,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="Also for the studies that want it.")
    ] = False,
) -> None:
    """End a run at its next step; what it has measured stays. Exit code: 1 if it goes on."""
    from rethink.client import Client
    from rethink.text import state

    with Client() as client:
        run = client.runs.cancel(run_id, everywhere=everywhere)
    owners = [demand["owner"] for demand in run.demands if not demand["withdrawn"]]
    if owners:
        raise Conflict(still_wanted(run.id, owners))
    typer.echo(f"Run {run.id}: {state(run) if run.ended else 'ends at its next step'}")


@app.command()
def pause(run_id: RunId) -> None:
    """Save a run at its next step and let the worker go on with others."""
    _change(run_id, "pause")


@app.command()
def resume(run_id: RunId) -> None:
    """Queue a paused run again; it goes on where it stopped."""
    _change(run_id, "resume")


@app.command()
def retry(run_id: RunId) -> None:
    """Queue a failed or cancelled run again, from its newest checkpoint."""
    _change(run_id, "retry")


@app.command()
def extend(
    run_id: RunId,
    epochs: Annotated[int, typer.Option(help="Epochs the run shall have in all.")],
) -> None:
    """Train a run for more epochs, from its newest checkpoint."""
    _change(run_id, "extend", epochs)


@app.command()
def priority(
    run_id: RunId,
    value: Annotated[int, typer.Argument(help="Higher goes first; -100 to 100.")],
) -> None:
    """Move a run in the queue."""
    _change(run_id, "set_priority", value)


@app.command()
def delete(run_id: RunId) -> None:
    """Delete a run with its metrics and checkpoints."""
    from rethink.client import Client

    with Client() as client:
        client.runs.delete(run_id)
    typer.echo(f"Run {run_id} was deleted.")


def _change(run_id: str, verb: str, *arguments: int) -> None:
    from rethink.client import Client
    from rethink.text import state

    with Client() as client:
        run = getattr(client.runs, verb)(run_id, *arguments)
    typer.echo(f"Run {run.id}: {state(run)}")


COLUMNS = ("ID", "STATE", "MODEL", "RANDOMIZATION", "EPOCHS", "TEST ACC", "LEFT", "NAME")


def _print_table(found: "Sequence[Run]") -> None:
    if not found:
        typer.echo("There are no runs. Launch one with `rethink run`.")
        return
    rows = [COLUMNS, *map(_cells, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _cells(run: "Run") -> tuple[str, ...]:
    from rethink.text import duration, percent, state

    return (
        run.id,
        state(run),
        run.model,
        _randomization(run),
        f"{run.epochs_done}/{run.epochs}",
        percent(run.latest.test_accuracy) if run.latest else "",
        duration(run.eta_seconds) if run.eta_seconds is not None else "",
        run.name or "",
    )


def _randomization(run: "Run") -> str:
    p = run.spec.get("corruption")
    name = str(run.spec["randomization"])
    text = randomizations[name].title if name in randomizations else name
    return text if p is None else f"{text}, p = {p:g}"


def _described(run: "Run") -> str:
    from rethink.text import state

    lines = [f"{run.id}  {state(run)}" + (f"  {run.name}" if run.name else "")]
    lines.append(f"  epochs: {run.epochs_done} of {run.epochs}")
    if run.unknown_spec:
        lines.append(f"  {run.unknown_spec}")
    if run.error:
        what = "diverged" if run.outcome == Outcome.DIVERGED else "error"
        lines.append(f"  {what}: {run.error.get('message')}")
    for attempt in run.attempts:
        for passed in (attempt.get("provenance") or {}).get("passed_over", ()):
            lines.append(
                f"  attempt {attempt['attempt']}: checkpoint {passed['checkpoint']} was passed "
                f"over ({passed['reason']})"
            )
    if m := run.latest:
        from rethink.text import loss

        lines.append(
            f"  train: loss {loss(m.train_loss)}, accuracy {m.train_accuracy:.1%}; "
            f"test: loss {loss(m.test_loss)}, accuracy {m.test_accuracy:.1%}"
        )
    lines.append("  spec:")
    lines += [f"    {name}: {value}" for name, value in run.spec.items() if value is not None]
    return "\n".join(lines)
