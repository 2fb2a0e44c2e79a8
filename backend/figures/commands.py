"""The commands that make a panel's runs again, as a shell reads them."""

import json
from collections.abc import Iterable
from shlex import quote
from typing import Any

from core.paper.criteria import Criterion
from core.paper.panels.entries import Entry
from core.paper.studies import StudyName
from core.run.spec import RunSpec


def of_catalogue(study: str, request: dict[str, Any], entries: list[Entry]) -> str:
    """In the precision of the stored runs; without one before there are any, or if they differ."""
    trained = {str(entry.planned.spec.precision) for entry in entries if entry.run is not None}
    if len(trained) == 1:
        request = request | {"precision": trained.pop()}
    return of_study(study, request)


def of_study(name: str, request: dict[str, Any]) -> str:
    """What makes the runs of a study again; `request`: as it is stored."""
    words = ["rethink", "study", "run", name]
    options = (
        "model",
        "dataset",
        "randomization",
        "scale",
        "variant",
        "seeds",
        "criterion",
        "precision",
    )
    words += [f"--{option} {request[option]}" for option in options if option in request]
    words += ["--fresh"] if "engine" in request else []
    if grid := request.get("grid"):
        words += [f"--set {_assigned(field, value)}" for field, value in grid["base"].items()]
        for field, values in grid["axes"].items():
            words.append(f"--axis {quote(f'{field}=' + ','.join(map(_text, values)))}")
        words.append(f"--epochs {grid['epochs']}")
        words += [
            f"--stop-{rule.replace('_', '-')} {value}"
            for rule, value in grid.get("stop", {}).items()
            if value is not None
        ]
    return " ".join(words)


def by_criterion(study: str, request: dict[str, Any], criterion: Criterion | None) -> str:
    """What trains the runs of 1b and 1c of a study on until the criterion holds, not anew."""
    own = study if study == StudyName.RACE else StudyName.FIGURE_1BC
    chosen = {} if criterion is None else {"criterion": criterion.name}
    return of_study(own, request | chosen)


def of_runs(runs: Iterable[tuple[RunSpec, int]]) -> str:
    """What trains each spec again for as many epochs."""
    return "; ".join(_of_run(spec, epochs) for spec, epochs in runs)


def _of_run(spec: RunSpec, epochs: int) -> str:
    """The fields that the model does not bring with it, and the precision, which workers choose."""
    fields = {
        field: value
        for field, value in spec.changes().items()
        if value is not None and field != "engine" and value != RunSpec.model_fields[field].default
    }
    fields = {"model": spec.model, "precision": spec.precision} | fields
    words = [f"--set {_assigned(field, value)}" for field, value in fields.items()]
    return " ".join(["rethink", "run", *words, f"--epochs {epochs}"])


def _assigned(field: str, value: object) -> str:
    return quote(f"{field}={_text(value)}")


def _text(value: object) -> str:
    """A value as the command line reads it."""
    return str(value) if isinstance(value, str) else json.dumps(value)
