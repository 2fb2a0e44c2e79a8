"""What a study would take: which runs exist, which are new, how long the rest lasts.

Notable choices:
- A run is counted once, however many panels read it; its cost is the longest prefix asked for.
- Where a stop rule ends a run, the likely number of epochs comes from known times to fit, or from
  the run's own curve, and the range reaches up to the demand's limit for half of the runs at once;
  for runs that go on also down to a single epoch.
- Times come from epochs measured on the same model at the same width, by the workers that are there
  or on their kind of device if there are any. Without any they come from figures of a reference
  machine, with a wide range, and the plan says so.
- The time until all is ready counts what workers do before: runs of others with a higher claim.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy.orm import Session

from backend.runs import service as run_service
from backend.studies.queue import Earlier, before
from backend.studies.schemas import Grid, PlannedRunView, PlanView, Sharing, StudyRequest
from core.catalogue import models
from core.paper.answers import settled
from core.paper.deviations import deviations
from core.paper.plans import Plan, Planned, expected_epochs
from core.paper.studies import TITLES, StudyName, grid, plan
from core.run.demands import StopRule
from core.run.estimates import MeasuredEpoch, estimate
from core.run.lifecycle import RunState
from core.run.questions import question_of
from core.run.spec import Precision, RunSpec, SpecRequest
from core.settings import Settings
from core.storage import curves, runs, workers
from core.storage.tables import Worker

BF16_GAIN = 2.0
"""How much faster bf16 is, where workers have it."""
EVALUATION = 0.35
"""Evaluating an image over training on it."""
UNKNOWN_RANGE = 3.0


@dataclass(slots=True)
class Needed:
    """A run and all that the plan wants of it."""

    spec: RunSpec
    entries: list[Planned] = field(default_factory=list)
    done: int = 0
    met: bool = False
    exists: bool = False
    expected: int = 0
    """Epochs it is likely to have in the end."""

    @property
    def remaining(self) -> int:
        return 0 if self.met else max(self.expected - self.done, 1)


@dataclass(frozen=True, slots=True)
class Cost:
    seconds: float
    low: float
    high: float
    measured: bool


def resolve(
    session: Session, request: StudyRequest, settings: Settings
) -> tuple[Plan, Precision, str]:
    """The plan, its precision, and why it has it.

    A run that is complete answers, whatever engine and precision trained it, unless the request
    names them.

    Raises:
        InvalidInput: the grid makes specs that are not allowed.
    """
    given = {"engine"} if request.engine is not None else set()
    asked = SpecRequest(precision=request.precision)
    spec, reason = run_service.resolve(session, asked, settings.lease_seconds)
    if request.grid is None:
        entries = plan(
            request.study,
            request.scale,
            request.variant,
            request.seeds,
            spec.precision,
            request.chosen_criterion,
            request.subject,
        )
        given |= {"precision"} if request.precision != "auto" else set()
    else:
        asked_for = request.grid
        given |= {"precision"} if _chooses_precision(request.precision, asked_for) else set()
        entries = grid(
            asked_for.base, asked_for.axes, asked_for.demand, request.seeds, spec.precision
        )
    return _settled(session, entries, given), spec.precision, reason


def _chooses_precision(precision: str, grid: Grid) -> bool:
    chosen = grid.base.get("precision", precision)
    return "precision" in grid.axes or chosen not in (None, "auto")


def _settled(session: Session, entries: Plan, given: Collection[str]) -> Plan:
    """With the specs of complete runs that answer the same questions, but for what is given."""
    found = curves.answering(session, {question_of(entry.spec) for entry in entries})
    own = {entry.spec.hash() for entry in entries}
    if all(version.spec_hash in own for version in found.values()):
        return entries
    return settled(entries, curves.stored_runs(session, found).values(), given)


def planned(session: Session, request: StudyRequest, settings: Settings) -> PlanView:
    """What the request would take; stores nothing."""
    entries, _, _ = resolve(session, request, settings)
    scale = None if request.study is StudyName.CUSTOM else request.scale
    needed = _needed(session, entries)
    present = workers.live(session, settings.lease_seconds)
    earlier = _earlier(session, request.priority, needed)
    names = {n.spec.model for n in needed} | {run.spec.model for run in earlier}
    measured = _measured(session, names, present)
    costs = [_cost(n.spec, n.remaining, measured) for n in needed]
    live = max(len(present), 1)
    actions = [_action(n) for n in needed]
    ranges = [_range(n, c, measured) for n, c in zip(needed, costs, strict=True)]
    ahead = [_cost(run.spec, run.epochs, measured) for run in earlier]
    return PlanView(
        study=request.study,
        title=request.title or TITLES[request.study],
        runs_needed=len(needed),
        reused=actions.count("reuse"),
        extended=actions.count("extend"),
        new=actions.count("new"),
        epochs=sum(n.remaining for n in needed),
        images=sum(n.remaining * n.spec.train_size for n in needed),
        workers=live,
        seconds=_until_ready([c.seconds for c in costs], [c.seconds for c in ahead], live),
        low_seconds=_until_ready([low for low, _ in ranges], [c.low for c in ahead], live),
        high_seconds=_until_ready([high for _, high in ranges], [c.high for c in ahead], live),
        basis=_basis(needed, costs, len(earlier)),
        ahead=len(earlier),
        waiting=runs.count_by_state(session).get(RunState.QUEUED, 0),
        sharing=_sharing(needed, measured),
        deviations=list(deviations(entries, scale, request.variant, request.chosen_criterion)),
        runs=[
            _view(n, action, cost) for n, action, cost in zip(needed, actions, costs, strict=True)
        ],
    )


def _needed(session: Session, entries: Plan) -> list[Needed]:
    found: dict[str, Needed] = {}
    for entry in entries:
        run_hash = entry.spec.hash()
        need = found.setdefault(run_hash, Needed(entry.spec))
        need.entries.append(entry)
    versions = curves.versions(session, [run_hash[:16] for run_hash in found])
    stored = curves.stored_runs(session, versions)
    for run_hash, need in found.items():
        run = stored.get(run_hash)
        curve = run.curve if run is not None else ()
        unmet = [entry for entry in need.entries if not entry.demand.is_met(curve)]
        need.exists, need.done = run is not None, len(curve)
        need.met = not unmet or (run is not None and run.diverged)
        need.expected = max((expected_epochs(entry, curve) for entry in unmet), default=need.done)
    return list(found.values())


def _range(need: Needed, cost: Cost, measured: Sequence[MeasuredEpoch]) -> tuple[float, float]:
    """Seconds at least and at most: halfway, on a logarithmic scale, to what stop rules allow."""
    least = _cost(need.spec, _least(need), measured)
    most = _cost(need.spec, _limit(need), measured)
    return math.sqrt(cost.low * least.low), math.sqrt(cost.high * most.high)


def _least(need: Needed) -> int:
    """Epochs still to train if the stop rules of a run that has begun hold after one more."""
    if need.met or not need.done:
        return need.remaining
    fixed = [e.demand.epochs for e in need.entries if e.demand.stop == StopRule()]
    return max(max(fixed, default=0) - need.done, 1)


def _limit(need: Needed) -> int:
    """Epochs still to train if no stop rule ever holds."""
    longest = max(entry.demand.epochs for entry in need.entries)
    return 0 if need.met else max(longest - need.done, 1)


def _earlier(session: Session, priority: int, needed: Sequence[Needed]) -> list[Earlier]:
    """The runs of others that come before the last of those that are still to be trained."""
    stages = [min(e.stage for e in need.entries) for need in needed if need.remaining]
    if not stages:
        return []
    return before(session, priority - max(stages), {n.spec.hash()[:16] for n in needed})


def _until_ready(costs: Sequence[float], ahead: Sequence[float], live: int) -> float:
    """Seconds until the last run is there: all in equal parts, but no run is divided."""
    if not any(costs):
        return 0.0
    return max((sum(costs) + sum(ahead)) / live, *costs)


def _action(need: Needed) -> Literal["reuse", "extend", "new"]:
    if need.met:
        return "reuse"
    return "extend" if need.exists else "new"


def _measured(session: Session, names: set[str], present: Sequence[Worker]) -> list[MeasuredEpoch]:
    return [
        epoch for model in sorted(names) for epoch in run_service.measured(session, model, present)
    ]


def _cost(spec: RunSpec, epochs: int, measured: Sequence[MeasuredEpoch]) -> Cost:
    if epochs == 0:
        return Cost(0, 0, 0, measured=True)
    alike = [m for m in measured if m.spec.model == spec.model and m.spec.width == spec.width]
    guess = estimate(spec, epochs, alike)
    if guess is not None:
        return Cost(guess.seconds, guess.low, guess.high, measured=True)
    images = spec.train_size + EVALUATION * (spec.train_size + spec.test_size)
    # Narrow layers use the processor less well: time falls with the width, not with its square.
    rate = models[spec.model].seconds_per_image * spec.width
    rate /= BF16_GAIN if spec.precision is Precision.BF16 else 1.0
    seconds = 1.0 + epochs * images * rate
    return Cost(seconds, seconds / UNKNOWN_RANGE, seconds * UNKNOWN_RANGE, measured=False)


def _basis(needed: Sequence[Needed], costs: Sequence[Cost], ahead: int) -> str:
    guessed = sorted(
        {str(n.spec.model) for n, c in zip(needed, costs, strict=True) if not c.measured}
    )
    if not any(n.remaining for n in needed):
        return "nothing is left to train"
    words = "epochs measured here, and the epochs such runs took to fit"
    if guessed and len(guessed) == len({n.spec.model for n in needed if n.remaining}):
        words = "nothing measured here yet"
    if guessed:
        words += f"; for {', '.join(guessed)} speeds of one core of a reference machine"
    if ahead:
        words += f"; with {ahead} run{'s' if ahead > 1 else ''} ahead in the queue"
    return words


def _sharing(needed: Sequence[Needed], measured: Sequence[MeasuredEpoch]) -> Sharing:
    count, epochs, seconds = 0, 0, 0.0
    for need in needed:
        wanted = sorted(expected_epochs(entry) for entry in need.entries)
        for extra in wanted[:-1]:
            count += 1
            epochs += extra
            seconds += _cost(need.spec, extra, measured).seconds
    return Sharing(runs=count, epochs=epochs, seconds=seconds)


def _view(need: Needed, action: Literal["reuse", "extend", "new"], cost: Cost) -> PlannedRunView:
    role = need.entries[0].role
    return PlannedRunView(
        run_id=need.spec.hash()[:16],
        panels=[entry.role.panel for entry in need.entries],
        series=role.series,
        corruption=next(
            (e.role.corruption for e in need.entries if e.role.corruption is not None), None
        ),
        seed=role.seed,
        model=need.spec.model,
        action=action,
        epochs_done=need.done,
        epochs=need.remaining,
        seconds=cost.seconds,
    )


def identity(request: StudyRequest, precision: Precision) -> dict[str, object]:
    """What makes a study the same study: its request without title and priority."""
    values = request.model_dump(mode="json", exclude={"title", "priority"}, exclude_none=True)
    if request.study is StudyName.CUSTOM:
        values.pop("scale")
        values.pop("variant")
    if request.chosen_criterion is None:
        values.pop("criterion")
    return values | {"precision": precision}
