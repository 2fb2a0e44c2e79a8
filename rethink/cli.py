"""The `rethink` command: a table of contents. What each command does is in `rethink.commands`.

Exit codes: 0 done, 1 failed, 2 input that is not allowed, 3 a run that was watched has diverged.
Commands import what they need when they
run, so that the command line starts in a fraction of a second; torch is left to other processes.
"""

import os
import sys
from typing import Annotated

import typer

from core import __version__
from core.run.errors import InvalidInput, RethinkError
from rethink.commands import bundle, figure, launch, machine, race, runs, serve, study

app = typer.Typer(
    name="rethink",
    help="A laboratory for the randomization test: train networks on randomized data, and watch.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def rethink(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


app.command()(serve.up)
app.command()(serve.api)
app.command()(serve.worker)
app.command()(serve.migrate)

app.command()(launch.run)
app.command()(race.race)
app.add_typer(runs.app, name="runs")
app.add_typer(study.app, name="study")
app.add_typer(figure.app, name="figure")
app.add_typer(bundle.app, name="bundle")

app.add_typer(machine.data_app, name="data")
app.command()(machine.models)
app.command()(machine.bench)
app.command()(machine.doctor)
app.command()(machine.token)


def main() -> None:
    """Entry point: one sentence for an error the user can meet, no traceback."""
    try:
        sys.exit(app(standalone_mode=False))
    except typer.TyperException as error:
        _fail(_in_words(error), 2)
    except InvalidInput as error:
        _fail(error.message, 2)
    except RethinkError as error:
        _fail(error.message, 1)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _in_words(error: typer.TyperException) -> str:
    """A sentence like those of our own errors; none where the help was printed in its place."""
    message = error.format_message().replace("Value error, ", "")
    return message.replace("Input should", "it should").rstrip(".")


def _fail(message: str, code: int) -> None:
    if message:
        print(f"error: {message}", file=sys.stderr)
    sys.exit(code)
