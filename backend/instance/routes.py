"""The server itself: health, capabilities, workers, sign-in and numbers for Prometheus."""

from collections.abc import Iterable
from importlib import metadata
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from pydantic import BaseModel

from backend import problems
from backend.dependencies import Parts, PartsDep
from backend.instance.schemas import (
    FROM_CAPABILITIES,
    FROM_STATUS,
    Capabilities,
    Check,
    CriterionView,
    DatasetView,
    Health,
    ModelView,
    PanelTypeView,
    PluginView,
    PresetView,
    RandomizationView,
    SignIn,
    StudyTypeView,
    WorkerView,
)
from backend.runs.schemas import RunRequest
from backend.security import MAX_FAILURES
from core import __version__
from core.catalogue import datasets, models, panels, plugins, randomizations
from core.disk import Space
from core.paper.criteria import CRITERIA
from core.paper.presets import all_presets
from core.paper.scales import Scale
from core.paper.studies import CATALOGUE, TITLES, unavailable
from core.run.errors import (
    BrokerUnavailable,
    DatabaseUnavailable,
    TooManyAttempts,
    Unauthorized,
)
from core.storage import events, runs, workers
from core.storage.clock import now

router = APIRouter(tags=["server"])
YEAR = 365 * 24 * 3600


@router.get("/health", responses={422: problems.responses(422)[422], 503: {"model": Health}})
def health(response: Response, parts: PartsDep) -> Health:
    """Whether the server can do its work; needs no token and holds no data."""
    database = broker = Check(ok=True, detail="")
    live = 0
    try:
        with parts.database.read() as session:
            live = len(workers.live(session, parts.settings.lease_seconds))
    except DatabaseUnavailable:
        database = Check(ok=False, detail="The database does not answer.")
    try:
        parts.broker.waiting_hints()
    except BrokerUnavailable:
        broker = Check(ok=False, detail="The broker does not answer; runs wait until it does.")
    space = parts.disk.space()
    # Nobody has to sign in to ask: no paths.
    room = Check(ok=not space.sentence, detail=_room(space))
    status = "ok" if database.ok and broker.ok and room.ok else "degraded"
    response.status_code = 200 if database.ok and not space.fault else 503
    return Health(
        status=status,
        version=__version__,
        database=database,
        broker=broker,
        disk=room,
        workers=live,
    )


def _room(space: Space) -> str:
    free = f"{space.free / 1e6:,.0f} MB are free."
    if space.fault:
        return f"The server cannot write ({space.fault}); {free} To mend it, {space.remedy}."
    if not space.enough:
        return f"Only {free} No run is launched until there are more."
    return free


@router.post("/session", status_code=204, responses=problems.responses(413, 415, 422, 429))
def sign_in(given: SignIn, request: Request, response: Response, parts: PartsDep) -> None:
    """Exchange the token for a cookie that only this browser's page can use."""
    address = request.client.host if request.client else ""
    if parts.failures.must_wait(address):
        raise TooManyAttempts(
            f"{MAX_FAILURES} wrong tokens came from {address}. Wait a minute before the next; "
            "`rethink token` prints the right one."
        )
    if not parts.credentials.is_token(given.token.strip()):
        parts.failures.add(address)
        raise Unauthorized("This token is not the server's. `rethink token` prints the right one.")
    parts.failures.forget(address)
    response.set_cookie(
        parts.credentials.cookie_name,
        parts.credentials.cookie_value,
        max_age=YEAR,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


@router.delete("/session", status_code=204, responses=problems.responses(422))
def sign_out(response: Response, parts: PartsDep) -> None:
    """Forget this browser's cookie. Only a new token ends those of other browsers."""
    response.delete_cookie(parts.credentials.cookie_name, httponly=True, samesite="strict")


@router.get("/capabilities", responses=problems.responses(422))
def capabilities(parts: PartsDep) -> Capabilities:
    """What can be launched here: datasets, models, presets, workers and the request's schema."""
    listed = _workers(parts)
    counts: dict[str, int] = {}
    for worker in listed:
        counts |= worker.models
    return Capabilities(
        version=__version__,
        plotly_version=metadata.version("plotly"),
        datasets=_views(DatasetView, datasets.values()),
        models=[
            view.model_copy(update={"parameters": counts.get(view.name)})
            for view in _views(ModelView, models.values())
        ],
        randomizations=_views(RandomizationView, randomizations.values()),
        panels=_views(PanelTypeView, panels.values()),
        studies=[
            StudyTypeView(
                name=name,
                title=TITLES[name],
                scales=[scale for scale in Scale if unavailable(name, scale) is None],
            )
            for name in CATALOGUE
        ],
        criteria=_views(CriterionView, CRITERIA.values()),
        plugins=_views(PluginView, plugins.loaded()),
        presets=[
            PresetView(
                name=p.name,
                title=p.title,
                description=p.description,
                group=p.group,
                choices=p.choices,
                request={
                    "spec": {"model": p.spec.model} | p.spec.changes(),
                    "epochs": p.demand.epochs,
                    "stop": p.demand.stop.model_dump(exclude_none=True),
                },
            )
            for p in all_presets()
        ],
        run_schema=RunRequest.model_json_schema(),
        workers=listed,
    )


View = TypeVar("View", bound=BaseModel)


def _views(view: type[View], described: Iterable[object]) -> list[View]:
    return [view.model_validate(one, from_attributes=True) for one in described]


@router.get("/workers", responses=problems.responses(422))
def index_workers(parts: PartsDep) -> list[WorkerView]:
    """The workers that are there, what each offers and what it is doing."""
    return _workers(parts)


def _workers(parts: Parts) -> list[WorkerView]:
    with parts.database.read() as session:
        time, rows = now(session), workers.listed(session)
        return [
            WorkerView(
                id=row.id,
                host=row.host,
                state=_state(time - row.seen_at, row.run_id, parts.settings.lease_seconds),
                run_id=row.run_id,
                last_seen=row.seen_at,
                silent_seconds=time - row.seen_at,
                started_at=row.started_at,
                **{k: row.status.get(k) for k in FROM_STATUS},
                **{k: row.capabilities.get(k) for k in FROM_CAPABILITIES},
            )
            for row in rows
        ]


def _state(silent_seconds: float, run_id: str | None, lease_seconds: float) -> str:
    if silent_seconds > lease_seconds:
        return "lost"
    return "busy" if run_id else "idle"


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {}}}, **problems.responses(422)},
)
def prometheus(parts: PartsDep) -> Response:
    """Numbers for Prometheus: runs by state, live workers, free space, newest event."""
    registry = CollectorRegistry()
    by_state = Gauge("rethink_runs", "Runs by state", ["state"], registry=registry)
    live = Gauge("rethink_workers", "Workers seen within a lease", registry=registry)
    free = Gauge("rethink_disk_free_bytes", "Free space where results are", registry=registry)
    free.set(parts.disk.space().free)
    newest = Gauge("rethink_event_seq", "Newest sequence number of the log", registry=registry)
    with parts.database.read() as session:
        for state, count in runs.count_by_state(session).items():
            by_state.labels(state).set(count)
        live.set(len(workers.live(session, parts.settings.lease_seconds)))
        newest.set(events.head(session))
    return PlainTextResponse(generate_latest(registry).decode())


def openapi_extra() -> dict[str, Any]:
    """What OpenAPI says of authentication."""
    return {"token": {"type": "http", "scheme": "bearer"}}
