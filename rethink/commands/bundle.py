"""`rethink bundle`: carry work to machines without a server, and results back."""

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from core.paper.criteria import CRITERIA
from core.paper.scales import Scale
from core.paper.studies import TITLES, StudyName
from core.run.errors import InvalidInput
from core.run.spec import Precision, Variant
from core.settings import get_settings
from rethink.commands.study import (
    Axes,
    Base,
    CriterionOption,
    Epochs,
    ScaleOption,
    Seeds,
    StopAccuracy,
    StopLoss,
    VariantOption,
    grid_of,
    refuse,
)

app = typer.Typer(no_args_is_help=True, help="Train without a server: work out, results back.")


@app.command()
def make(
    name: Annotated[StudyName, typer.Argument(help="Which study; custom takes --axis.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The bundle to write.")],
    scale: ScaleOption = None,
    variant: VariantOption = None,
    seeds: Seeds = 1,
    precision: Annotated[
        Precision, typer.Option(help="bf16 only for machines that multiply it in hardware.")
    ] = Precision.FP32,
    criterion: CriterionOption = "default",
    series: Annotated[
        list[str], typer.Option(help="Only these curves, by their names; may be given again.")
    ] = [],  # noqa: B006
    base: Base = [],  # noqa: B006
    axis: Axes = [],  # noqa: B006
    epochs: Epochs = None,
    stop_train_loss: StopLoss = None,
    stop_train_accuracy: StopAccuracy = None,
) -> None:
    """Write the runs of a study to a file that `python -m worker bundle` trains anywhere."""
    from core import bundles
    from core.paper.studies import grid, plan
    from core.run.demands import Demand, StopRule

    if name is StudyName.CUSTOM:
        refuse({"scale": scale, "variant": variant}, f"{name}: use --set and --axis")
        stop = StopRule(train_loss=stop_train_loss, train_accuracy=stop_train_accuracy)
        fields, axes = grid_of(base, axis)
        entries = grid(fields, axes, Demand(epochs=epochs or 10, stop=stop), seeds, precision)
    else:
        stops = {"stop-train-loss": stop_train_loss, "stop-train-accuracy": stop_train_accuracy}
        refuse({"set": base, "axis": axis, "epochs": epochs, **stops}, f"{name}: use custom")
        scale, variant = scale or Scale.SMOKE, variant or Variant.PAPER
        entries = plan(name, scale, variant, seeds, precision, CRITERIA.get(criterion))
    names = dict.fromkeys(entry.role.series for entry in entries)
    if unknown := [one for one in series if one not in names]:
        raise InvalidInput(f"--series {unknown[0]} is not allowed: use {', '.join(names)}")
    work = bundles.work_of(tuple(e for e in entries if not series or e.role.series in series))
    if not work:
        raise InvalidInput(f"{name} has no runs at scale {scale}: use another")
    bundles.write_work(out, TITLES[name], work)
    typer.echo(f"{out}: {len(work)} runs")


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="Results of `python -m worker bundle`.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Add the runs of results bundles to the database of this machine, never one twice."""
    from core import bundles, home
    from core.storage import imports
    from core.storage.artifacts import Folder
    from core.storage.database import Database, migrate

    settings = get_settings()
    home.keep_private()
    migrate(settings)
    database, folder = Database(settings.database), Folder.of(settings)
    found: dict[str, list[str]] = {how: [] for how in imports.HOW}
    for file in files:
        origin = imports.origin(file)
        for result in bundles.read_results(file):
            weights = bundles.read_weights(file, result) if result.weights else None
            with database.write() as session:
                how = imports.add(session, folder, result, origin, weights)
            found[how].append(result.run_id)
    database.close()
    if json:
        typer.echo(jsonlib.dumps(found, indent=2))
        return
    for how, run_ids in found.items():
        if run_ids:
            typer.echo(f"{len(run_ids)} {imports.HOW[how]}")
