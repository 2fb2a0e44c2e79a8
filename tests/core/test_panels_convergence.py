"""Figures 1b and 1c: ratios per seed, censoring, divergence, criteria chosen after the runs."""

import pytest

from core.paper.criteria import CRITERIA
from core.paper.panel import Flag, Panel, Series, SpreadKind
from core.paper.panels.entries import StoredRun
from core.paper.plans import Planned
from core.paper.scales import Scale
from core.run.lifecycle import RunState
from tests.core.hand_made import diverged, fits_at, metrics, panel, stored


def epochs_of(p: Planned) -> int:
    corruption = p.role.corruption or 0.0
    return round(10 + 26 * corruption) + 2 * p.role.seed


def fitted(p: Planned) -> StoredRun:
    return stored(
        p, fits_at(epochs_of(p), epochs_of(p), test=0.85 - 0.75 * (p.role.corruption or 0))
    )


def censored(p: Planned) -> StoredRun:
    return stored(p, fits_at(1000, p.demand.epochs))


def of(found: Panel, key: str = "inception", measure: str = "") -> Series:
    return next(s for s in found.series if s.key == key and measure in ("", s.measure))


def at(series: Series, p: float) -> int:
    return series.x.index(p)


def test_ratios_start_at_one_and_are_the_epochs_over_those_at_p_0() -> None:
    series = of(panel("1b", fitted))
    assert series.x == [i / 10 for i in range(11)]
    assert series.y[0] == 1
    assert series.y[-1] == pytest.approx(3.6)
    assert series.state == "complete"
    assert set(series.flag) == {Flag.VALUE}


def test_ratios_are_taken_per_seed_then_averaged() -> None:
    series = of(panel("1b", fitted, seeds=2))
    assert series.y[-1] == pytest.approx((36 / 10 + 38 / 12) / 2)
    assert series.n[-1] == 2
    assert (series.low[-1], series.high[-1]) == (pytest.approx(38 / 12), pytest.approx(3.6))


def test_a_censored_run_is_a_lower_bound_and_never_a_value() -> None:
    found = panel(
        "1b",
        lambda p: censored(p) if p.role.corruption == 1 else fitted(p),
        seeds=2,
    )
    series = of(found)
    i = at(series, 1.0)
    assert series.flag[i] is Flag.LOWER_BOUND
    assert series.censored[i] == 2
    assert series.y[i] == pytest.approx((150 / 10 + 150 / 12) / 2)
    assert series.flag[at(series, 0.9)] is Flag.VALUE
    assert "p = 1: 2 of 2 runs censored" in series.note
    assert found.notes == [
        "6 runs of 66 did not fit within the epoch limit: drawn as lower bounds."
    ]
    assert found.counts.censored == 6
    assert found.status == "complete"


def test_one_censored_seed_makes_the_point_a_lower_bound() -> None:
    def run(p: Planned) -> StoredRun:
        return censored(p) if (p.role.corruption, p.role.seed) == (1, 1) else fitted(p)

    series = of(panel("1b", run, seeds=2))
    assert series.flag[-1] is Flag.LOWER_BOUND
    assert series.censored[-1] == 1


@pytest.mark.parametrize(
    ("spread", "has_low"),
    [(SpreadKind.RANGE, True), (SpreadKind.SD, False), (SpreadKind.CI95, False)],
)
def test_the_spread_of_a_lower_bound_never_shows_the_limit_as_a_value(
    spread: SpreadKind, has_low: bool
) -> None:
    def run(p: Planned) -> StoredRun:
        return censored(p) if (p.role.corruption, p.role.seed) == (1, 0) else fitted(p)

    found = panel("1b", run, seeds=3, spread=spread)
    series = of(found)
    i = at(series, 1.0)
    assert (series.flag[i], series.high[i], series.sd[i]) == (Flag.LOWER_BOUND, None, None)
    assert (series.low[i] is not None) == has_low
    assert series.high[at(series, 0.5)] is not None
    fact = next(f for f in found.facts if (f.key, f.name) == ("inception", "epochs_to_fit_p1"))
    assert (fact.lower_bound, fact.high, fact.sd) == (True, None, None)


def test_a_censored_p_0_makes_the_model_incomplete_and_no_other() -> None:
    def run(p: Planned) -> StoredRun:
        lost = p.role.series == "alexnet" and p.role.corruption == 0 and p.role.seed == 1
        return censored(p) if lost else fitted(p)

    found = panel("1b", run, seeds=2)
    series = of(found, "alexnet")
    assert series.state == "incomplete"
    assert series.x == []
    assert series.note == (
        "incomplete: 1 run with true labels did not fit within the epoch limit, so there is "
        "nothing to divide by"
    )
    assert of(found).state == "complete"
    assert found.notes == [
        "1 run of 66 did not fit within the epoch limit: not drawn, since without a time to fit "
        "at p = 0 there is nothing to divide by."
    ]


