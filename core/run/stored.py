"""What the database holds, read by whichever version: rows of a newer one are there too.

A database may be shared with newer servers and workers, or be older than an update that was taken
back. So a stored value that is not understood is never an error where it is only shown or counted.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from core.catalogue.registry import UNKNOWN_NAME
from core.run.demands import Demand, StopRule
from core.run.metrics import Progress
from core.run.spec import ENGINE, Precision, RunSpec


@dataclass(frozen=True, slots=True)
class UnknownSpec:
    """A stored spec that this version does not understand."""

    reason: str
    """Why, as the end of a sentence: "of engine 6, newer than this server: update to …"."""
    detail: str = ""


def read_spec(stored: str | Mapping[str, Any]) -> RunSpec | UnknownSpec:
    """A stored spec, given as JSON or as its values."""
    text = stored if isinstance(stored, str) else json.dumps(stored)
    try:
        return _understood(text)
    except ValidationError as error:
        values = json.loads(text)
        engine = values.get("engine") if isinstance(values, dict) else None
        if isinstance(engine, int) and engine > ENGINE:
            reason = f"of engine {engine}, newer than this server: update to look at it"
            return UnknownSpec(reason, str(error))
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "spec"
        if first["type"] == UNKNOWN_NAME:
            how = (
                "`rethink data add` it" if field == "dataset" else "add its plugin and start again"
            )
            reason = (
                f"of {field} {first['input']}, which is not there: {how}, or update to look at it"
            )
            return UnknownSpec(reason, str(error))
        reason = (
            f"stored by another version of Rethink, which this server cannot read ({field}: "
            f"{first['msg']}): update to look at it"
        )
        return UnknownSpec(reason, str(error))


@functools.lru_cache(maxsize=5000)
def _understood(text: str) -> RunSpec:
    """By its text: it never changes, and to check one takes long. What is not understood may be
    once a dataset was added."""
    return RunSpec.model_validate_json(text)


def unknown_how(how: Mapping[str, Any]) -> UnknownSpec | None:
    """Why the stored values of `core.run.questions.HOW` are not understood; None if they are.

    A newer engine is: its numbers mean the same.
    """
    whole = all(isinstance(how[name], int) for name in ("engine", "replicate"))
    if whole and how["precision"] in list(Precision):
        return None
    values = ", ".join(f"{name} {value}" for name, value in how.items())
    return UnknownSpec(
        f"trained by another version of Rethink in a way that this server does not know ({values}):"
        " update to look at it"
    )


def read_demand(epochs: int, stop: Mapping[str, Any]) -> Demand:
    """A stored demand, whatever limits it was once checked against."""
    return Demand.model_construct(epochs=epochs, stop=read_stop(stop))


def read_progress(stored: Any) -> Progress | None:
    """A stored progress; None where there is none that is understood."""
    try:
        return Progress.model_validate(stored)
    except ValidationError:
        return None


def read_stop(stored: Mapping[str, Any]) -> StopRule:
    """A stored stop rule. One that is not understood counts as none: it ends nothing early."""
    try:
        return StopRule.model_validate(stored)
    except ValidationError:
        return StopRule()
