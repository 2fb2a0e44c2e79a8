"""`rethink run`: launch a run. Its options are the fields of the spec, with their descriptions."""

import inspect
import json as jsonlib
import types
import typing
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ValidationError

from core.catalogue import datasets
from core.catalogue.registry import UNKNOWN_NAME, NameIn
from core.run.demands import Demand, StopRule
from core.run.errors import InvalidInput, invalid_input
from core.run.spec import Precision, SpecRequest
from rethink.commands.study import grid_of

FIRST = (
    *("model", "n_train", "n_test", "randomization", "corruption"),
    *("learning_rate", "batch_size", "seed", "data_seed"),
)
"""Fields shown first; the others have a panel of their own."""
NOT_OPTIONS = frozenset({"engine"})


def run(
    *,
    epochs: int | None,
    preset: str | None,
    name: str | None,
    priority: int | None,
    set_: list[str],
    watch: bool,
    estimate: bool,
    json: bool,
    **given: Any,
) -> None:
    """Launch a run on the server. A spec that was run before returns that run.

    Exit code: 0 launched (with --watch: trained as far as asked), 1 failed, 2 input that is not
    allowed, 3 diverged (with --watch).
    """
    from rethink.client import Client

    assigned, _ = grid_of(set_, [])
    stop = {field: given.pop(f"stop_{field}") for field in StopRule.model_fields}
    stop = {field: value for field, value in stop.items() if value is not None}
    spec = {field: value for field, value in given.items() if value is not None} | assigned
    with Client() as client:
        if preset is not None:
            base = _preset(client.capabilities()["presets"], preset)
            # Another model than the preset's brings its own learning rate and batch size.
            spec = base["spec"] | spec
            epochs = base["epochs"] if epochs is None else epochs
            stop = stop or base.get("stop", {})
        _check(SpecRequest, spec)
        _check(StopRule, stop, "stop")
        epochs = 10 if epochs is None else epochs
        if estimate:
            typer.echo(_estimated(client.runs.estimate(spec, epochs=epochs, stop=stop), json))
            return
        launched = client.runs.create(spec, epochs=epochs, stop=stop, name=name, priority=priority)
        _announce(launched, json)
        if watch:
            from rethink.watch import watch as show

            demand = Demand(epochs=epochs, stop=StopRule(**stop))
            raise typer.Exit(show(client, launched, demand=demand, quiet=json))


def _announce(launched: Any, json: bool) -> None:
    from rethink.text import state

    if json:
        typer.echo(launched.model_dump_json(exclude={"attempts"}))
    else:
        place = f", place {launched.queue_position} in the queue" if launched.queue_position else ""
        typer.echo(f"Run {launched.id}: {state(launched)}{place}")


def _check(kind: type[BaseModel], values: dict[str, Any], *prefix: str) -> None:
    """Refuse what the server would refuse, before asking it."""
    try:
        kind.model_validate(values)
    except ValidationError as error:
        if any(detail["type"] == UNKNOWN_NAME for detail in error.errors()):
            return  # the server may have it: datasets are added where it runs
        raise invalid_input(error, prefix=prefix) from error


def _preset(presets: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for preset in presets:
        if preset["name"] == name:
            return dict(preset["request"])
    names = ", ".join(preset["name"] for preset in presets)
    raise InvalidInput(f"preset {name!r} is not known: use one of {names}")


def _estimated(estimate: dict[str, Any], json: bool) -> str:
    from rethink.text import duration

    if json:
        return jsonlib.dumps(estimate)
    if estimate["seconds"] is None:
        return f"Time: {estimate['basis']}."
    low, high = duration(estimate["low_seconds"]), duration(estimate["high_seconds"])
    return (
        f"Time: about {duration(estimate['seconds'])} ({low} to {high}; {estimate['basis']}), "
        f"with {estimate['waiting']} runs waiting before it."
    )


def _options() -> list[inspect.Parameter]:
    """The options of `rethink run`, generated from the spec and the stop rule."""
    fixed: dict[str, tuple[Any, Any, Any]] = {
        "epochs": (
            int | None,
            None,
            typer.Option(help="Epochs to train at most: 10 unless given."),
        ),
        "watch": (bool, False, typer.Option("--watch", help="Follow it with a progress bar.")),
        "preset": (str | None, None, typer.Option(help="Named request to start from.")),
        "name": (str | None, None, typer.Option(help="A name of your own.")),
        "priority": (int | None, None, typer.Option(help="Higher goes first: 0 unless given.")),
        "estimate": (
            bool,
            False,
            typer.Option("--estimate", help="Say how long it would take; launch nothing."),
        ),
        "json": (bool, False, typer.Option("--json", help="Print JSON.")),
        "set_": (
            list[str],
            [],
            typer.Option("--set", metavar="FIELD=VALUE", help="Any field of the spec."),
        ),
    }
    parameters = [_parameter(name, *rest) for name, rest in fixed.items()]
    fields = SpecRequest.model_fields
    for name in (*FIRST, *(f for f in fields if f not in FIRST and f not in NOT_OPTIONS)):
        panel = "What to train" if name in FIRST else "More fields of the spec"
        option = typer.Option(help=fields[name].description, rich_help_panel=panel)
        kind = _names(fields[name].metadata) or _plain(fields[name].annotation)
        parameters.append(_parameter(name, kind | None, None, option))
    for name, field in StopRule.model_fields.items():
        option = typer.Option(help=field.description, rich_help_panel="When to stop")
        parameters.append(_parameter(f"stop_{name}", float | None, None, option))
    return parameters


def _parameter(name: str, kind: Any, default: Any, option: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, option],
    )


def _names(metadata: list[Any]) -> Any:
    """The names in the catalogue that the field may have, as choices of the command line."""
    known = next((each.registry for each in metadata if isinstance(each, NameIn)), None)
    if known is datasets:  # added where the server runs, which may be elsewhere
        return str
    return known and StrEnum(known.kind, {name: name for name in known})


def _plain(annotation: Any) -> Any:
    """The type a command line understands: limits and None are left to the spec itself."""
    if typing.get_origin(annotation) is Annotated:
        return _plain(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = [a for a in typing.get_args(annotation) if a is not types.NoneType]
        if Precision in members:
            return StrEnum("Precision", {p.name: p.value for p in Precision} | {"AUTO": "auto"})
        return _plain(members[0])
    return annotation


run.__signature__ = inspect.Signature(_options())  # type: ignore[attr-defined]
run.__annotations__ = {p.name: p.annotation for p in _options()}