def test_a_censored_level_of_a_model_without_its_p_0_is_not_said_to_be_drawn() -> None:
    def run(p: Planned) -> StoredRun:
        lost = p.role.series == "alexnet" and p.role.corruption in (0, 1)
        return censored(p) if lost or p.role.corruption == 0.9 else fitted(p)

    found = panel("1b", run)
    assert [note.split(":")[0] for note in found.notes] == [
        "2 runs of 33 did not fit within the epoch limit",
        "3 runs of 33 did not fit within the epoch limit",
    ]
    assert "drawn as lower bounds" in found.notes[0]
    assert "not drawn" in found.notes[1]


@pytest.mark.parametrize(
    ("state", "outcome", "words"),
    [
        (RunState.FAILED, "failed", "ended before fitting (failed)"),
        (RunState.CANCELLED, "cancelled", "ended before fitting (cancelled)"),
        (RunState.SUCCEEDED, "completed", "ended before fitting (to be extended)"),
        (RunState.SUCCEEDED, "diverged", "diverged"),
    ],
)
def test_why_there_is_no_p_0_is_said_as_it_is(state: RunState, outcome: str, words: str) -> None:
    def run(p: Planned) -> StoredRun:
        if p.role.corruption != 0:
            return fitted(p)
        return stored(p, fits_at(999, 3), state, outcome=outcome)

    note = of(panel("1b", run)).note
    assert note == f"incomplete: 1 run with true labels {words}, so there is nothing to divide by"


@pytest.mark.parametrize(
    ("state", "outcome", "words"),
    [
        (RunState.FAILED, "failed", "failed"),
        (RunState.CANCELLED, "cancelled", "cancelled"),
        (RunState.SUCCEEDED, "completed", "to be extended"),
        (RunState.SUCCEEDED, "diverged", "diverged"),
    ],
)
@pytest.mark.parametrize("name", ["1b", "1c"])
def test_what_became_of_a_run_without_a_value_is_said_at_its_level(
    name: str, state: RunState, outcome: str, words: str
) -> None:
    def run(p: Planned) -> StoredRun:
        if (p.role.corruption, p.role.seed) != (0.3, 1):
            return fitted(p)
        return stored(p, fits_at(999, 3), state, outcome=outcome)

    found = of(panel(name, run, seeds=2))
    assert found.note == f"p = 0.3: 1 of 2 runs {words}"
    assert found.state == ("complete" if words == "diverged" else "partial")
    assert found.n[at(found, 0.3)] == 1
    assert (found.diverged, found.diverged_at) == ((1, [0.3]) if words == "diverged" else (0, []))


def test_a_diverged_run_is_left_out_and_said() -> None:
    def run(p: Planned) -> StoredRun:
        return diverged(p, 5) if (p.role.corruption, p.role.seed) == (0.5, 0) else fitted(p)

    found = panel("1b", run, seeds=2)
    series = of(found)
    assert series.n[at(series, 0.5)] == 1
    assert "p = 0.5: 1 of 2 runs diverged" in series.note
    assert found.status == "complete"


def test_a_level_where_all_diverged_has_no_point() -> None:
    found = panel("1b", lambda p: diverged(p, 5) if p.role.corruption == 1 else fitted(p))
    assert 1.0 not in of(found).x
    assert "p = 1: 1 of 1 run diverged" in of(found).note


def test_a_running_or_missing_run_leaves_a_gap() -> None:
    def run(p: Planned) -> StoredRun | None:
        if p.role.corruption == 1:
            return None
        if p.role.corruption == 0.9:
            return stored(p, fits_at(99, 3), RunState.RUNNING, outcome=None)
        return fitted(p)

    found = panel("1b", run)
    series = of(found)
    assert series.x == [i / 10 for i in range(9)]
    assert series.state == "partial"
    assert "2 of 11 runs missing" in series.note
    assert found.status == "live"


def test_a_seed_without_its_p_0_gives_no_ratio_yet() -> None:
    def run(p: Planned) -> StoredRun | None:
        return None if (p.role.corruption, p.role.seed) == (0, 1) else fitted(p)

    series = of(panel("1b", run, seeds=2))
    assert set(series.n) == {1}
    assert series.state == "partial"


def stops_at_98(p: Planned) -> StoredRun:
    n = epochs_of(p)
    curve = [metrics(i, 1.0, accuracy=0.5) for i in range(1, n)]
    return stored(p, [*curve, metrics(n, 0.04, accuracy=0.985)])


