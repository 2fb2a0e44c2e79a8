"""/api/v1/studies: plan studies, launch them, follow and end them."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from backend import problems
from backend.dependencies import PartsDep
from backend.precision import wait_for_a_worker, wait_once_for_a_worker
from backend.studies import planner, race, service
from backend.studies.schemas import PlanView, RaceView, StudyPage, StudyRequest, StudyView
from core.storage import artifacts, studies

router = APIRouter(prefix="/studies", tags=["studies"])

StudyId = Annotated[str, Path(pattern="^[0-9a-f]{12}$", description="The study's id.")]


@router.post("/plan", responses=problems.responses(413, 415, 422))
def plan(request: StudyRequest, parts: PartsDep) -> PlanView:
    """What a study needs, what is there already, and how long the rest takes; stores nothing."""
    if request.precision == "auto":
        wait_once_for_a_worker(parts.database, parts.settings)
    with parts.database.read() as session:
        return planner.planned(session, request, parts.settings)


@router.post(
    "",
    status_code=201,
    responses={200: {"model": StudyView}, **problems.responses(413, 415, 422, 429, 507)},
)
def create(request: StudyRequest, response: Response, parts: PartsDep) -> StudyView:
    """Launch a study. The same request returns the same study, its missing runs queued again."""
    parts.disk.refuse_if_full()
    if request.precision == "auto":
        wait_for_a_worker(parts.database, parts.settings)
    with parts.database.write() as session:
        study, is_new = service.submit(session, request, parts.settings)
        session.flush()
        view = service.views(session, [study])[0]
    if view.complete < view.runs:
        parts.broker.wake_workers(view.runs - view.complete)
    response.status_code = 201 if is_new else 200
    return view


@router.get(
    "/race",
    response_model=RaceView,
    responses={204: {"description": "There is no race yet."}, **problems.responses(404, 422)},
)
def find_race(
    parts: PartsDep,
    study: Annotated[
        str | None, Query(pattern="^[0-9a-f]{12}$", description="Its study; the newest race.")
    ] = None,
) -> RaceView | Response:
    """A race: how far true labels and random labels are, and what happened in a sentence."""
    with parts.database.read() as session:
        return race.found(session, study) or Response(status_code=204)


@router.get("", responses=problems.responses(422))
def index(
    parts: PartsDep,
    limit: Annotated[int, Query(ge=1, le=200, description="Studies a page.")] = 50,
    offset: Annotated[int, Query(ge=0, le=10**9, description="Studies to skip.")] = 0,
) -> StudyPage:
    """List studies, the newest first."""
    with parts.database.read() as session:
        found, total = studies.page(session, limit=limit, offset=offset)
        items = service.views(session, found)
    return StudyPage(items=items, total=total, limit=limit, offset=offset)


@router.get("/{study_id}", responses=problems.responses(404, 422))
def show(study_id: StudyId, parts: PartsDep) -> StudyView:
    """One study and how far it is."""
    with parts.database.read() as session:
        return service.views(session, [studies.get(session, study_id)])[0]


@router.post("/{study_id}/cancel", responses=problems.responses(404, 422))
def cancel(study_id: StudyId, parts: PartsDep) -> StudyView:
    """Withdraw the study's demands; runs that nobody else demands end, results stay."""
    with parts.database.write() as session:
        study = studies.cancel(session, study_id)
        session.flush()
        return service.views(session, [study])[0]


@router.delete("/{study_id}", status_code=204, responses=problems.responses(404, 409, 422))
def delete(
    study_id: StudyId,
    parts: PartsDep,
    runs: Annotated[
        bool,
        Query(
            description="Also delete those of its runs that no other study has and nobody demands."
        ),
    ] = False,
) -> None:
    """Forget a study. Its runs stay, unless asked otherwise."""
    with parts.database.write() as session:
        deleted = studies.delete(session, study_id, with_runs=runs)
    folder = artifacts.Folder.of(parts.settings)
    for run_id in deleted:
        folder.remove(run_id)
