"""Requests about runs, in terms of the storage. Opens no transaction: the routes do."""

from collections.abc import Collection, Container, Sequence
from typing import Any

from sqlalchemy.orm import Session

from backend.kept import Kept
from backend.precision import UNKNOWN, recommended
from backend.runs.schemas import (
    AttemptView,
    DemandView,
    EstimateView,
    RunRequest,
    RunView,
    RunWorker,
)
from core.paper.answers import answered
from core.paper.panels.entries import StoredRun
from core.paper.plans import planned
from core.run.demands import Demand, StopRule
from core.run.estimates import MeasuredEpoch, estimate, remaining
from core.run.lifecycle import RunState
from core.run.metrics import EpochMetrics
from core.run.questions import question_of
from core.run.spec import Precision, RunSpec, SpecRequest
from core.run.stored import UnknownSpec, read_demand, read_progress, read_spec, read_stop
from core.settings import Settings
from core.storage import curves, runs, workers
from core.storage.tables import DemandRow, Run, Worker


def resolve(session: Session, request: SpecRequest, lease_seconds: float) -> tuple[RunSpec, str]:
    """The spec to store, and why it has its precision."""
    if request.precision != "auto":
        return request.resolve(request.precision), "asked for"
    precision, reason = recommended(session, lease_seconds) or (Precision.FP32, UNKNOWN)
    return request.resolve(precision), reason


def submit(session: Session, request: RunRequest, settings: Settings) -> tuple[Run, bool]:
    """Store the request. Returns the run and whether it is new."""
    spec, reason = resolve(session, request.spec, settings.lease_seconds)
    return runs.submit(
        session,
        spec,
        request.demand,
        name=request.name,
        priority=request.priority,
        precision_reason=reason,
        max_queued=settings.max_queued,
    )


def estimated(session: Session, request: RunRequest, settings: Settings) -> EstimateView:
    """What the request would cost, without storing anything."""
    spec, _ = resolve(session, request.spec, settings.lease_seconds)
    existing = session.get(Run, spec.hash()[:16])
    curve = runs.curve(session, existing.id) if existing else []
    epochs = 0 if request.demand.is_met(curve) else request.epochs - len(curve)
    present = workers.live(session, settings.lease_seconds)
    guess = estimate(spec, epochs, measured(session, spec.model, present))
    asked = planned(spec, request.demand, "", "")
    (answer,) = answered((asked,), _answering(session, spec))
    if request.stop != StopRule() and guess:
        basis = guess.basis + "; less if the stop rule holds earlier"
    else:
        basis = guess.basis if guess else "unknown yet: no run of this model was measured here"
    return EstimateView(
        run_id=existing.id if existing else None,
        existing_state=RunState(existing.state) if existing else None,
        existing_epochs=len(curve),
        answered_by=answer.run.id if answer.run and answer.complete else None,
        epochs=epochs,
        images=epochs * spec.train_size,
        seconds=guess.seconds if guess else None,
        low_seconds=guess.low if guess else None,
        high_seconds=guess.high if guess else None,
        basis=basis,
        waiting=runs.count_by_state(session).get(RunState.QUEUED, 0),
    )


def _answering(session: Session, spec: RunSpec) -> Collection[StoredRun]:
    """The runs of the spec's question that were trained in another way."""
    found = curves.answering(session, [question_of(spec)])
    others = {i: version for i, version in found.items() if version.spec_hash != spec.hash()}
    return curves.stored_runs(session, others).values() if others else ()


def measured(session: Session, model: str, present: Sequence[Worker]) -> list[MeasuredEpoch]:
    """Epochs of the model that were measured, to estimate times from."""
    return [
        MeasuredEpoch(spec, row.train_seconds, row.evaluation_seconds)
        for row in runs.recent_speeds(session, model, present)
        if isinstance(spec := read_spec(row.spec), RunSpec)
    ]


def views(
    session: Session, found: Sequence[Run], settings: Settings, *, attempts: bool = False
) -> list[RunView]:
    """Runs as the API shows them, with a fixed number of queries however many they are."""
    ids = [run.id for run in found]
    demands = runs.demand_rows(session, ids)
    latest = runs.latest(session, {run.id: run.epochs_done for run in found})
    stopped = runs.stopped(session, demands.values())
    positions = (
        runs.queue_positions(session) if any(r.state == RunState.QUEUED for r in found) else {}
    )
    listed = workers.listed(session)
    known = {worker.id: worker_view(worker) for worker in listed}
    shown = []
    for run in found:
        worker = known.get(run.worker_id or "")
        of_run = view(run, demands[run.id], latest.get(run.id), worker, stopped)
        of_run.queue_position = positions.get(run.id)
        if run.state == RunState.QUEUED:
            of_run.obstacle = _obstacle(run, workers.live(session, settings.lease_seconds))
        if attempts:
            of_run.attempts = [
                AttemptView.model_validate(a, from_attributes=True)
                for a in runs.attempts(session, run.id)
            ]
        shown.append(of_run)
    return shown


