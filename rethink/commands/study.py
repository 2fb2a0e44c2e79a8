"""`rethink study`: plan a study, launch it, follow it, end it."""

import functools
import inspect
import json as jsonlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.paper.criteria import CriterionName
from core.paper.scales import Scale
from core.paper.studies import StudyName
from core.run.errors import InvalidInput
from core.run.spec import ENGINE, Precision, Variant

if TYPE_CHECKING:
    from rethink.client import Client
    from rethink.studies import Study

app = typer.Typer(no_args_is_help=True, help="Plan and launch studies: all runs of a figure.")

Name = Annotated[StudyName, typer.Argument(help="Which study; custom takes --axis.")]
ScaleOption = Annotated[
    Scale | None,
    typer.Option(help="smoke: minutes; quick: hours; full: the paper. Left out: smoke."),
]
VariantOption = Annotated[
    Variant | None, typer.Option(help="The paper's setting or the report's. Left out: paper.")
]
Seeds = Annotated[int, typer.Option(min=1, max=10, help="Seeds of weights and randomization.")]
PrecisionOption = Annotated[
    Precision | None, typer.Option(help="Number format; left out, the workers choose.")
]
CriterionOption = Annotated[
    CriterionName, typer.Option(help="When runs of 1b and 1c count as fitted, and end.")
]
FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Train anew what only an earlier engine has trained.")
]
ModelOption = Annotated[
    str | None, typer.Option(help="race, figure-1bc: a network in place of the paper's.")
]
DatasetOption = Annotated[
    str | None, typer.Option(help="race, figure-1bc: a dataset in place of CIFAR-10.")
]
RandomizationOption = Annotated[
    str | None, typer.Option(help="race, figure-1bc: what is replaced with probability p.")
]
Base = Annotated[
    list[str], typer.Option("--set", metavar="FIELD=VALUE", help="custom: a field of all runs.")
]
Axes = Annotated[
    list[str], typer.Option("--axis", metavar="FIELD=A,B,…", help="custom: values to try.")
]
StopLoss = Annotated[
    float | None, typer.Option(help="custom: stop a run below this training loss.")
]
StopAccuracy = Annotated[
    float | None, typer.Option(help="custom: stop a run at this training accuracy.")
]
Epochs = Annotated[
    int | None, typer.Option(min=1, max=10_000, help="custom: epochs at most. Left out: 10.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
StudyId = Annotated[str, typer.Argument(metavar="ID", help="The study's id.")]


def _request(
    name: Name,
    scale: ScaleOption = None,
    variant: VariantOption = None,
    model: ModelOption = None,
    dataset: DatasetOption = None,
    randomization: RandomizationOption = None,
    seeds: Seeds = 1,
    precision: PrecisionOption = None,
    criterion: CriterionOption = "default",
    fresh: FreshOption = False,
    base: Base = [],  # noqa: B006
    axis: Axes = [],  # noqa: B006
    epochs: Epochs = None,
    stop_train_loss: StopLoss = None,
    stop_train_accuracy: StopAccuracy = None,
) -> dict[str, Any]:
    """What was asked for; the server fills in what was left out.

    Raises:
        InvalidInput: an option has no effect on this study.
    """
    shared = {
        "model": model,
        "dataset": dataset,
        "randomization": randomization,
        "seeds": seeds,
        "precision": precision,
        "criterion": criterion,
        "engine": ENGINE if fresh else None,
    }
    catalogue = {"scale": scale, "variant": variant}
    grid = {
        "set": base,
        "axis": axis,
        "epochs": epochs,
        "stop-train-loss": stop_train_loss,
        "stop-train-accuracy": stop_train_accuracy,
    }
    if name is StudyName.CUSTOM:
        refuse(catalogue, f"{name}: a grid is not scaled, use --set and --axis")
        return {"study": name, **_given(shared), "grid": _grid(grid)}
    refuse(grid, f"{name}: use custom")
    return {"study": name, **_given(shared | catalogue)}


def _asking(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the name and the options of a study in place of its `request`."""
    asked = inspect.signature(_request).parameters
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "request"]

    @functools.wraps(command)
    def asking(**given: Any) -> None:
        command(_request(**{name: given.pop(name) for name in asked}), **given)

    parameters = [*asked.values(), *own]
    asking.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    asking.__annotations__ = {p.name: p.annotation for p in parameters}
    return asking


@app.command()
@_asking
def plan(request: dict[str, Any], json: Json = False) -> None:
    """Say what a study needs, what exists, and how long the rest takes. Launches nothing."""
    from rethink.client import Client

    with Client() as client:
        found = client.studies.plan(**request)
    typer.echo(jsonlib.dumps(found, indent=2) if json else _described(found))


@app.command()
@_asking
def run(
    request: dict[str, Any],
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to its end.")] = False,
    json: Json = False,
) -> None:
    """Launch a study; what exists already is not trained again.

    Exit code: 0 launched (with --watch: complete, and every network fitted), 1 failed, 2 input that
    is not allowed.
    """
    from rethink.client import Client

    with Client() as client:
        if not json:
            typer.echo(_described(client.studies.plan(**request)))
        study = client.studies.create(**request)
        typer.echo(study.model_dump_json() if json else _line(study))
        if watch:
            raise typer.Exit(_watch(client, study, quiet=json))


@app.command("list")
def index(
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 50,
    json: Json = False,
) -> None:
    """List studies, the newest first."""
    from rethink.client import Client

    with Client() as client:
        found = client.studies.list(limit=limit)
    if json:
        typer.echo(jsonlib.dumps([study.model_dump(mode="json") for study in found], indent=2))
    elif not found:
        typer.echo("There are no studies. Launch one with `rethink study run figure-1a`.")
    for study in () if json else found:
        typer.echo(_line(study))


@app.command()
def show(study_id: StudyId, json: Json = False) -> None:
    """Show one study: how far each panel is."""
    from rethink.client import Client

    with Client() as client:
        study = client.studies.get(study_id)
    if json:
        typer.echo(study.model_dump_json(indent=2))
        return
    typer.echo(_line(study))
    for panel in study.panels:
        typer.echo(f"  {panel['panel']}: {panel['complete']} of {panel['runs']} runs")


@app.command()
def cancel(study_id: StudyId) -> None:
    """End a study; runs that nobody else demands end with it, results stay."""
    from rethink.client import Client

    with Client() as client:
        typer.echo(_line(client.studies.cancel(study_id)))


@app.command()
def delete(
    study_id: StudyId,
    runs: Annotated[
        bool, typer.Option("--runs", help="Also delete its runs that nobody else has or demands.")
    ] = False,
) -> None:
    """Forget a study. Its runs stay, unless --runs."""
    from rethink.client import Client

    with Client() as client:
        client.studies.delete(study_id, runs=runs)
    typer.echo(f"Study {study_id} was deleted.")


Options = dict[str, Any]
"""By their names on the command line. None or no values: left out."""


def refuse(options: Options, where: str) -> None:
    """Raise InvalidInput if one of the options, which have no effect there, was given."""
    for option, value in options.items():
        if value not in (None, []):
            raise InvalidInput(f"--{option} is not allowed with {where}")


def _grid(options: Options) -> dict[str, Any]:
    stop = {
        "train_loss": options["stop-train-loss"],
        "train_accuracy": options["stop-train-accuracy"],
    }
    base, axes = grid_of(options["set"], options["axis"])
    fields = {"base": base, "axes": axes}
    return fields | _given({"epochs": options["epochs"], "stop": _given(stop)})


def grid_of(base: list[str], axes: list[str]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The fields of all runs of a custom grid, and the values to try, from FIELD=VALUE."""
    return (
        {field: _value(text) for field, text in map(_pair, base)},
        {field: [_value(part) for part in text.split(",")] for field, text in map(_pair, axes)},
    )


def _given(options: Options) -> dict[str, Any]:
    return {option: value for option, value in options.items() if value is not None}


def _pair(text: str) -> tuple[str, str]:
    field, equals, value = text.partition("=")
    if not equals or not field:
        raise InvalidInput(f"{text} is not allowed: write FIELD=VALUE")
    return field.strip().replace("-", "_"), value


def _value(text: str) -> Any:
    """A number, true, false or null where it can be read as such, else text."""
    try:
        return jsonlib.loads(text)
    except ValueError:
        return text.strip()


def _described(plan: dict[str, Any]) -> str:
    from rethink.text import duration

    lines = [
        plan["title"],
        f"  runs: {plan['runs_needed']} needed, {plan['reused']} there already, "
        f"{plan['extended']} to go on, {plan['new']} new",
    ]
    if plan["epochs"]:
        low, high = duration(plan["low_seconds"]), duration(plan["high_seconds"])
        lines += [
            f"  work: {plan['epochs']:,} epochs, {plan['images']:,} training images",
            f"  time: about {duration(plan['seconds'])} ({low} to {high}) on "
            f"{plan['workers']} worker{'s' if plan['workers'] > 1 else ''}; {plan['basis']}",
        ]
    else:
        lines.append("  nothing is left to train")
    if plan["sharing"]["runs"]:
        lines.append(
            f"  sharing runs between panels saves {plan['sharing']['runs']} runs, "
            f"{plan['sharing']['epochs']:,} epochs, {duration(plan['sharing']['seconds'])}"
        )
    lines += [f"  differs from the paper: {sentence}" for sentence in plan["deviations"]]
    return "\n".join(lines)


def _line(study: "Study") -> str:
    chosen = " ".join(filter(None, map(study.request.get, ("scale", "criterion"))))
    paused = f", {study.paused} paused" if study.paused else ""
    missing = f", {study.missing} deleted" if study.missing else ""
    return (
        f"{study.id}  {study.state:9}  {study.complete}/{study.runs} runs{paused}{missing}  "
        f"{study.study} {chosen}".rstrip()
        + (f"  {study.title}" if study.title else "")
    )


def _watch(client: "Client", study: "Study", *, quiet: bool) -> int:
    from rethink.watch import watch_study

    return watch_study(client, study, quiet=quiet)
