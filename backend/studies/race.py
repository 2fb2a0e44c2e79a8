"""The race as the API shows it: two runs, how far each is, and what happened in a sentence."""

from contextlib import suppress

from sqlalchemy.orm import Session

from backend.studies import service
from backend.studies.schemas import LaneView, RaceView
from core.catalogue import models
from core.paper.criteria import CRITERIA
from core.paper.plans import Planned
from core.paper.race import Lane, Race, on_the_papers_data, paper_ratio, sentence
from core.paper.scales import MEASURED_MODELS, Scale
from core.paper.studies import StudyName
from core.run.errors import InvalidInput
from core.run.spec import Variant
from core.storage import curves, runs, studies
from core.storage.tables import Study


def found(session: Session, study_id: str | None) -> RaceView | None:
    """The race that a study is; without one, the newest, or None where there is none yet.

    The newest that this version understands: the others cost nothing but themselves.

    Raises:
        NotFound: there is no such study.
        InvalidInput: it is another one, or is not understood.
    """
    if study_id is not None:
        return _race(session, studies.get(session, study_id))
    for study in studies.newest(session, StudyName.RACE):
        with suppress(InvalidInput):
            return _race(session, study)
    return None


def _race(session: Session, study: Study) -> RaceView:
    if study.name != StudyName.RACE:
        raise InvalidInput(f"study {study.id} is not allowed: it is {study.name}, use a race")
    for unknown in studies.unknown_specs(session, study.id):
        raise InvalidInput(f"study {study.id} cannot be shown: a run of it is {unknown.reason}")
    request = study.request
    try:
        setting = Scale(request["scale"]), Variant(request["variant"])
        true, random = (_lane(session, entry) for entry in studies.plan_of(session, study.id))
        _ = true.criterion, random.criterion
    except (KeyError, ValueError) as error:
        raise InvalidInput(
            f"study {study.id} was planned by another version of Rethink ({error}): update to look "
            "at it"
        ) from error
    spec, criterion = true.planned.spec, CRITERIA.get(request.get("criterion", "default"))
    papers = on_the_papers_data(random.planned.spec)
    ratio = paper_ratio(spec.model, *setting, criterion) if papers else None
    race = Race(true=true, random=random, paper_ratio=ratio)
    return RaceView(
        study=service.views(session, [study])[0],
        model=spec.model,
        model_title=models[spec.model].title,
        criterion=true.criterion.title,
        target_accuracy=true.planned.demand.stop.train_accuracy,
        guessing=race.guessing,
        lanes=[_view(true), _view(random)],
        ratio=race.ratio,
        paper_ratio=race.paper_ratio,
        in_figure=papers and spec.model in MEASURED_MODELS,
        sentence=sentence(race),
    )


def _lane(session: Session, entry: Planned) -> Lane:
    versions = curves.versions(session, [entry.spec.hash()[:16]])
    stored = curves.stored_runs(session, versions)
    for run in stored.values():
        error = runs.get(session, run.id).error or {}
        return Lane(
            planned=entry,
            state=run.state,
            outcome=run.outcome,
            curve=run.curve,
            message=str(error.get("message", "")),
        )
    return Lane(planned=entry)


def _view(lane: Lane) -> LaneView:
    last = lane.last
    return LaneView(
        labels=lane.labels,
        run_id=lane.planned.spec.hash()[:16],
        state=lane.state,
        fit=lane.fit.state,
        epochs=lane.fit.epochs,
        limit=lane.planned.demand.epochs,
        train_accuracy=last and last.train_accuracy,
        test_accuracy=last and last.test_accuracy,
    )
