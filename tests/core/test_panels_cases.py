"""Every panel in every state its runs may be in: what it counts, says and shows."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from core.domain.lifecycle import RunState
from core.domain.metrics import EpochMetrics
from core.domain.panels.entries import StoredRun
from core.domain.panels.model import Panel, PanelName, VerdictState
from core.domain.plans import Planned
from core.domain.scales import Scale
from tests.core.hand_made import NUMERICS, SEGMENT, diverged, metrics, panel, stored

OTHER = SEGMENT | {"numerics": NUMERICS | {"device": "cuda"}, "device": "cuda"}


def curve(planned: Planned, epochs: int | None = None, fits: int | None = 5) -> list[EpochMetrics]:
    """A curve that fits in epoch `fits`, or never; as long as was asked for unless said."""
    found = []
    for i in range(1, (epochs or planned.demand.epochs) + 1):
        fitted = fits is not None and i >= fits
        found.append(
            metrics(
                i,
                0.001 if fitted else 1.5,
                accuracy=1.0 if fitted else 0.5,
                test=0.3,
                clean_accuracy=0.6,
                corrupted_accuracy=0.4,
                corrupted_true_accuracy=0.2,
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
    "censored": Case(lambda p: stored(p, curve(p, fits=None)), "complete", complete=1),
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


@pytest.mark.parametrize("name", list(PanelName))
@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("scale", [Scale.SMOKE, Scale.FULL])
def test_every_panel_in_every_state(name: PanelName, case: str, scale: Scale) -> None:
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
    if found.name in (PanelName.CLEAN_CORRUPTED, PanelName.ATLAS):
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
    for name in PanelName:
        short = panel(name, complete, seeds=2)
        longer = panel(name, CASES["went on for others"].make, seeds=2)
        assert longer.series == short.series
        assert longer.facts == short.facts
        assert longer.verdict == short.verdict
