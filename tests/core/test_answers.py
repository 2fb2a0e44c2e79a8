"""Which of several runs of a question answers a planned one."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.paper.answers import answered, settled
from core.paper.panels.entries import StoredRun, provenance
from core.paper.plans import Plan, Planned, planned
from core.paper.scales import Scale
from core.paper.studies import StudyName, plan
from core.run.demands import Demand
from core.run.lifecycle import RunState
from core.run.questions import HOW, question, question_of
from core.run.spec import ENGINE, RunSpec
from tests.core.hand_made import metrics, stored

RESULTS = Path(__file__).parents[2] / "results"
ASKED = planned(RunSpec(), Demand(epochs=4), "custom", "base")


def trained(asked: Planned, epochs: int, **how: Any) -> StoredRun:
    """A run of the asked one's question, trained in another way."""
    spec = asked.spec.replace(**how)
    return replace(
        stored(replace(asked, spec=spec), [metrics(i + 1, 1.0) for i in range(epochs)]),
        question=question_of(spec),
        how={
            name: str(getattr(spec, name)) if name == "precision" else getattr(spec, name)
            for name in HOW
        },
    )


def test_a_question_leaves_out_how_and_nothing_else() -> None:
    spec = RunSpec()
    for changes in ({"engine": 1}, {"precision": "bf16"}, {"replicate": 3}):
        assert question_of(spec.replace(**changes)) == question_of(spec)
        assert spec.replace(**changes).hash() != spec.hash()
    for name, value in {"seed": 1, "width": 0.5, "dropout": 0.1, "n_train": 100}.items():
        assert question_of(spec.replace(**{name: value})) != question_of(spec)
    assert question(json.loads(spec.canonical_json())) == question_of(spec)
    # A changed value here orphans every stored run, as one of a hash does.
    assert question_of(spec).startswith("a81a2c8c")


OLD, NEW = {"engine": ENGINE - 1}, {"engine": ENGINE}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ((4, OLD), (3, NEW)),  # complete
        ((4, NEW), (4, OLD)),  # then the newest engine
        ((1, NEW), (3, OLD)),
        ((3, NEW | {"precision": "bf16"}), (2, NEW)),  # of incomplete ones the longest
        ((4, NEW), (4, NEW | {"precision": "bf16"})),  # then as planned
        ((4, NEW), (4, NEW | {"replicate": 1})),
        ((4, NEW | {"replicate": 1}), (4, NEW | {"replicate": 2})),
        ((4, OLD), (9, OLD | {"replicate": 1})),  # more than was asked for is no better
    ],
)
def test_of_several_runs_the_best_answers(
    better: tuple[int, dict[str, Any]], worse: tuple[int, dict[str, Any]]
) -> None:
    runs = [trained(ASKED, epochs, **how) for epochs, how in (better, worse)]
    for order in (runs, runs[::-1]):
        (entry,) = answered((ASKED,), order)
        assert entry.run is runs[0]
        assert entry.planned.spec == ASKED.spec.replace(**better[1])
        assert entry.planned.spec.hash() == entry.run.spec_hash


def test_a_panel_stays_with_the_precision_that_most_of_it_has() -> None:
    asked = tuple(replace(ASKED, spec=ASKED.spec.replace(seed=seed)) for seed in range(3))
    runs = [trained(one, 4, precision="bf16") for one in asked] + [trained(asked[0], 4)]
    entries = answered(asked, runs)
    assert [entry.planned.spec.precision for entry in entries] == ["bf16"] * 3


@pytest.mark.parametrize("how", [{"precision": "bf16"}, {"replicate": 1}])
def test_specs_that_differ_in_how_alone_are_answered_each_by_its_own(how: dict[str, Any]) -> None:
    other = replace(ASKED, spec=ASKED.spec.replace(**how))
    own = trained(other, 4, **OLD)
    entries = answered((ASKED, other), [own])
    assert [entry.run for entry in entries] == [None, own]


def test_a_replicate_that_is_asked_for_is_answered_by_no_other() -> None:
    other = replace(ASKED, spec=ASKED.spec.replace(replicate=1))
    assert answered((other,), [trained(ASKED, 4)])[0].run is None


@pytest.mark.parametrize(("given", "changes"), [((), True), (("precision",), False)])
def test_a_plan_takes_what_is_complete_unless_how_is_given(
    given: Sequence[str], *, changes: bool
) -> None:
    run = trained(ASKED, 4, precision="bf16")
    assert (settled((ASKED,), [run], given)[0].spec.hash() == run.spec_hash) is changes


def test_a_plan_trains_what_no_run_has_complete_for_all_that_is_asked() -> None:
    longer = replace(ASKED, demand=Demand(epochs=5))
    asked: Plan = (ASKED, longer)
    assert settled(asked, [trained(ASKED, 4, **OLD)]) == asked
    run = trained(ASKED, 5, **OLD)
    assert {entry.spec.hash() for entry in settled(asked, [run])} == {run.spec_hash}


def test_a_run_of_a_newer_engine_answers_too() -> None:
    run = trained(ASKED, 4)
    newer = replace(run, how={**run.how, "engine": ENGINE + 1}, state=RunState.SUCCEEDED)
    (entry,) = answered((ASKED,), [newer])
    assert entry.planned.spec.engine == ENGINE + 1
    assert provenance([entry], "").engines == [ENGINE + 1]


@pytest.mark.parametrize(
    "file", sorted(RESULTS.glob("*/*.json")), ids=lambda f: f"{f.parent.name}-{f.stem}"
)
def test_the_recorded_results_answer_today_s_figures(file: Path) -> None:
    """Whatever engine and precision they are of: a figure asks for each of their runs now."""
    panel = json.loads(file.read_text())
    recorded = {run["spec_hash"] for run in panel["provenance"]["runs"]}
    studies = {"1a": "figure-1a", "2a": "figure-2a", "2b": "figure-2b", "table-1": "table-1"}
    name = StudyName(studies.get(panel["name"], "figure-1bc"))
    asked = plan(name, Scale(panel["scale"]), seeds=panel["seeds"])
    [precision] = panel["provenance"]["precisions"]
    [engine] = panel["provenance"]["engines"] or [3]
    runs = [
        trained(entry, entry.demand.epochs, engine=engine, precision=precision) for entry in asked
    ]
    kept = [run for run in runs if run.spec_hash in recorded]
    assert len(kept) == len(recorded)
    assert sum(entry.complete for entry in answered(asked, kept)) == len(recorded)
