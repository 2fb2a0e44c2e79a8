"""The server itself: health, capabilities, workers, sign-in and numbers for Prometheus."""

from importlib import metadata
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from backend import problems
from backend.dependencies import Parts, PartsDep
from backend.instance.schemas import (
    Capabilities,
    Check,
    DatasetView,
    Health,
    ModelView,
    PresetView,
    SignIn,
    WorkerView,
)
from backend.runs.schemas import RunRequest
from core import __version__
from core.catalogue import datasets, models
from core.domain.errors import BrokerUnavailable, DatabaseUnavailable, Unauthorized
from core.domain.presets import all_presets
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
    status = "ok" if database.ok and broker.ok else "degraded"
    response.status_code = 200 if database.ok else 503
    return Health(
        status=status, version=__version__, database=database, broker=broker, workers=live
    )


@router.post("/session", status_code=204, responses=problems.responses(413, 415, 422))
def sign_in(request: SignIn, response: Response, parts: PartsDep) -> None:
    """Exchange the token for a cookie that only this browser's page can use."""
    if not parts.credentials.is_token(request.token.strip()):
        raise Unauthorized("This token is not the server's. `rethink token` prints the right one.")
    response.set_cookie(
        parts.credentials.cookie_name,
        parts.credentials.cookie_value,
        max_age=YEAR,
        httponly=True,
        samesite="strict",
    )


@router.delete("/session", status_code=204, responses=problems.responses(422))
def sign_out(response: Response, parts: PartsDep) -> None:
    """Forget this browser's cookie."""
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
        datasets=[
            DatasetView(
                name=info.name,
                title=info.title,
                classes=info.classes,
                class_names=list(info.class_names),
                height=info.height,
                width=info.width,
                channels=info.channels,
                train_size=info.train_size,
                test_size=info.test_size,
            )
            for info in datasets.values()
        ],
        models=[
            ModelView(name=model.name, title=model.title, parameters=counts.get(model.name))
            for model in models.values()
        ],
        presets=[
            PresetView(
                name=p.name,
                title=p.title,
                description=p.description,
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
                started_at=row.started_at,
                memory_bytes=row.status.get("memory_bytes"),
                utilization=row.status.get("utilization"),
                **{k: row.capabilities.get(k) for k in WorkerView.FROM_CAPABILITIES},
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
    """Numbers for Prometheus: runs by state, live workers, newest event."""
    registry = CollectorRegistry()
    by_state = Gauge("rethink_runs", "Runs by state", ["state"], registry=registry)
    live = Gauge("rethink_workers", "Workers seen within a lease", registry=registry)
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
