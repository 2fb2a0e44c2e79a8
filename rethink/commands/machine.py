"""`rethink data`, `models`, `bench`, `doctor` and `token`: what this machine has and offers."""

import json as jsonlib
import os
from typing import Annotated

import typer

from core.settings import get_settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

data_app = typer.Typer(no_args_is_help=True, help="Fetch the dataset, or see what is there.")


@data_app.command()
def fetch() -> None:
    """Fetch CIFAR-10 from the first source that has it, and verify its checksums."""
    _worker("data", "fetch")


@data_app.command()
def status(json: Json = False) -> None:
    """Show which datasets are cached, and where."""
    _worker("data", "status", *_flag(json))


def models(json: Json = False) -> None:
    """List the models and their numbers of parameters."""
    _worker("models", *_flag(json))


def bench(
    model: Annotated[list[str] | None, typer.Option(help="Only this; may be given again.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each pipeline.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of a turn.")] = 2.0,
    json: Json = False,
) -> None:
    """Measure this machine: images per second of each model, against a conventional pipeline."""
    only = [f"--model={name}" for name in model or []]
    _worker("bench", *only, f"--rounds={rounds}", f"--seconds={seconds}", *_flag(json))


def doctor(json: Json = False) -> None:
    """Say what this machine offers and why. Exit code 1 if something needed is broken."""
    from rethink.doctor import diagnose, table

    findings = diagnose(get_settings())
    if json:
        typer.echo(jsonlib.dumps([f.as_json() for f in findings], indent=2))
    else:
        typer.echo(table(findings))
    if any(f.broken for f in findings):
        raise typer.Exit(1)


def token(
    new: Annotated[
        bool, typer.Option("--new", help="Make a new one; restart servers then.")
    ] = False,
) -> None:
    """Print the access token of this home."""
    from core import token as tokens
    from core.domain.errors import InvalidInput

    settings = get_settings()
    if new and settings.token:
        raise InvalidInput("RETHINK_TOKEN sets the token: change it there, or unset it.")
    typer.echo(tokens.rotate(settings) if new else tokens.read_or_create(settings))


def _worker(*arguments: str) -> None:
    """Replace this process by the worker's program, which has torch."""
    from rethink.processes import module, module_environment

    get_settings()  # a value that is not allowed is reported before torch is loaded
    command = module("worker", *arguments)
    os.execve(command[0], command, module_environment({}))


def _flag(json: bool) -> list[str]:
    return ["--json"] if json else []
