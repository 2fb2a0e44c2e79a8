"""Requests about studies, in terms of the storage. Opens no transaction: the routes do."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy.orm import Session

from backend.studies import planner
from backend.studies.schemas import PanelProgress, StudyRequest, StudyState, StudyView
from core.paper.studies import TITLES
from core.run.lifecycle import RunState
from core.settings import Settings
from core.storage import studies
from core.storage.studies import DemandState
from core.storage.tables import Study


def submit(session: Session, request: StudyRequest, settings: Settings) -> tuple[Study, bool]:
    """Store the study and queue what is missing. Returns it and whether it is new."""
    entries, precision, reason = planner.resolve(session, request, settings)
    return studies.submit(
        session,
        request.study,
        planner.identity(request, precision),
        entries,
        title=request.title,
        priority=request.priority,
        precision_reason=reason,
        max_queued=settings.max_queued,
    )


def views(session: Session, found: Sequence[Study]) -> list[StudyView]:
    """Studies as the API shows them, with a fixed number of queries however many they are."""
    states = studies.demand_states(session, [study.id for study in found])
    return [_view(study, states[study.id]) for study in found]


def _view(study: Study, demands: Sequence[DemandState]) -> StudyView:
    by_run: dict[str, list[DemandState]] = {}
    for demand in demands:
        by_run.setdefault(demand.run_id, []).append(demand)
    groups = list(by_run.values())
    complete = [group for group in groups if all(d.complete for d in group)]
    open_ = [group for group in groups if not all(d.complete for d in group)]
    count = Counter(_how(group[0].state) for group in open_)
    parts = sum(max(d.done for d in g) / max(d.epochs for d in g) for g in open_)
    return StudyView(
        id=study.id,
        study=study.name,
        title=study.title or TITLES.get(study.name, study.name),  # type: ignore[call-overload]
        request=study.request,
        state=_state(study, count),
        runs=len(groups),
        complete=len(complete),
        running=count["running"],
        paused=count["paused"],
        failed=count["failed"],
        missing=count["missing"],
        epochs=sum(max(d.epochs for d in group) for group in groups),
        epochs_done=sum(max(d.done for d in group) for group in groups),
        fraction=(len(complete) + parts) / len(groups) if groups else 1.0,
        panels=_panels(demands),
        run_ids=list(by_run),
        created_at=study.created_at,
        cancelled_at=study.cancelled_at,
    )


def _how(state: RunState | None) -> str:
    """What an unfinished run counts as."""
    if state is None:
        return "missing"
    return "failed" if state.terminal else state.lower()


def _state(study: Study, count: Counter[str]) -> StudyState:
    """By what its unfinished runs count as."""
    if not count:
        return "complete"
    if study.cancelled_at is not None:
        return "cancelled"
    if count.keys() <= {"failed", "missing"}:
        return "failed"
    return "running" if count["running"] else "waiting"


def _panels(demands: Sequence[DemandState]) -> list[PanelProgress]:
    found: dict[str, PanelProgress] = {}
    for demand in demands:
        panel = found.setdefault(
            demand.panel, PanelProgress(panel=demand.panel, runs=0, complete=0)
        )
        panel.runs += 1
        panel.complete += demand.complete
    return list(found.values())