def test_another_criterion_may_need_runs_extended() -> None:
    found = panel("1b", stops_at_98)
    assert of(found).y[-1] == pytest.approx(3.6)
    strict = {"criterion": CRITERIA["accuracy-100"], "extending": "rethink …"}
    stricter = panel("1b", stops_at_98, **strict)  # type: ignore[arg-type]
    assert of(stricter).state == "incomplete"
    assert stricter.criterion == "training accuracy of 100 %"
    assert stricter.notes == [
        "33 runs ended before fitting by this criterion and must be extended: left out. A study by "
        "this criterion extends them: `rethink …`."
    ]
    easier = panel("1b", stops_at_98, criterion=CRITERIA["loss-0.6"])
    assert of(easier).y[-1] == pytest.approx(3.6)


def test_a_study_by_a_stricter_criterion_shows_its_longer_prefix() -> None:
    strict = CRITERIA["accuracy-100"]
    short = panel("1b", stops_at_98, criterion=strict, demanded=strict, command="rethink …")
    assert (short.status, short.counts.short, short.counts.failed) == ("partial", 33, 0)
    assert short.notes == [
        "33 runs ended before what this figure asks for and must be extended: `rethink …` extends "
        "them."
    ]

    def extended(p: Planned) -> StoredRun:
        longer = [metrics(i, 0.01) for i in range(epochs_of(p) + 1, 2 * epochs_of(p))]
        last = metrics(2 * epochs_of(p), 0.001, accuracy=1.0, test=0.4)
        return stored(p, [*stops_at_98(p).curve, *longer, last])

    found = panel("1b", extended, criterion=strict, demanded=strict)
    assert (found.status, found.notes) == ("complete", [])
    assert of(found).y[-1] == pytest.approx(3.6)
    fact = next(f for f in found.facts if (f.key, f.name) == ("inception", "epochs_to_fit_p1"))
    assert fact.value == 72
    by_both = panel("1c", extended, criterion=strict, demanded=strict)
    errors = of(by_both, measure="test_error")
    assert errors.y[-1] == pytest.approx(0.6)


def test_the_default_criterion_is_each_model_s_own() -> None:
    words = panel("1b", fitted).criterion
    assert words is not None
    assert "Small Inception: training loss below 0.05" in words
    assert "training accuracy of 98 %" in words


def test_epochs_are_stated_besides_the_ratios() -> None:
    found = panel("1b", fitted)
    fact = next(f for f in found.facts if (f.key, f.name) == ("inception", "epochs_to_fit_p0"))
    assert (fact.value, fact.paper, fact.unit) == (10, 10, "epochs")


def test_the_paper_s_duplicates_are_flagged() -> None:
    found = panel("1c", fitted)
    flagged = {
        (s.key, x)
        for s in found.references
        for x, flag in zip(s.x, s.flag, strict=True)
        if flag is Flag.DUPLICATE
    }
    assert flagged == {("mlp-1x512", 0.6), ("inception", 0.9)}


# ------------------------------------------------------------------------------------- 1c


def test_1c_is_the_test_error_at_the_end_of_each_run() -> None:
    series = of(panel("1c", fitted), measure="test_error")
    assert series.y[0] == pytest.approx(0.15)
    assert series.y[-1] == pytest.approx(0.9)
    assert set(series.flag) == {Flag.VALUE}


def test_1c_is_also_the_error_against_corrupted_test_labels() -> None:
    """As measured, and for runs that have no such measurement as expected."""

    def run(p: Planned) -> StoredRun:
        epochs, noise = epochs_of(p), p.spec.label_corruption
        measured = {"noisy_test_accuracy": 0.42} if noise == 0.3 else {}
        return stored(p, fits_at(epochs, epochs, test=0.8, **measured))

    found = panel("1c", run)
    series = of(found)
    assert series.measure == "noisy_test_error"
    assert (series.y[0], series.flag[0]) == (pytest.approx(0.2), Flag.VALUE), "none are corrupted"
    assert (series.y[3], series.flag[3]) == (pytest.approx(0.58), Flag.VALUE)
    assert (series.y[5], series.flag[5]) == (pytest.approx(1 - (0.5 * 0.8 + 0.05)), Flag.EXPECTED)
    assert (series.y[10], series.flag[10]) == (pytest.approx(0.9), Flag.EXPECTED)
    assert "Open marks are expected, not measured" in found.notes[1]
    assert of(found, measure="test_error").y == pytest.approx([0.2] * 11)


def test_1c_shows_the_paper_s_points_as_they_are_and_computed_back_to_true_labels() -> None:
    references = panel("1c", fitted).references
    published, derived = (
        next(s for s in references if (s.key, s.measure) == ("mlp-1x512", measure))
        for measure in ("noisy_test_error", "test_error")
    )
    assert set(published.flag) == {Flag.VALUE, Flag.DUPLICATE}
    assert set(derived.flag) == {Flag.DERIVED, Flag.DUPLICATE}
    assert derived.x == published.x[:-1], "nothing is known at p = 1"
    assert derived.y[0] == published.y[0]
    assert derived.y[5] == pytest.approx(1 - (1 - published.y[5] - 0.05) / 0.5)


