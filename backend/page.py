"""The page: files of `frontend/`, and plotly.js out of the installed wheel, compressed once."""

import gzip
import importlib.util
from importlib import metadata
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

FRONTEND = Path(__file__).parents[1] / "frontend"
IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
REVALIDATE = {"Cache-Control": "no-cache"}

router = APIRouter(include_in_schema=False)


@router.get("/")
@router.head("/")
def index() -> FileResponse:
    return FileResponse(FRONTEND / "index.html", headers=REVALIDATE)


@router.get("/favicon.ico")
def icon() -> FileResponse:
    """For what asks for it without reading the page, which names its icon."""
    return FileResponse(FRONTEND / "icon.svg", headers=REVALIDATE)


@router.get("/static/plotly.min.js")
def plotly(request: Request) -> Response:
    """plotly.js, 4.8 MB, compressed to 1.5 MB at its first use and kept in the home."""
    source = _plotly_source()
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return FileResponse(source, media_type="text/javascript", headers=IMMUTABLE)
    root: Path = request.app.state.parts.settings.root
    packed = root / "cache" / f"plotly-{metadata.version('plotly')}.min.js.gz"
    if not packed.exists():
        packed.parent.mkdir(parents=True, exist_ok=True)
        partial = packed.with_suffix(f".{id(request)}.part")
        partial.write_bytes(gzip.compress(source.read_bytes(), mtime=0))
        partial.replace(packed)
    headers = {**IMMUTABLE, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return FileResponse(packed, media_type="text/javascript", headers=headers)


def _plotly_source() -> Path:
    spec = importlib.util.find_spec("plotly")  # located, not imported: that takes a second
    if spec is None or spec.origin is None:
        raise HTTPException(404, "plotly is not installed")
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


class _Revalidated(StaticFiles):
    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers.update(REVALIDATE)
        return response


def install(app: FastAPI) -> None:
    app.include_router(router)
    app.mount("/static", _Revalidated(directory=FRONTEND), name="static")
