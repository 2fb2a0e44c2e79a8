"""Query parameters that no route knows are refused: a misspelt filter must not pass for none."""

from fastapi import Request, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError

ELSEWHERE = (params.Path, params.Header, params.Cookie)


async def known_only(request: Request) -> None:  # async: not worth a thread
    """Refuse parameters that the route does not describe, as bodies refuse unknown fields."""
    if not request.query_params:
        return
    described = get_flat_params(request.scope["route"].dependant)
    known = {field.alias for field in described if not isinstance(field.field_info, ELSEWHERE)}
    unknown = {name: value for name, value in request.query_params.items() if name not in known}
    if unknown:
        raise RequestValidationError(
            [
                {"type": "extra_forbidden", "loc": ("query", name), "msg": "", "input": value}
                for name, value in unknown.items()
            ]
        )