def _obstacle(run: Run, known: Sequence[Worker]) -> str | None:
    """What no worker has that the run needs, in a sentence; None where one can train it."""
    lacking: list[set[str]] = []
    for worker in known:
        able = dict(worker.capabilities.get("able", {}))
        if "datasets" in worker.status:
            able["dataset"] = worker.status["datasets"]
        lacking.append({field for field, names in able.items() if run.spec.get(field) not in names})
    if not lacking or not all(lacking):
        return None
    field = min(sorted(fields)[0] for fields in lacking)
    how = (
        "add it" if field == "dataset" else "put its plugin into a home and start the worker again"
    )
    return f"No worker has the {field} {run.spec.get(field)}: {how} where one runs."


def view(
    run: Run,
    rows: Sequence[DemandRow],
    latest: EpochMetrics | None,
    worker: RunWorker | None,
    stopped: Container[tuple[str, str]],
) -> RunView:
    """A run as the API shows it, but for its attempts and its place in the queue.

    Args:
        stopped: run and owner of demands that their stop rule has ended.
    """
    spec, changes = _spec(run)
    demand = _longest(rows, stopped) or read_demand(max(run.epochs_done, 1), {})
    fraction, eta_seconds = _remaining(run, spec, demand.epochs, latest)
    return RunView(
        **{field: getattr(run, field) for field in COPIED},
        spec=spec if isinstance(spec, RunSpec) else _as_stored(run),
        unknown_spec=spec.reason if isinstance(spec, UnknownSpec) else None,
        changes=changes,
        state=RunState(run.state),
        progress=read_progress(run.progress),
        epochs=demand.epochs,
        stop=demand.stop,
        steps_per_epoch=spec.steps_per_epoch if isinstance(spec, RunSpec) else None,
        latest=latest,
        fraction=fraction,
        eta_seconds=eta_seconds,
        queue_position=None,
        worker=worker if run.state == RunState.RUNNING else None,
        demands=[
            DemandView(
                owner=row.owner,
                epochs=row.epochs,
                stop=read_stop(row.stop),
                withdrawn=row.withdrawn,
            )
            for row in rows
        ],
    )


def _longest(rows: Sequence[DemandRow], stopped: Container[tuple[str, str]]) -> Demand | None:
    """The demand that asks for most; one that its stop rule has ended asks for no more."""
    asked = [row for row in rows if not row.withdrawn] or rows
    unmet = [row for row in asked if (row.run_id, row.owner) not in stopped]
    demands = map(runs.as_demand, unmet or asked)
    return max(demands, key=lambda demand: demand.epochs, default=None)


SPECS = Kept[tuple[RunSpec, dict[str, Any]]](5000)
"""Specs and their changes by hash: the hash is their identity, and to check one takes long."""


def _spec(run: Run) -> tuple[RunSpec | UnknownSpec, dict[str, Any]]:
    known = SPECS.get(run.spec_hash)
    if known is None:
        spec = read_spec(run.spec)
        if isinstance(spec, UnknownSpec):
            return spec, {}
        known = spec, spec.changes()
        SPECS.put(run.spec_hash, known)
    return known


def _as_stored(run: Run) -> dict[str, Any]:
    """A spec that is not understood, with the two fields that everyone shows."""
    return {**run.spec, "model": run.model, "randomization": run.randomization}


COPIED = (
    *("id", "name", "spec_hash", "precision_reason", "outcome", "error", "epochs_done", "step"),
    *("priority", "attempt", "cancel_requested", "pause_requested"),
    *("created_at", "started_at", "finished_at"),
)
"""Columns of a run that the API shows as they are."""


def _remaining(
    run: Run, spec: RunSpec | UnknownSpec, epochs: int, latest: EpochMetrics | None
) -> tuple[float | None, float | None]:
    """Part done of the epochs asked for, and the seconds left; the latter while it runs only."""
    if run.state == RunState.SUCCEEDED:
        return 1.0, None
    if isinstance(spec, UnknownSpec):
        return min(run.epochs_done / epochs, 1.0), None
    at = read_progress(run.progress)
    evaluates = at is not None and at.phase == "evaluating" and at.epoch == run.epochs_done
    fraction, seconds = remaining(
        spec,
        epochs,
        epoch=run.epochs_done,
        step=run.step,
        evaluated=(at.fraction or 0.0) if at is not None and evaluates else 0.0,
        latest=latest,
    )
    return fraction, seconds if run.state == RunState.RUNNING else None


def worker_view(worker: Worker) -> RunWorker:
    return RunWorker(
        id=worker.id, host=worker.host, device=str(worker.capabilities.get("device", "cpu"))
    )
