"""`rethink figure`: fetch a figure as data or as a picture; see what the claims have come to."""

import json as jsonlib
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from core.paper.panel import MeasureKind, SpreadKind, XKind
from core.paper.scales import Scale
from core.run.errors import InvalidInput
from core.run.spec import Variant

app = typer.Typer(no_args_is_help=True, help="Fetch figures, and the verdicts on the claims.")

Format = Literal["json", "csv", "parquet", "svg", "pdf", "png"]
ScaleOption = Annotated[Scale, typer.Option(help="Whose runs: smoke, quick or full.")]
VariantOption = Annotated[Variant, typer.Option(help="The paper's setting or the report's.")]
Seeds = Annotated[int, typer.Option(min=1, max=10, help="Seeds to take the mean over.")]


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="Which panel.")],
    format: Annotated[Format, typer.Option(help="The file's kind.")] = "csv",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; text else is printed.")
    ] = None,
    scale: Annotated[
        Scale | None, typer.Option(help="Whose runs: smoke, quick or full. Left out: smoke.")
    ] = None,
    variant: Annotated[
        Variant | None,
        typer.Option(help="The paper's setting or the report's. Left out: paper."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, max=10, help="Seeds to take the mean over. Left out: 1."),
    ] = None,
    criterion: Annotated[
        str | None,
        typer.Option(
            help="When a run counts as fitted, such as loss-0.1. Left out: the study's, or default."
        ),
    ] = None,
    x: Annotated[XKind, typer.Option(help="x of learning curves.")] = XKind.AUTO,
    spread: Annotated[SpreadKind, typer.Option(help="Spread over seeds.")] = SpreadKind.AUTO,
    study: Annotated[
        str | None,
        typer.Option(help="Read this study's runs; not with --scale, --variant or --seeds."),
    ] = None,
    run: Annotated[list[str], typer.Option(help="atlas, clean-corrupted: these runs.")] = [],  # noqa: B006
    corruption: Annotated[
        list[float],
        typer.Option(min=0, max=1, help="clean-corrupted: a level of p; once for each."),
    ] = [],  # noqa: B006
    measure: Annotated[MeasureKind, typer.Option(help="atlas: what to show.")] = (
        MeasureKind.ACCURACY
    ),
    log: Annotated[
        Literal["x", "y", "xy"] | None, typer.Option(help="Axes drawn logarithmic.")
    ] = None,
    individual: Annotated[bool, typer.Option("--individual", help="Each seed too.")] = False,
) -> None:
    """Fetch a figure: data as CSV, JSON or Parquet, a picture as SVG, PDF or PNG."""
    from rethink.client import Client

    binary = format in ("parquet", "pdf", "png")
    if output is None and binary:
        raise InvalidInput(f"--output is required with {format}: name the file to write")
    query: dict[str, Any] = {
        "scale": scale,
        "variant": variant,
        "seeds": seeds,
        "criterion": criterion,
        "x": x,
        "spread": spread,
        "study": study,
        "run": run,
        "corruption": corruption,
        "measure": measure,
        "log": log,
        "individual": individual,
    }
    with Client() as client:
        content = client.figures.download(name, format, **query)
    if output is None:
        typer.echo(content.decode().rstrip("\n"))
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        raise InvalidInput(f"{output} cannot be written ({error.strerror}).") from error
    typer.echo(f"Written to {output}")


@app.command()
def claims(
    scale: ScaleOption = Scale.FULL,
    variant: VariantOption = Variant.PAPER,
    seeds: Seeds = 1,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which of the paper's claims the stored runs reproduce."""
    from rethink.client import Client

    with Client() as client:
        found = client.figures.claims(scale=scale, variant=variant, seeds=seeds)
    if json:
        typer.echo(jsonlib.dumps(found, indent=2))
        return
    for item in found:
        typer.echo(f"{item['panel']:8} {item['verdict']['claim']}")
        typer.echo(f"         {item['verdict']['sentence']}")
