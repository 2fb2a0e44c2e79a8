"""Errors as RFC 9457 problem details, with a sentence that a user can act on."""

import http
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from core.run.errors import InvalidInput, RethinkError, describe

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One value that is not allowed."""

    field: str = Field(description="Path of the field, such as spec.batch_size.")
    value: str = Field(description="The value given, shortened.")
    message: str = Field(description="What is allowed.")


class Problem(BaseModel):
    """Problem details, RFC 9457."""

    type: str = Field(description="Kind of the problem: about:blank, so that title says it.")
    title: str = Field(description="Kind of the problem, in words.")
    status: int = Field(description="HTTP status.")
    detail: str = Field(description="What is wrong and what to do.")
    errors: list[FieldError] = Field([], description="The fields at fault, if any.")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries for the problems a route can answer with."""
    return {
        status: {
            "model": Problem,
            "description": http.HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({400, 401, 403, 503, *statuses})
    }


def problem(
    status: int,
    title: str,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(
        body | {"errors": errors or []}, status, headers=headers, media_type=MEDIA_TYPE
    )


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem."""

    @app.exception_handler(RethinkError)
    def known(_: Request, error: RethinkError) -> JSONResponse:
        errors = error.errors if isinstance(error, InvalidInput) else None
        headers = {"Retry-After": "5"} if error.status in (429, 503) else None
        return problem(error.status, error.title, error.message, errors, headers)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        details = [
            {**e, "loc": e["loc"][1:] if e["loc"][0] in ("body", "query", "path") else e["loc"]}
            for e in error.errors()
        ]
        if details and details[0]["type"] == "json_invalid":
            return problem(400, "Not JSON", "The body is not valid JSON.")
        sentence, errors = describe(details)
        return problem(422, InvalidInput.title, sentence or "The body is missing.", errors)

    @app.exception_handler(HTTPException)
    def http_error(_: Request, error: HTTPException) -> JSONResponse:
        title = http.HTTPStatus(error.status_code).phrase
        headers = dict(error.headers) if error.headers else None
        return problem(error.status_code, title, f"{error.detail}.", headers=headers)

    @app.exception_handler(Exception)
    def unknown(request: Request, error: Exception) -> JSONResponse:
        logger.error("error in %s %s", request.method, request.url.path, exc_info=error)
        return problem(
            500,
            "Internal error",
            "Something went wrong in the server; its log has the details. See what was stored "
            "before you try again.",
        )
