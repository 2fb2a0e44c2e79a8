"""The race: a network on true labels and the same on random ones, each until it fits them.

What came of it is said in one sentence, made here for page and terminal alike.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.catalogue import randomizations
from core.paper.criteria import CRITERIA, Criterion, Fit, FitState, epochs_to_fit
from core.paper.plans import Planned
from core.paper.reference.paper import series as paper_series
from core.paper.scales import Scale
from core.run.lifecycle import Outcome, RunState
from core.run.metrics import Epoch
from core.run.spec import RunSpec, Variant

GUESSING = 0.02
"""How far from chance an accuracy still counts as guessing, at least."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """One of the two runs, as far as it was asked for."""

    planned: Planned
    state: RunState | None = None
    """None: there is no such run any more."""
    outcome: str | None = None
    curve: Sequence[Epoch] = ()
    """Metrics from epoch 1 on."""
    message: str = ""
    """Why it failed."""

    @property
    def labels(self) -> str:
        title = randomizations[self.planned.spec.randomization].title
        return title if title.endswith("labels") else f"labels with {title}"

    @property
    def criterion(self) -> Criterion:
        """
        Raises:
            ValueError: it ends by another rule.
        """
        stop = self.planned.demand.stop
        for found in CRITERIA.values():
            if found.stop_rule == stop:
                return found
        raise ValueError("a stop rule that is not known")

    @property
    def fit(self) -> Fit:
        if self.state is None:
            return Fit(FitState.MISSING, 0)
        demand = self.planned.demand
        return epochs_to_fit(
            demand.prefix(self.curve),
            self.criterion,
            limit=demand.epochs,
            diverged=self.outcome == Outcome.DIVERGED,
            ended=self.state.terminal,
        )

    @property
    def last(self) -> Epoch | None:
        """The epoch in which it fitted, else the newest."""
        epochs = self.fit.epochs
        return self.curve[epochs - 1] if epochs else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Race:
    true: Lane
    random: Lane
    paper_ratio: float | None
    """The paper's slowdown; None where this is not the paper's setting."""

    @property
    def ratio(self) -> float | None:
        true, random = self.true.fit, self.random.fit
        if not true.state is random.state is FitState.FITTED:
            return None
        return random.epochs / true.epochs

    @property
    def guessing(self) -> float:
        return 1 / self.true.planned.spec.dataset_info.classes


def on_the_papers_data(random: RunSpec) -> bool:
    """Whether a race to random labels is on the paper's images and labels."""
    return (random.dataset, random.randomization) == ("cifar10", "random_labels")


def paper_ratio(
    model: str, scale: Scale, variant: Variant, criterion: Criterion | None
) -> float | None:
    """How much longer random labels took in the paper's Figure 1b, at its own setting alone."""
    theirs = paper_series("1b", model)
    end = theirs.at(1.0) if theirs else None
    if end is None or (scale, variant, criterion) != (Scale.FULL, Variant.PAPER, None):
        return None
    return end.y


def sentence(race: Race) -> str:
    """What happened, or how far it is."""
    true, random = race.true, race.random
    if (ratio := race.ratio) is not None:
        return f"{_memorised(race, ratio)} {_on_new_images(race)}"
    told = f"{_so_far(true)}; {_so_far(random)}."
    told = told[0].upper() + told[1:]
    if true.fit.state is FitState.FITTED and random.fit.state is FitState.CENSORED:
        return f"{told} That is more than {random.fit.epochs / true.fit.epochs:.1f} times as long."
    if {true.fit.state, random.fit.state} & {FitState.NEEDS_EXTENDING, FitState.MISSING}:
        return f"{told} Start the race again to have it go on."
    return told


def _memorised(race: Race, ratio: float) -> str:
    took = (
        f"It memorised: {race.random.labels} took {_epochs(race.random)}, "
        f"{race.true.labels} {race.true.fit.epochs}"
    )
    paper = "" if race.paper_ratio is None else f" (the paper: {race.paper_ratio:.2f})"
    return f"{took}: {ratio:.2f} times as long{paper}."


def _on_new_images(race: Race) -> str:
    true, random = race.true.last, race.random.last
    assert true is not None, "it has fitted"
    assert random is not None
    chance, images = race.guessing, race.random.planned.spec.test_size
    spread = 3 * math.sqrt(chance * (1 - chance) / images)
    told = f"On new images: {_percent(true.test_accuracy)} against {_percent(random.test_accuracy)}"
    if abs(random.test_accuracy - chance) <= max(GUESSING, spread):
        return f"{told}, which is guessing."
    return f"{told}; guessing gives {_percent(chance)}."


def _so_far(lane: Lane) -> str:
    labels, fit = lane.labels, lane.fit
    after = ""
    if lane.last is not None:
        after = f" at {_percent(lane.last.train_accuracy)} after {_epochs(lane)}"
    match fit.state:
        case FitState.FITTED:
            return f"{labels} took {_epochs(lane)} to a {lane.criterion.title}"
        case FitState.CENSORED:
            return f"{labels} did not reach a {lane.criterion.title} within {_epochs(lane)}"
        case FitState.DIVERGED:
            return f"the loss on {labels} became infinite after {_epochs(lane)}"
        case FitState.MISSING:
            return f"the run on {labels} was deleted"
        case FitState.NEEDS_EXTENDING:
            how = "was cancelled" if lane.state is RunState.CANCELLED else "ended"
            if lane.state is RunState.FAILED:
                reason = lane.message.rstrip(".")
                how = f"failed ({reason})" if reason else "failed"
            return f"the run on {labels} {how}{after}"
    if lane.state is RunState.PAUSED:
        return f"{labels} are paused{after}"
    if lane.state is RunState.QUEUED:
        return f"{labels} wait for a worker{after}"
    return f"{labels} are{after}" if after else f"{labels} begin"


def _epochs(lane: Lane) -> str:
    n = lane.fit.epochs
    return "1 epoch" if n == 1 else f"{n} epochs"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.0f} %"
