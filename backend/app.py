"""The application: its parts, its routes, its start and its end."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.openapi.utils import get_openapi
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException

from backend import page, problems
from backend.broker import Broker
from backend.dependencies import Parts
from backend.figures import routes as figures
from backend.instance import routes as instance
from backend.queries import known_only
from backend.reaper import Reaper
from backend.runs import routes as runs
from backend.security import Credentials, Guard
from backend.stream import MAX_STREAMS, PING_SECONDS, Cursor, Hub
from backend.studies import routes as studies
from core import __version__
from core.catalogue import added, plugins
from core.disk import Disk
from core.messages import Hints
from core.run.errors import InvalidInput
from core.settings import Settings, get_settings
from core.storage.database import Database
from core.token import read_or_create

logger = logging.getLogger(__name__)
API = "/api/v1"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def create_app(settings: Settings | None = None) -> FastAPI:
    """The API and the page, on a database that is at the newest schema."""
    settings = settings or get_settings()
    plugins.load(settings.root)
    added.follow(settings.root)
    credentials = Credentials(read_or_create(settings), str(settings.root))
    hints = Hints(settings.broker_url)
    parts = Parts(
        settings=settings,
        database=Database(settings.database, on_commit=hints.news),
        broker=Broker(settings.broker_url),
        hints=hints,
        credentials=credentials,
        disk=Disk(settings),
    )
    app = FastAPI(
        title="Rethink",
        version=__version__,
        summary="A laboratory for the randomization test.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
    )
    app.state.parts = parts
    app.state.hub = Hub(settings.broker_url, parts.database)
    app.include_router(instance.router, prefix=API, dependencies=[Depends(known_only)])
    app.include_router(runs.router, prefix=API, dependencies=[Depends(known_only)])
    app.include_router(studies.router, prefix=API, dependencies=[Depends(known_only)])
    app.include_router(figures.router, prefix=API, dependencies=[Depends(known_only)])
    app.add_api_route(
        f"{API}/stream",
        stream,
        methods=["GET"],
        tags=["stream"],
        response_class=EventSourceResponse,
        dependencies=[Depends(known_only)],
        responses={
            200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
            **problems.responses(422),
        },
    )
    page.install(app)
    problems.install(app)
    routes = app.build_middleware_stack
    # Outermost, so that the answer to an error that nobody expected has its headers too.
    app.build_middleware_stack = lambda: Guard(  # type: ignore[method-assign]
        routes(), credentials=credentials, hosts=_hosts(settings)
    )
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _hosts(settings: Settings) -> frozenset[str]:
    named = [h.strip().lower() for h in settings.allowed_hosts.split(",") if h.strip()]
    return frozenset((*LOOPBACK, settings.host.lower(), *named))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    reaper = Reaper(parts.settings, parts.database, parts.broker)
    await app.state.hub.start()
    reaper.start()
    yield
    await app.state.hub.stop()
    reaper.stop()
    parts.broker.close()
    parts.hints.close()
    parts.database.close()


async def stream(
    request: Request,
    topics: Annotated[
        str,
        Query(
            max_length=2000,
            description="runs for all runs, or run:<id>, several separated by commas.",
        ),
    ] = "runs",
    last_event_id: Annotated[
        str | None, Header(description="Where to go on; the events after it are replayed.")
    ] = None,
    after: Annotated[int | None, Query(ge=0, description="The same as Last-Event-ID.")] = None,
) -> EventSourceResponse:
    """Live changes as Server-Sent Events: hello, created, state, epoch, progress, deleted,
    worker, study, reset.

    A ping every ten seconds says that the connection holds. All but it and progress carry the log's
    sequence number as their id. After reset, fetch afresh.
    """
    hub: Hub = request.app.state.hub
    if hub.streams >= MAX_STREAMS:
        raise HTTPException(
            503, "Too many streams are open, try again soon", headers={"Retry-After": "5"}
        )
    cursor = Cursor(hub, _run_ids(topics), _seen(last_event_id, after))
    return EventSourceResponse(
        cursor.follow(),
        ping=PING_SECONDS,
        ping_message_factory=lambda: ServerSentEvent("{}", event="ping"),
        send_timeout=30,
        headers={"X-Accel-Buffering": "no"},
    )


def _run_ids(topics: str) -> tuple[str, ...] | None:
    names = [name.strip() for name in topics.split(",") if name.strip()]
    if "runs" in names:
        return None
    unknown = [name for name in names if not name.startswith("run:")]
    if unknown or not names:
        raise InvalidInput(f"topics {topics[:100]!r} is not allowed: use runs, or run:<id>")
    return tuple(name.removeprefix("run:") for name in names)


def _seen(header: str | None, after: int | None) -> int | None:
    if header is None or header == "":
        return after
    if not (header.isdigit() and len(header) < 19):
        raise InvalidInput(f"Last-Event-ID {header[:40]!r} is not allowed: use a number")
    return int(header)


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        schema["components"]["securitySchemes"] = instance.openapi_extra()
        schema["security"] = [{"token": []}]
        for path, method in (("/health", "get"), ("/session", "post")):
            schema["paths"][API + path][method]["security"] = []
        app.openapi_schema = schema
    return app.openapi_schema
