"""The errors a user can meet. Each message says what is wrong and what to do.

RethinkError                  500
├── InvalidInput              422   a value that is not allowed
├── NotFound                  404   no such run
├── Conflict                  409   the request does not fit the run's state
├── TooManyRuns               429   the queue is full
├── TooManyAttempts           429   too many wrong tokens from one address
├── Unauthorized              401   no valid token
├── Forbidden                 403   a request from a foreign page
├── DataUnavailable           503   no source gave the dataset
├── DataCorrupt               422   a data file is not what its checksum says
├── HomeUnavailable           503   the folder that holds all state cannot be used
├── DatabaseUnavailable       503
│   └── DiskFull              507   too little room to store anything
└── BrokerUnavailable         503
"""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


class RethinkError(Exception):
    """Base of all errors with a message for the user. `status` is the HTTP status it maps to."""

    status = 500
    title = "Internal error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(RethinkError):
    status = 422
    title = "Invalid input"

    def __init__(self, message: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.errors = errors or []


class NotFound(RethinkError):
    status = 404
    title = "Not found"


class Conflict(RethinkError):
    status = 409
    title = "Conflict with the current state"


class TooManyRuns(RethinkError):
    status = 429
    title = "The queue is full"


class TooManyAttempts(RethinkError):
    status = 429
    title = "Too many attempts"


class Unauthorized(RethinkError):
    status = 401
    title = "A token is needed"


class Forbidden(RethinkError):
    status = 403
    title = "Request refused"


class DataUnavailable(RethinkError):
    status = 503
    title = "The dataset could not be fetched"


class DataCorrupt(RethinkError):
    status = 422
    title = "A data file is damaged"


class HomeUnavailable(RethinkError):
    status = 503
    title = "The home folder cannot be used"


class DatabaseUnavailable(RethinkError):
    status = 503
    title = "The database does not answer"


class DiskFull(DatabaseUnavailable):
    status = 507
    title = "The disk is full"


class BrokerUnavailable(RethinkError):
    status = 503
    title = "The broker does not answer"


MAX_DESCRIBED = 20
"""Faults of one request that are described."""


def invalid_input(error: "ValidationError", prefix: tuple[str, ...] = ()) -> InvalidInput:
    """Turn pydantic's errors into one that names each field, its value and what is allowed."""
    return InvalidInput(*describe(error.errors(include_url=False), prefix))


def describe(
    details: "list[ErrorDetails] | list[dict[str, Any]]", prefix: tuple[str, ...] = ()
) -> tuple[str, list[dict[str, Any]]]:
    """A sentence for pydantic's `details`, and one `{field, value, message}` for each.

    At most `MAX_DESCRIBED`, so that no answer is much larger than its question.
    """
    errors = []
    for detail in details[:MAX_DESCRIBED]:
        location = [_shortened(str(part)) for part in (*prefix, *detail["loc"])]
        rule = re.sub(r"^(Value error, |Input |\w+ (?=should ))", "", detail["msg"])
        # A secret is not sent back; of a missing field pydantic has all that surrounds it.
        shown = "***" if "token" in location else _shown(detail.get("input"))
        shown = "" if detail["type"] == "missing" else shown
        if detail["type"] == "value_error":
            # A rule across fields: by custom its message begins with the field at fault.
            field, _, message = rule.partition(" ")
            location.append(field)
        elif detail["type"] == "missing":
            message = "is required"
        elif detail["type"] == "extra_forbidden":
            message = "is not a known field: check its spelling"
        else:
            message = f"{shown} is not allowed: it {rule}"
        errors.append({"field": ".".join(location), "value": shown, "message": message})
    sentence = "; ".join(f"{e['field']} {e['message']}".strip() for e in errors)
    if len(details) > MAX_DESCRIBED:
        sentence += f"; and {len(details) - MAX_DESCRIBED} more"
    return sentence, errors


def _shown(value: object) -> str:
    return _shortened(repr(value))


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
