"""/api/v1/runs: launch runs, watch them, steer them, and fetch their curves."""

import csv
import io
from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy.orm import Session

from backend import problems
from backend.dependencies import PartsDep
from backend.precision import wait_for_a_worker
from backend.runs import listed, service
from backend.runs.schemas import (
    EstimateView,
    ExtendRequest,
    MetricsView,
    PriorityRequest,
    RunPage,
    RunRequest,
    RunView,
    SortKey,
)
from backend.texts import ShortText
from core.catalogue import ModelName, RandomizationName
from core.paper.panels.entries import wrong_labels
from core.run.lifecycle import RunState
from core.run.metrics import EpochMetrics
from core.storage import artifacts, listing, runs
from core.storage.tables import Run

Change = Callable[[Session, str], Run]

router = APIRouter(prefix="/runs", tags=["runs"])

RunId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{6,16}$",
        description="The run's id, or its first six or more digits where no other begins so.",
    ),
]


@router.post(
    "",
    status_code=201,
    responses={200: {"model": RunView}, **problems.responses(413, 415, 422, 429, 507)},
)
def create(request: RunRequest, response: Response, parts: PartsDep) -> RunView:
    """Launch a run. An existing spec returns its run, extended if it is too short."""
    parts.disk.refuse_if_full()
    if request.spec.precision == "auto":
        wait_for_a_worker(parts.database, parts.settings)
    with parts.database.write() as session:
        run, is_new = service.submit(session, request, parts.settings)
        session.flush()
        view = service.views(session, [run], parts.settings)[0]
    if view.state == RunState.QUEUED:
        parts.broker.wake_a_worker()
    response.status_code = 201 if is_new else 200
    return view


@router.post("/estimate", responses=problems.responses(413, 415, 422))
def estimate(request: RunRequest, parts: PartsDep) -> EstimateView:
    """What a request would cost, and whether its run exists; stores nothing."""
    with parts.database.read() as session:
        return service.estimated(session, request, parts.settings)


@router.get("", response_model=RunPage, responses=problems.responses(422))
def index(
    parts: PartsDep,
    state: Annotated[list[RunState], Query(description="Only runs in these states.")] = [],  # noqa: B006
    model: Annotated[ModelName | None, Query(description="Only runs of this model.")] = None,
    randomization: Annotated[
        RandomizationName | None, Query(description="Only runs with this randomization.")
    ] = None,
    q: Annotated[ShortText, Query(description="Part of the name, or start of the id.")] = "",
    sort: Annotated[SortKey, Query(description="Order; with - descending.")] = "-created_at",
    limit: Annotated[int, Query(ge=1, le=1000, description="Runs a page.")] = 50,
    offset: Annotated[int, Query(ge=0, le=10**9, description="Runs to skip.")] = 0,
) -> Response:
    """List runs."""
    with parts.database.read() as session:
        found, total = listing.page(
            session,
            states=state,
            model=model,
            randomization=randomization,
            text=q,
            sort=sort.removeprefix("-"),  # type: ignore[arg-type]
            descending=sort.startswith("-"),
            limit=limit,
            offset=offset,
        )
        text = listed.page(parts.database, session, found, total=total, limit=limit, offset=offset)
    return Response(text, media_type="application/json")


@router.get("/{run_id}", responses=problems.responses(404, 422))
def show(run_id: RunId, parts: PartsDep) -> RunView:
    """One run, with every turn a worker took at it."""
    with parts.database.read() as session:
        return service.views(session, [runs.get(session, run_id)], parts.settings, attempts=True)[0]


@router.get(
    "/{run_id}/metrics",
    response_model=MetricsView,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
        **problems.responses(404, 422),
    },
)
def metrics(
    run_id: RunId,
    parts: PartsDep,
    format: Annotated[Literal["json", "csv"], Query(description="json or csv.")] = "json",
    first: Annotated[int, Query(ge=1, le=10**6, description="First epoch to return.")] = 1,
) -> MetricsView | Response:
    """The run's metrics, one row an epoch."""
    with parts.database.read() as session:
        run = runs.get(session, run_id)
        curve = runs.curve(session, run.id, first)
        wrong = wrong_labels(attempt.provenance for attempt in runs.attempts(session, run.id))
        name = f"rethink-{run.model}-{run.randomization}-{run.id}.csv"
    if format == "json":
        return MetricsView(run_id=run.id, items=curve, wrong_labels=wrong)
    table = io.StringIO()
    columns = [*EpochMetrics.model_fields, "wrong_labels"]
    writer = csv.DictWriter(table, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(m.model_dump() | {"wrong_labels": wrong} for m in curve)
    return PlainTextResponse(
        table.getvalue(),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.post("/{run_id}/cancel", responses=problems.responses(404, 409, 422))
def cancel(
    run_id: RunId,
    parts: PartsDep,
    everywhere: Annotated[
        bool, Query(description="Also for the studies that want it: they go on without it.")
    ] = False,
) -> RunView:
    """End the run at its next step; what it has measured stays.

    A run that studies want goes on, unless it is cancelled everywhere.
    """
    return _changed(parts, run_id, lambda s, i: runs.cancel(s, i, everywhere=everywhere))


@router.post("/{run_id}/pause", responses=problems.responses(404, 409, 422))
def pause(run_id: RunId, parts: PartsDep) -> RunView:
    """Save the run at its next step and let the worker go on with others."""
    return _changed(parts, run_id, runs.pause)


@router.post("/{run_id}/resume", responses=problems.responses(404, 409, 422))
def resume(run_id: RunId, parts: PartsDep) -> RunView:
    """Queue a paused run again; it goes on where it stopped."""
    return _changed(parts, run_id, runs.resume)


@router.post("/{run_id}/retry", responses=problems.responses(404, 409, 422))
def retry(run_id: RunId, parts: PartsDep) -> RunView:
    """Queue a failed or cancelled run again; it goes on from its newest checkpoint."""
    return _changed(parts, run_id, runs.retry)


@router.post("/{run_id}/extend", responses=problems.responses(404, 409, 413, 415, 422))
def extend(run_id: RunId, request: ExtendRequest, parts: PartsDep) -> RunView:
    """Ask for more epochs; the run goes on from its newest checkpoint."""
    return _changed(parts, run_id, lambda s, i: runs.extend(s, i, request.epochs))


@router.post("/{run_id}/priority", responses=problems.responses(404, 413, 415, 422))
def priority(run_id: RunId, request: PriorityRequest, parts: PartsDep) -> RunView:
    """Move the run in the queue."""
    return _changed(parts, run_id, lambda s, i: runs.set_priority(s, i, request.priority))


@router.delete("/{run_id}", status_code=204, responses=problems.responses(404, 409, 422))
def delete(run_id: RunId, parts: PartsDep) -> None:
    """Delete a run that is not running, with its metrics and checkpoints."""
    with parts.database.write() as session:
        deleted = runs.delete(session, run_id)
    artifacts.Folder.of(parts.settings).remove(deleted)


def _changed(parts: PartsDep, run_id: str, change: Change) -> RunView:
    with parts.database.write() as session:
        run = change(session, run_id)
        session.flush()
        view = service.views(session, [run], parts.settings, attempts=True)[0]
    if view.state == RunState.QUEUED:
        parts.broker.wake_a_worker()
    return view
