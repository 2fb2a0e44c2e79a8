"""`rethink data`, `models`, `bench`, `doctor` and `token`: what this machine has and offers."""

import json as jsonlib
import os
from typing import Annotated

import typer

from core.settings import get_settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

data_app = typer.Typer(
    no_args_is_help=True, help="Fetch a dataset, add one of your own, or see what is there."
)
Name = typer.Argument(help="Name, with or without its fingerprint.")


@data_app.command()
def fetch(dataset: Annotated[str, Name] = "cifar10") -> None:
    """Fetch a dataset from the first source that has it, and verify its checksums."""
    _worker("data", "fetch", "--", dataset)


@data_app.command()
def status(
    dataset: Annotated[str | None, Name] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read and check every byte.")] = False,
    json: Json = False,
) -> None:
    """Show which datasets are there, and where."""
    only = ["--", dataset] if dataset else []
    _worker("data", "status", *["--verify"] * verify, *_flag(json), *only)


@data_app.command()
def add(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits, - and _.")],
    source: Annotated[
        str,
        typer.Argument(
            help="Folder of images, a folder a class; .npz file; Parquet file or folder; or "
            "torchvision:CIFAR100, SVHN, MNIST or FashionMNIST."
        ),
    ],
    title: Annotated[str, typer.Option(help="For people; the name unless given.")] = "",
    test_fraction: Annotated[
        float, typer.Option(help="Of each class, where there is no test set.")
    ] = 0.2,
    split_seed: Annotated[int, typer.Option(help="Seed of that split.")] = 0,
    size: Annotated[
        int | None,
        typer.Option(help="Crop each image to its middle square and resize it to this side."),
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Parquet's, if several are possible.")
    ] = None,
    json: Json = False,
) -> None:
    """Add a dataset of your own: it is read once and kept in the home."""
    options = [f"--title={title}", f"--test-fraction={test_fraction}", f"--split-seed={split_seed}"]
    options += [f"--size={size}"] if size is not None else []
    options += [f"--label-column={label_column}"] if label_column is not None else []
    _worker("data", "add", *options, *_flag(json), "--", name, source)


@data_app.command()
def remove(dataset: Annotated[str, Name]) -> None:
    """Remove the images of a dataset you added; runs trained on them stay as they are."""
    _worker("data", "remove", "--", dataset)


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
    from core.run.errors import InvalidInput

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
