"""/api/v1/figures and /api/v1/claims: panels as data, for the browser, and for a paper."""

import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response

from backend import problems
from backend.dependencies import PartsDep
from backend.figures import plotly, service, tables
from backend.figures.schemas import (
    Claim,
    Claims,
    FigureQuery,
    Format,
    PlotlyFigure,
    Selection,
)
from core.catalogue import PanelName, panels, plugins
from core.paper.panel import Panel

router = APIRouter(tags=["figures"])

Name = Annotated[PanelName, Path(description="The panel: 1a, 1b, 1c, 2a, 2b, table-1, …")]
Queried = Annotated[FigureQuery, Query()]
IfNoneMatch = Annotated[
    str | None, Header(description="ETag of the answer you have; 304 if it is still right.")
]
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Nothing has changed."}}


def _publication(format: str) -> Callable[[Panel], bytes]:
    def render(panel: Panel) -> bytes:
        from backend.figures import publication  # matplotlib: loaded at the first picture

        return publication.render(panel, format)

    return render


MEDIA: dict[Format, tuple[str, Callable[[Panel], bytes]]] = {
    Format.JSON: ("application/json", tables.to_json),
    Format.CSV: ("text/csv", tables.to_csv),
    Format.PARQUET: ("application/vnd.apache.parquet", tables.to_parquet),
    Format.SVG: ("image/svg+xml", _publication("svg")),
    Format.PDF: ("application/pdf", _publication("pdf")),
    Format.PNG: ("image/png", _publication("png")),
}


@router.get("/claims", response_model=Claims, responses=NOT_MODIFIED | problems.responses(422))
def claims(
    parts: PartsDep, query: Annotated[Selection, Query()], if_none_match: IfNoneMatch = None
) -> Response:
    """The paper's claims with their verdicts, judged by the stored runs."""
    asked = FigureQuery(**query.model_dump())
    drawn = [
        service.draw(parts.database, name, asked)
        for name in panels
        if panels[name].judge and not plugins.origins(panel=name)
    ]
    etag = hashlib.sha256("".join(d.etag for d in drawn).encode()).hexdigest()[:32]

    def body() -> bytes:
        items = [
            Claim(
                panel=d.panel.name,
                title=d.panel.title,
                verdict=d.panel.verdict,
                status=d.panel.status,
                status_text=d.panel.status_text,
                counts=d.panel.counts,
            )
            for d in drawn
        ]
        return Claims(**query.model_dump(), items=items).model_dump_json().encode()

    return _answer(etag, if_none_match, body)


@router.get(
    "/figures/{name}.{format}",
    response_class=Response,
    responses={
        200: {
            "content": {media: {"schema": {"type": "string"}} for media, _ in MEDIA.values()}
            | {"application/json": {"schema": {"$ref": "#/components/schemas/Panel"}}},
            "description": "The figure, as a file.",
        },
        **NOT_MODIFIED,
        **problems.responses(404, 422),
    },
)
def download(
    name: Name,
    format: Annotated[Format, Path(description="json, csv, parquet, svg, pdf or png.")],
    query: Queried,
    parts: PartsDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A figure as a file: data (json, csv, parquet) or picture (svg, pdf, png)."""
    drawn = service.draw(parts.database, name, query)
    media, renderer = MEDIA[format]
    panel = drawn.panel
    label = str(name) if name.startswith("table") else f"figure-{name}"
    file = f"rethink-{label}-{panel.scale}-{panel.variant}-{drawn.etag[:8]}.{format}"
    return _answer(
        f"{drawn.etag}-{format}",
        if_none_match,
        lambda: drawn.render(format, renderer),
        media=media,
        file=file,
    )


@router.get(
    "/figures/{name}/plotly",
    response_model=PlotlyFigure,
    responses=NOT_MODIFIED | problems.responses(404, 422),
)
def for_the_browser(
    name: Name, query: Queried, parts: PartsDep, if_none_match: IfNoneMatch = None
) -> Response:
    """A figure for plotly.js, long curves reduced with their extremes kept."""
    drawn = service.draw(parts.database, name, query)

    def render(panel: Panel) -> bytes:
        return json.dumps(plotly.figure(panel, drawn.etag), separators=(",", ":")).encode()

    return _answer(f"{drawn.etag}-plotly", if_none_match, lambda: drawn.render("plotly", render))


@router.get(
    "/figures/{name}",
    response_model=Panel,
    responses=NOT_MODIFIED | problems.responses(404, 422),
)
def show(
    name: Name, query: Queried, parts: PartsDep, if_none_match: IfNoneMatch = None
) -> Response:
    """A panel as data: axes, series, references, deviations, verdict, provenance."""
    drawn = service.draw(parts.database, name, query)
    return _answer(drawn.etag, if_none_match, lambda: drawn.render("json", tables.to_json))


def _answer(
    etag: str,
    known: str | None,
    body: Callable[[], bytes],
    *,
    media: str = "application/json",
    file: str | None = None,
) -> Response:
    """The body with its ETag, or 304 for a client that has it."""
    headers = {"ETag": f'"{etag}"', "Cache-Control": "private, no-cache"}
    if known is not None and f'"{etag}"' in known.replace("W/", ""):
        return Response(status_code=304, headers=headers)
    if file is not None:
        headers["Content-Disposition"] = f'attachment; filename="{file}"'
    return Response(body(), media_type=media, headers=headers)