def test_1c_says_how_far_each_curve_is_from_the_published_points() -> None:
    facts = {f.name: f.value for f in panel("1c", fitted).facts}
    true, noisy = (
        facts[f"largest_distance_{labels}_test_labels"] for labels in ("true", "corrupted")
    )
    assert true is not None
    assert noisy is not None
    assert true > 0.1
    assert "largest_distance_true_test_labels" not in {
        f.name for f in panel("1c", fitted, scale=Scale.QUICK).facts
    }


def test_1c_by_an_easier_criterion_is_the_error_once_it_holds() -> None:
    def run(p: Planned) -> StoredRun:
        early = [metrics(i, 0.4, accuracy=0.9, test=0.3) for i in (1, 2)]
        return stored(p, [*early, metrics(3, 0.001, accuracy=1.0, test=0.6)])

    chosen = panel("1c", run, criterion=CRITERIA["loss-0.5"])
    easier = of(chosen, measure="test_error")
    usual = of(panel("1c", run), measure="test_error")
    assert easier.y == pytest.approx([0.7] * 11)
    assert usual.y == pytest.approx([0.4] * 11)


def test_1c_marks_runs_that_did_not_fit() -> None:
    found = panel("1c", lambda p: censored(p) if p.role.corruption == 1 else fitted(p))
    series = of(found)
    assert series.flag[-1] is Flag.NOT_FITTED
    assert series.censored[-1] == 1
    assert series.flag[0] is Flag.VALUE
    assert series.note == "p = 1: 1 of 1 run not fitted"
    assert found.notes[2:] == [
        "3 runs of 33 did not fit within the epoch limit: marked with a cross, since the error is "
        "that of a network that had not fitted."
    ]


def test_1c_shows_with_a_cross_what_did_not_fit_by_a_stricter_criterion() -> None:
    found = panel("1c", stops_at_98, criterion=CRITERIA["accuracy-99.9"])
    assert len(of(found).x) == 11
    assert set(of(found).flag) == {Flag.NOT_FITTED}
    assert found.counts.censored == 0
    assert found.notes[-1] == (
        "33 runs ended before fitting by this criterion and must be extended: marked with a cross, "
        "as not fitted."
    )


@pytest.mark.parametrize("name", ["1b", "1c"])
def test_single_seeds_are_shown_on_demand(name: str) -> None:
    def run(p: Planned) -> StoredRun | None:
        return None if (p.role.series, p.role.seed) == ("alexnet", 2) else fitted(p)

    found = panel(name, run, seeds=3, individual=True)
    measure = found.series[0].measure
    shown = [s for s in found.series if (s.kind, s.measure) == ("seed", measure)]
    assert [(s.key, s.seed, len(s.x)) for s in shown] == [
        *(("mlp-1x512", i, 11) for i in range(3)),
        *(("alexnet", i, 11) for i in range(2)),
        *(("inception", i, 11) for i in range(3)),
    ]
    assert [s for s in found.series if s.kind == "mean"] == panel(name, run, seeds=3).series
    second = next(s for s in found.series if (s.key, s.seed) == ("inception", 1))
    assert second.y[-1] == pytest.approx(38 / 12 if name == "1b" else 0.9)
    labels = ", corrupted test labels" if name == "1c" else ""
    assert (second.label, set(second.n)) == (f"Small Inception{labels}, seed 1", {1})


def test_a_point_of_few_seeds_has_their_range_beside_points_of_many() -> None:
    def run(p: Planned) -> StoredRun:
        lost = p.role.corruption == 1 and p.role.seed >= 3
        return diverged(p, 2) if lost else fitted(p)

    series = of(panel("1b", run, seeds=6))
    ratios = [36 / 10, 38 / 12, 40 / 14]
    assert series.spread == "sd"
    assert series.spread_at == ["sd"] * 10 + ["range"]
    assert (series.low[-1], series.high[-1]) == (min(ratios), max(ratios))
    assert of(panel("1b", fitted, seeds=6)).spread_at == []


def test_1c_leaves_diverged_and_unfinished_runs_out() -> None:
    def run(p: Planned) -> StoredRun:
        if p.role.corruption == 1:
            return diverged(p, 3)
        if p.role.corruption == 0.5:
            return stored(p, fits_at(99, 3), RunState.QUEUED, outcome=None)
        return fitted(p)

    series = of(panel("1c", run))
    assert series.x == [p / 10 for p in range(10) if p != 5]
    assert "diverged" in series.note
