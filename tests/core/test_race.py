"""What a race is, and the sentence that says what came of it."""

from dataclasses import replace
from typing import Any

import pytest

from core.paper.criteria import CRITERIA, FitState
from core.paper.race import Lane, Race, paper_ratio, sentence
from core.paper.scales import SETTINGS, Scale
from core.paper.studies import StudyName, Subject, plan
from core.run.lifecycle import Outcome, RunState
from core.run.metrics import Epoch
from core.run.spec import Variant
from tests.core.storage.test_runs import epoch

TRUE, RANDOM = plan(StudyName.RACE, Scale.FULL)


def curve(epochs: int, *, last: float = 0.98, test: float = 0.51) -> list[Epoch]:
    """Training accuracy rises to `last` in the last of `epochs` epochs."""
    return [
        epoch(i).model_copy(
            update={"train_accuracy": last * (0.5 + 0.5 * i / epochs), "test_accuracy": test}
        )
        for i in range(1, epochs + 1)
    ]


def lane(which: Any, state: RunState | None = RunState.SUCCEEDED, **known: Any) -> Lane:
    return Lane(planned=which, state=state, **known)


def raced(true: Lane, random: Lane, paper: float | None = 1.96) -> str:
    return sentence(Race(true=true, random=random, paper_ratio=paper))


FITTED = lane(TRUE, curve=curve(24))
MEMORISED = lane(RANDOM, curve=curve(44, test=0.101))


@pytest.mark.parametrize("scale", Scale)
@pytest.mark.parametrize("model", ["mlp-1x512", "alexnet", "inception"])
def test_its_runs_are_the_ends_of_figure_1b(scale: Scale, model: str) -> None:
    ends = {
        (e.spec.hash(), e.demand)
        for e in plan(StudyName.FIGURE_1BC, scale)
        if e.spec.model == model and e.role.corruption in (0, 1)
    }
    race = plan(StudyName.RACE, scale, subject=Subject(model))
    assert {(e.spec.hash(), e.demand) for e in race} == ends
    assert [e.spec.label_corruption for e in race] == [0, 1]


def test_the_first_race_is_the_papers_setting() -> None:
    for entry in (TRUE, RANDOM):
        assert (entry.spec.model, entry.spec.train_size) == ("mlp-1x512", 50_000)
        assert (entry.spec.batch_size, entry.spec.learning_rate, entry.spec.decay) == (
            60,
            0.01,
            0.95,
        )
        assert (entry.demand.epochs, entry.demand.stop.train_accuracy) == (150, 0.98)


def test_what_happened_is_said_with_the_papers_ratio() -> None:
    assert raced(FITTED, MEMORISED) == (
        "It memorised: random labels took 44 epochs, true labels 24: 1.83 times as long "
        "(the paper: 1.96). On new images: 51 % against 10 %, which is guessing."
    )


def test_another_setting_is_not_held_against_the_paper() -> None:
    assert "the paper" not in raced(FITTED, MEMORISED, None)
    full = paper_ratio("mlp-1x512", Scale.FULL, Variant.PAPER, None)
    assert full == pytest.approx(1.96, abs=0.005)
    mlp = "mlp-1x512"
    assert paper_ratio(mlp, Scale.SMOKE, Variant.PAPER, None) is None
    assert paper_ratio(mlp, Scale.FULL, Variant.REPORT, None) is None
    assert paper_ratio(mlp, Scale.FULL, Variant.PAPER, CRITERIA["accuracy-100"]) is None
    assert paper_ratio("mlp-3x512", Scale.FULL, Variant.PAPER, None) is None


def test_only_what_is_guessing_is_called_so() -> None:
    knows = lane(RANDOM, curve=curve(44, test=0.19))
    assert raced(FITTED, knows).endswith("On new images: 51 % against 19 %; guessing gives 10 %.")


def test_epochs_after_both_fitted_change_nothing() -> None:
    longer = [*curve(44, test=0.101), *curve(50, test=0.3)[44:]]
    assert raced(FITTED, lane(RANDOM, curve=longer)) == raced(FITTED, MEMORISED)


RUNNING, QUEUED = RunState.RUNNING, RunState.QUEUED
HALF = curve(26, last=0.574)


@pytest.mark.parametrize(
    ("random", "words"),
    [
        (lane(RANDOM, QUEUED), "random labels wait for a worker."),
        (lane(RANDOM, QUEUED, curve=HALF), "random labels wait for a worker at 57 % after 26"),
        (lane(RANDOM, RUNNING), "random labels begin."),
        (lane(RANDOM, RUNNING, curve=curve(1, last=0.1)), "labels are at 10 % after 1 epoch."),
        (lane(RANDOM, RUNNING, curve=HALF), "random labels are at 57 % after 26 epochs."),
        (lane(RANDOM, RunState.PAUSED, curve=HALF), "random labels are paused at 57 %"),
        (
            lane(RANDOM, RunState.CANCELLED, curve=HALF),
            "the run on random labels was cancelled at 57 % after 26 epochs. Start the race again",
        ),
        (
            lane(RANDOM, RunState.FAILED, message="The data are gone."),
            "the run on random labels failed (The data are gone). Start the race again",
        ),
        (lane(RANDOM, None), "the run on random labels was deleted. Start the race again"),
        (
            lane(RANDOM, outcome=Outcome.DIVERGED, curve=curve(3, last=0.1)),
            "the loss on random labels became infinite after 3 epochs.",
        ),
        (
            lane(RANDOM, curve=curve(150, last=0.9)),
            "random labels did not reach a training accuracy of 98 % within 150 epochs. "
            "That is more than 6.2 times as long.",
        ),
    ],
)
def test_until_then_it_says_how_far_each_is(random: Lane, words: str) -> None:
    told = raced(FITTED, random)
    assert told.startswith("True labels took 24 epochs to a training accuracy of 98 %; ")
    assert words in told


def test_the_criterion_is_the_demands() -> None:
    inception = plan(StudyName.RACE, Scale.FULL, subject=Subject("inception"))[0]
    assert lane(inception).criterion.title == "training loss below 0.05"
    strict = plan(StudyName.RACE, Scale.FULL, criterion=CRITERIA["accuracy-99.9"])[0]
    found = lane(strict, RUNNING, curve=curve(24))
    assert found.fit.state is FitState.RUNNING
    assert replace(found, state=RunState.CANCELLED).fit.state is FitState.NEEDS_EXTENDING
    assert strict.demand.epochs == SETTINGS[Scale.FULL].horizons["1bc"]
