"""Every panel in every state its runs may be in: what it counts, says and shows."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from core.catalogue import panels
from core.paper.panel import Panel, VerdictState
from core.paper.panels.entries import StoredRun
from core.paper.plans import Planned
from core.paper.scales import Scale
from core.run.lifecycle import RunState
from core.run.metrics import EpochMetrics
from tests.core.hand_made import NUMERICS, SEGMENT, diverged, metrics, panel, stored

OTHER = SEGMENT | {"numerics": NUMERICS | {"device": "cuda"}, "device": "cuda"}


def curve(planned: Planned, epochs: int | None = None, *, fits: bool = True) -> list[EpochMetrics]:
    """A curve that fits after 5 + 10 p epochs, a seed later, or never; as long as was asked for.

    At the end the test accuracy is 0.3 with seed 0, 0.4 with seed 1.
    """
    found = []
    seed = planned.role.seed
    ends = round(5 + 10 * planned.spec.label_corruption) + seed
    for i in range(1, (epochs or planned.demand.epochs) + 1):
        fitted = fits and i >= ends
        found.append(
            metrics(
                i,
                0.001 if fitted else 1.5,
                accuracy=1.0 if fitted else 0.5,
                test=0.3 + seed / 10,
                clean_accuracy=0.6 + seed / 10,
                corrupted_accuracy=0.4,
                corrupted_true_accuracy=0.2,
                noisy_test_accuracy=0.3 + seed / 10,
            )
        )
    return found


def complete(planned: Planned) -> StoredRun:
    return stored(planned, curve(planned))


def first_complete(second: Callable[[Planned], StoredRun | None]) -> Callable[[Planned], Any]:
    """Seed 0 is complete, seed 1 is as `second` makes it."""
    return lambda planned: complete(planned) if planned.role.seed == 0 else second(planned)


@dataclass(frozen=True, slots=True)
class Case:
    make: Callable[[Planned], Any]
    status: str
    complete: float = 0
    running: float = 0
    failed: float = 0
    missing: float = 0
    diverged: float = 0
    """Parts of the runs; each run has seed 0 or 1."""
    says: str = ""
    """A word of the notes."""


def random_labels_censored(planned: Planned) -> StoredRun:
    return stored(planned, curve(planned, fits=planned.spec.label_corruption < 1))


CASES = {
    "empty": Case(lambda _: None, "empty", missing=1),
    "waiting": Case(
        lambda p: stored(p, [], RunState.QUEUED, outcome=None, segments=()), "live", running=1
    ),
    "running": Case(
        lambda p: stored(p, curve(p, 2), RunState.RUNNING, outcome=None), "live", running=1
    ),
    "one seed of two": Case(first_complete(lambda _: None), "partial", complete=0.5, missing=0.5),
    "a seed still runs": Case(
        first_complete(lambda p: stored(p, curve(p, 2), RunState.RUNNING, outcome=None)),
        "live",
        complete=0.5,
        running=0.5,
    ),
    "a seed failed": Case(
        first_complete(lambda p: stored(p, curve(p, 2), RunState.FAILED, outcome="failed")),
        "partial",
        complete=0.5,
        failed=0.5,
        says="failed or were cancelled",
    ),
    "a seed diverged": Case(
        first_complete(lambda p: diverged(p, 2)),
        "complete",
        complete=1,
        diverged=0.5,
        says="diverged",
    ),
    "all diverged at once": Case(
        lambda p: diverged(p, 0), "complete", complete=1, diverged=1, says="diverged"
    ),
    "complete": Case(complete, "complete", complete=1),
    "censored": Case(lambda p: stored(p, curve(p, fits=False)), "complete", complete=1),
    "random labels censored": Case(random_labels_censored, "complete", complete=1),
    "went on for others": Case(
        lambda p: stored(p, curve(p, p.demand.epochs + 7)), "complete", complete=1
    ),
    "mixed": Case(
        first_complete(lambda p: stored(p, curve(p), segments=(SEGMENT, OTHER))),
        "complete",
        complete=1,
        says="Mixed",
    ),
}


def smallest(name: str) -> Scale:
    """The smallest scale that has the panel: smoke has no Table 1."""
    return Scale.QUICK if name == "table-1" else Scale.SMOKE


@pytest.mark.parametrize("name", list(panels))
@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("scale", [None, Scale.FULL], ids=["smallest", "full"])
def test_every_panel_in_every_state(name: str, case: str, scale: Scale | None) -> None:
    scale = scale or smallest(name)
    expected = CASES[case]
    found = panel(name, expected.make, scale=scale, seeds=2, individual=True)
    n = found.counts.planned
    assert n > 0
    assert n % 2 == 0
    assert found.status == expected.status
    for count in ("complete", "running", "failed", "missing", "diverged"):
        assert getattr(found.counts, count) == n * getattr(expected, count), count
    assert expected.says in " ".join(found.notes)
    assert found.provenance.mixed == (case == "mixed")
    assert len(found.provenance.runs) == n
    _columns_are_whole(found)
    _nothing_is_shown_of_what_is_not_there(found, case)
    _the_verdict_knows(found, case, scale)
    assert Panel.model_validate_json(found.model_dump_json()) == found


SHOWN = {
    "1a": ("random_labels", "train_loss"),
    "1b": ("inception", "relative_time"),
    "1c": ("inception", "noisy_test_error"),
    "2a": ("none", "test_accuracy"),
    "2b": ("without_bn", "train_accuracy"),
    "table-1": ("test_accuracy", "test_accuracy"),
    "clean-corrupted": ("inception", "clean_accuracy"),
    "atlas": ("1a: random labels", "test_accuracy"),
}
"""The series whose last point is held against the table: key and measure."""
CURVES = frozenset(SHOWN) - {"1b", "1c", "table-1"}

LEVELS = (0, 0.5, 1)
"""Of p for Inception at smoke scale."""
NO_BASE = "incomplete: {} with true labels {}, so there is nothing to divide by"


def each(words: str) -> str:
    """The note that says the same of each level of p."""
    return "; ".join(f"p = {p:g}: {words}" for p in LEVELS)


@dataclass(frozen=True, slots=True)
class Result:
    """The last point of a series over two seeds, and what is said of it."""

    y: float | None
    """None where it has no point."""
    n: int = 2
    note: str = ""
    state: str = "complete"
    flag: str = "value"
    censored: int = 0
    singles: int = 2
    """Series of single seeds beside it."""


def results(
    both: dict[str, Result], curves: Result, ends: dict[str, float] | None = None
) -> dict[str, Result]:
    """`curves` for each panel of curves, with the values in `ends`; the others as in `both`."""
    return both | {name: replace(curves, y=ends[name] if ends else None) for name in CURVES}


B, C, T = "1b", "1c", "table-1"
ONE = dict(zip(sorted(CURVES), (0.001, 0.3, 1.0, 0.3, 0.6), strict=True))
"""Where curves end with seed 0: 1a, 2a, 2b, atlas, clean-corrupted, as sorted."""
TWO = dict(zip(sorted(CURVES), (0.001, 0.35, 1.0, 0.35, 0.65), strict=True))
NEVER = dict(zip(sorted(CURVES), (1.5, 0.35, 0.5, 0.35, 0.65), strict=True))
ALL = results({B: Result((15 / 5 + 16 / 6) / 2), C: Result(0.65), T: Result(0.35)}, Result(0), TWO)
# Seed 1 fits at p = 0.5 an epoch later than seed 0, where its run ends: its point is alone.
ALL["clean-corrupted"] = Result(0.7, 1)
HALF = results(
    {
        B: Result(3.0, 1, "3 of 6 runs missing", "partial", singles=1),
        C: Result(0.7, 1, "3 of 6 runs missing", "partial", singles=1),
        T: Result(0.3, 1, "19 of 38 runs not complete", "partial", singles=1),
    },
    Result(0, 1, "1 of 2 seeds complete", "partial", singles=1),
    ONE,
)
NONE = {
    B: Result(None, 0, "6 of 6 runs missing", "missing", singles=0),
    C: Result(None, 0, "6 of 6 runs missing", "missing", singles=0),
    T: Result(None, 0, "38 of 38 runs not complete", "missing", singles=0),
}
RESULTS: dict[str, dict[str, Result]] = {
    "empty": results(NONE, Result(None, 0, "0 of 2 seeds complete", "missing", singles=0)),
    "waiting": results(NONE, Result(None, 0, "0 of 2 seeds complete", "missing", singles=0)),
    "running": results(NONE, Result(0, 2, "0 of 2 seeds complete", "partial"), NEVER),
    "one seed of two": HALF,
    "a seed still runs": HALF | {name: replace(HALF[name], singles=2) for name in CURVES},
    "a seed failed": HALF
    | {name: replace(HALF[name], singles=2) for name in CURVES}
    | {
        B: Result(
            None,
            0,
            NO_BASE.format("1 run", "ended before fitting (failed)"),
            "incomplete",
            singles=0,
        ),
        C: Result(0.7, 1, each("1 of 2 runs failed"), "partial", singles=1),
    },
    "a seed diverged": results(
        {
            B: Result(None, 0, NO_BASE.format("1 run", "diverged"), "incomplete", singles=0),
            C: Result(0.7, 1, each("1 of 2 runs diverged"), singles=1),
            T: Result(0.3, 1, "19 of 38 runs diverged", singles=1),
        },
        Result(0, 1, "seed 1 diverged in epoch 3"),
        ONE,
    )
    # These runs have no accuracies of clean and corrupted labels before they diverge.
    | {"clean-corrupted": Result(0.6, 1, "seed 1 diverged in epoch 3", singles=1)},
    "all diverged at once": results(
        {
            B: Result(None, 0, NO_BASE.format("2 runs", "diverged"), "incomplete", singles=0),
            C: Result(None, 0, each("2 of 2 runs diverged"), "missing", singles=0),
            T: Result(None, 0, "38 of 38 runs diverged", "missing", singles=0),
        },
        Result(None, 0, "seed 0 diverged in epoch 1; seed 1 diverged in epoch 1", singles=0),
    ),
    "complete": ALL,
    "censored": results(
        {
            B: Result(
                None,
                0,
                NO_BASE.format("2 runs", "did not fit within the epoch limit"),
                "incomplete",
                singles=0,
            ),
            C: Result(0.65, note=each("2 of 2 runs not fitted"), flag="not fitted", censored=2),
            T: Result(0.35),
        },
        Result(0),
        NEVER,
    ),
    "random labels censored": ALL
    | {
        B: Result(
            (100 / 5 + 100 / 6) / 2,
            note="p = 1: 2 of 2 runs censored",
            flag="lower bound",
            censored=2,
        ),
        C: Result(0.65, note="p = 1: 2 of 2 runs not fitted", flag="not fitted", censored=2),
        "1a": Result(1.5),
    },
    "went on for others": ALL,
    "mixed": ALL,
}


def test_there_is_a_result_for_every_case_and_panel() -> None:
    assert set(RESULTS) == set(CASES)
    assert all(set(found) == set(panels) for found in RESULTS.values())


@pytest.mark.parametrize("name", list(panels))
@pytest.mark.parametrize("case", list(RESULTS))
def test_what_every_panel_shows_in_every_state(name: str, case: str) -> None:
    found = panel(name, CASES[case].make, scale=smallest(name), seeds=2, individual=True)
    expected = RESULTS[case][name]
    chosen = [s for s in found.series if (s.key, s.measure) == SHOWN[name]]
    (series,) = [s for s in chosen if s.kind == "mean"]
    assert (series.note, series.state) == (expected.note, expected.state)
    assert sum(s.kind == "seed" for s in chosen) == expected.singles
    if expected.y is None:
        assert series.x == []
        return
    assert series.y[-1] == pytest.approx(expected.y)
    assert (series.n[-1], series.flag[-1]) == (expected.n, expected.flag)
    assert series.censored[-1] == expected.censored


def test_the_facts_of_1a_are_lower_bounds_where_a_seed_is_censored() -> None:
    def one_censored(p: Planned) -> StoredRun:
        return stored(p, curve(p, fits=p.role.seed == 0))

    found = panel("1a", one_censored, scale=Scale.SMOKE, seeds=2)
    facts = {f.key: f for f in found.facts if f.name == "steps_to_loss-0.05"}
    assert all(fact.lower_bound for fact in facts.values())
    steps = 391  # an epoch's, in the hand-made runs
    assert facts["random_labels"].value == (15 + 50) / 2 * steps
    low, high = facts["random_labels"].low, facts["random_labels"].high
    assert (low, high) == (15 * steps, None), "how far up the censored one lies is not known"
    whole = panel("1a", complete, scale=Scale.SMOKE, seeds=2)
    fact = next(f for f in whole.facts if f.key == "random_labels")
    assert (fact.lower_bound, fact.value, fact.n) == (False, 15.5 * steps, 2)


def test_every_row_of_table_1_is_the_mean_of_its_seeds() -> None:
    def some_lost(p: Planned) -> StoredRun | None:
        if p.role.series == "alexnet" and p.role.seed == 1:
            return None
        return diverged(p, 2) if p.role.series == "mlp-1x512" and p.role.seed else complete(p)

    rows = {row.key: row for row in panel("table-1", some_lost, seeds=2).table}
    whole, lost, gone = rows["inception"], rows["alexnet"], rows["mlp-1x512"]
    assert (whole.train_accuracy, whole.test_accuracy, whole.n) == (1.0, pytest.approx(0.35), 2)
    assert (whole.test_low, whole.test_high, whole.spread) == (0.3, 0.4, "range")
    assert (lost.test_accuracy, lost.n, lost.diverged, lost.test_low) == (0.3, 1, 0, None)
    assert (gone.test_accuracy, gone.n, gone.diverged) == (0.3, 1, 1)


def _columns_are_whole(found: Panel) -> None:
    for series in found.series:
        spread = (series.low, series.high, series.sd)
        columns = (series.x, series.y, *spread, series.n, series.censored, series.flag)
        lengths = {len(column) for column in columns}
        assert len(lengths) == 1, series.label
        assert all(map(math.isfinite, [*series.x, *series.y])), series.label
        assert all(1 <= n <= 2 for n in series.n), series.label
        assert all(c <= n for c, n in zip(series.censored, series.n, strict=True))


def _nothing_is_shown_of_what_is_not_there(found: Panel, case: str) -> None:
    points = sum(len(series.x) for series in found.series)
    if case in ("empty", "waiting", "all diverged at once"):
        assert points == 0
        assert all(fact.value is None for fact in found.facts)
    elif case == "running" and found.name in ("1b", "1c", "table-1"):
        assert points == 0  # these show what has ended
    elif found.name == "1b" and case in ("censored", "a seed failed", "a seed diverged"):
        assert points == 0  # a p = 0 run did not fit: there is nothing to divide by
        assert {series.state for series in found.series} == {"incomplete"}
    else:
        assert points > 0


def _the_verdict_knows(found: Panel, case: str, scale: Scale) -> None:
    state = found.verdict.state
    if found.name in ("clean-corrupted", "atlas"):
        assert state is VerdictState.NONE
    elif scale is not Scale.FULL:
        assert state is VerdictState.NOT_COMPARABLE
    elif found.status != "complete":
        assert state is VerdictState.INCOMPLETE
    elif case == "all diverged at once":
        assert state is not VerdictState.REPRODUCED
    else:
        assert state in (
            VerdictState.REPRODUCED,
            VerdictState.NOT_REPRODUCED,
            VerdictState.INCOMPLETE,
        )


def test_a_panel_does_not_change_when_its_runs_go_on_for_others() -> None:
    for name in panels:
        short = panel(name, complete, seeds=2)
        longer = panel(name, CASES["went on for others"].make, seeds=2)
        assert longer.series == short.series
        assert longer.facts == short.facts
        assert longer.verdict == short.verdict
