"""Panels of learning curves: 1a, 2a, 2b, clean against corrupted, the atlas."""

from dataclasses import replace

import pytest

from core.catalogue import panels
from core.paper.panel import Panel, Series, SpreadKind, VerdictState, XKind
from core.paper.panels import build
from core.paper.panels.entries import Entry, Part, StoredRun
from core.paper.panels.frame import Options
from core.paper.panels.spread import kept, summarise
from core.paper.plans import Planned
from core.paper.reference import report
from core.paper.scales import Scale
from core.paper.studies import StudyName, grid
from core.run.demands import Demand
from core.run.lifecycle import RunState
from core.run.metrics import EpochMetrics, EpochRow
from core.run.spec import Variant
from tests.core.hand_made import SEGMENT, diverged, metrics, panel, stored

CURVES = ["1a", "2a", "2b", "atlas"]


def falling(planned: Planned) -> list:  # type: ignore[type-arg]
    return [metrics(i, 2 / i + planned.role.seed / 10) for i in range(1, planned.demand.epochs + 1)]


def ours(found: Panel, key: str, **wanted: object) -> Series:
    (series,) = [
        s
        for s in found.series
        if s.key == key and all(getattr(s, k) == v for k, v in ({"kind": "mean"} | wanted).items())
    ]
    return series


@pytest.mark.parametrize("name", list(panels))
def test_an_empty_panel_says_what_it_needs(name: str) -> None:
    found = panel(name, lambda _: None)
    assert found.status == "empty"
    assert found.status_text.startswith("no runs yet; ")
    assert all(series.x == [] for series in found.series)
    assert found.verdict.state in (VerdictState.INCOMPLETE, VerdictState.NONE)
    assert found.counts.missing == found.counts.planned > 0
    assert found.provenance.first is None


@pytest.mark.parametrize("name", [*CURVES, "clean-corrupted"])
def test_a_run_that_has_just_begun_is_live_and_has_no_points(name: str) -> None:
    found = panel(name, lambda p: stored(p, [], RunState.RUNNING, outcome=None, segments=()))
    assert found.status == "live"
    assert all(series.x == [] for series in found.series)


@pytest.mark.parametrize("name", CURVES)
def test_complete_runs_make_a_complete_panel(name: str) -> None:
    found = panel(name, falling)
    assert found.status == "complete"
    assert all(series.state == "complete" and series.note == "" for series in found.series)
    assert found.provenance.devices == ["a processor"]
    assert not found.provenance.mixed


def test_columns_of_a_series_have_equal_length() -> None:
    for name in panels:
        found = panel(name, falling, seeds=2, individual=True)
        for s in found.series:
            lengths = {len(s.x), len(s.y), len(s.low), len(s.high), len(s.sd), len(s.n)}
            assert lengths == {len(s.x)} == {len(s.flag)} == {len(s.censored)}, (name, s.key)


def test_a_partial_panel_counts_what_is_there() -> None:
    def two_of_five(p: Planned) -> StoredRun | None:
        done = p.role.series in ("true_labels", "random_labels")
        return stored(p, falling(p)) if done else None

    found = panel("1a", two_of_five)
    assert found.status_text == "partial, 2 of 5 runs complete"
    assert ours(found, "gaussian").state == "missing"
    assert found.verdict.sentence == "Incomplete: 2 of 5 runs."


def test_a_failed_run_is_said_so_and_keeps_its_points() -> None:
    found = panel(
        "1a",
        lambda p: stored(p, falling(p)[:3], RunState.FAILED, outcome="failed"),
    )
    assert found.counts.failed == 5
    assert found.status == "partial"
    assert "5 runs failed or were cancelled before the end." in found.notes
    assert len(ours(found, "true_labels").x) == 3


def test_a_diverged_seed_is_complete_and_shortens_the_mean_from_there_on() -> None:
    found = panel(
        "1a",
        lambda p: diverged(p, 4) if p.role.seed == 1 else falling(p),
        seeds=2,
    )
    assert found.status == "complete"
    series = ours(found, "gaussian")
    assert series.n == [2] * 4 + [1] * 60
    assert series.note == "seed 1 diverged in epoch 5"
    assert "5 runs diverged: the loss became infinite." in found.notes


OTHER = {**SEGMENT, "numerics": {"device": "cuda"}, "name": "a GPU"}


def extended(p: Planned, *later: Part) -> StoredRun:
    """A run that another study took on from epoch 64 to 199."""
    run = stored(p, [*falling(p), *(metrics(i, 9.0) for i in range(65, 200))])
    return replace(run, parts=(*run.parts, *later))


def test_a_later_extension_changes_nothing_of_a_finished_figure() -> None:
    differs = {**OTHER, "mixed": {"epochs": [63, 64], "first": {}}}
    before = panel("1a", falling)
    for later in (Part(OTHER, 65, 2, 2e9), Part(differs, 65, 2, 2e9)):
        after = panel("1a", lambda p, later=later: extended(p, later))
        assert after == before


def test_epochs_that_came_out_differently_are_mixed_on_the_same_device_too() -> None:
    differs = {**SEGMENT, "mixed": {"epochs": [30], "first": {}}}
    found = panel("1a", lambda p: extended(p, Part(differs, 31, 2, 2e9)))
    assert found.provenance.mixed
    assert all(run.mixed for run in found.provenance.runs)
    assert any("computed again" in note for note in found.notes)


@pytest.mark.parametrize(
    ("scale", "x", "first", "unit"),
    [
        (Scale.FULL, XKind.AUTO, 391, "steps"),
        (Scale.SMOKE, XKind.AUTO, 1, "epochs"),
        (Scale.FULL, XKind.EPOCHS, 1, "epochs"),
        (Scale.FULL, XKind.SECONDS, 2.0, "seconds"),
    ],
)
def test_x_is_steps_epochs_or_seconds_of_training(
    scale: Scale, x: XKind, first: float, unit: str
) -> None:
    found = panel("1a", falling, scale=scale, x=x)
    series = ours(found, "true_labels")
    assert series.x[:2] == [first, 2 * first]
    assert found.x_axis.unit == unit
    assert bool(found.references) == (x is not XKind.SECONDS)
    if found.references:
        assert found.references[0].x[0] == first


@pytest.mark.parametrize(
    ("seeds", "asked", "kind"),
    [
        (1, SpreadKind.AUTO, "none"),
        (2, SpreadKind.AUTO, "range"),
        (4, SpreadKind.AUTO, "range"),
        (5, SpreadKind.AUTO, "sd"),
        (5, SpreadKind.CI95, "ci95"),
        (3, SpreadKind.SD, "sd"),
    ],
)
def test_spread_is_the_range_below_five_seeds(seeds: int, asked: SpreadKind, kind: str) -> None:
    found = panel("1a", falling, seeds=seeds, spread=asked)
    series = ours(found, "gaussian")
    assert series.spread == kind
    assert series.n[0] == seeds
    if kind == "range":
        assert series.low[0] == pytest.approx(2.0)
        assert series.high[0] == pytest.approx(2.0 + (seeds - 1) / 10)
    assert (series.low[0] is None) == (kind == "none")


def test_the_interval_is_student_s() -> None:
    found = summarise([1.0, 2.0, 3.0, 4.0, 5.0], SpreadKind.CI95)
    assert found.mean == 3
    assert found.high == pytest.approx(3 + 2.776 * (2.5**0.5) / 5**0.5, rel=1e-3)


def test_each_point_has_the_spread_of_its_own_seeds() -> None:
    def run(p: Planned) -> StoredRun:
        curve = falling(p)
        return stored(p, curve if p.role.seed < 3 else curve[:2])

    series = ours(panel("1a", run, seeds=6), "gaussian")
    assert series.spread == "sd"
    assert series.n[:4] == [6, 6, 3, 3]
    assert series.spread_at[:4] == ["sd", "sd", "range", "range"]
    assert len(series.spread_at) == len(series.x)
    assert series.high[0] == pytest.approx(2.25 + series.sd[0])  # type: ignore[operator]
    assert (series.low[2], series.high[2]) == (pytest.approx(2 / 3), pytest.approx(2 / 3 + 0.2))


@pytest.mark.parametrize(
    ("seeds", "asked", "kind"),
    [
        (4, SpreadKind.AUTO, "range"),
        (5, SpreadKind.AUTO, "sd"),
        (5, SpreadKind.CI95, "ci95"),
    ],
)
def test_facts_and_rows_have_the_spread_of_the_curves(
    seeds: int, asked: SpreadKind, kind: str
) -> None:
    def run(p: Planned) -> StoredRun:
        last = metrics(p.demand.epochs, 0.01, accuracy=0.99, test=0.8 + p.role.seed / 100)
        return stored(p, [*falling(p)[:-1], last])

    ends = {
        "range": (0.8, 0.83),
        "sd": (0.82 - 0.025**0.5 / 10, 0.82 + 0.025**0.5 / 10),
        "ci95": (0.82 - 2.776 * 0.005**0.5 / 10, 0.82 + 2.776 * 0.005**0.5 / 10),
    }[kind]
    found = panel("2a", run, seeds=seeds, spread=asked)
    fact = next(f for f in found.facts if (f.key, f.name) == ("none", "final_test_accuracy"))
    assert fact.spread == kind
    assert (fact.low, fact.high) == pytest.approx(ends, rel=1e-3)
    row = panel("table-1", run, seeds=seeds, spread=asked).table[0]
    assert row.spread == kind
    assert (row.test_low, row.test_high) == pytest.approx(ends, rel=1e-3)
    assert row.train_low == pytest.approx(0.99)


def test_one_seed_has_no_spread() -> None:
    fact = panel("2a", falling).facts[0]
    assert (fact.spread, fact.low, fact.high, fact.sd) == ("none", None, None, None)
    row = panel("table-1", falling).table[0]
    assert (row.spread, row.train_low, row.test_high, row.n) == ("none", None, None, 1)


@pytest.mark.parametrize("value", [0.1, 0.7, 1 / 3, 0.4118])
def test_the_mean_of_equal_values_lies_within_their_range(value: float) -> None:
    found = summarise([value] * 3, SpreadKind.RANGE)
    assert found.low == found.mean == found.high


def test_single_seeds_are_shown_on_demand() -> None:
    found = panel("1a", falling, seeds=3, individual=True)
    seeds = [s.seed for s in found.series if s.kind == "seed" and s.key == "gaussian"]
    assert seeds == [0, 1, 2]


def test_single_seeds_of_every_panel_are_counted() -> None:
    whole = panel("table-1", falling, seeds=2, individual=True)
    seeds = [(s.key, s.seed, len(s.x)) for s in whole.series if s.kind == "seed"]
    measures = ("train_accuracy", "test_accuracy")
    assert seeds == [(m, seed, 19) for m in measures for seed in (0, 1)]
    for name, means in (
        ("2a", 2 * 3),
        ("2b", 2 * 4),
        ("atlas", 2 * 64),
    ):
        found = panel(name, falling, seeds=2, individual=True)
        assert sum(s.kind == "seed" for s in found.series) == 2 * means, name
        assert sum(s.kind == "mean" for s in found.series) == means, name


def test_different_devices_are_mixed() -> None:
    def run(p: Planned) -> StoredRun:
        return stored(p, falling(p), segments=(SEGMENT, OTHER))

    found = panel("1a", run)
    assert found.provenance.mixed
    assert all(r.mixed for r in found.provenance.runs)
    assert any(note.startswith("Mixed: ") for note in found.notes)


def test_attempts_with_other_variables_of_the_libraries_are_mixed() -> None:
    limited = {**SEGMENT, "numerics": {**SEGMENT["numerics"], "ONEDNN_MAX_CPU_ISA": "AVX2"}}

    def run(p: Planned) -> StoredRun:
        return stored(p, falling(p), segments=(limited, SEGMENT))

    assert panel("1a", run).provenance.mixed


def test_steps_to_a_loss_are_read_off_each_seed_and_compared_with_the_paper() -> None:
    found = panel("1a", falling)
    fact = next(f for f in found.facts if (f.key, f.name) == ("true_labels", "steps_to_loss-0.1"))
    assert fact.value == 21 * 391  # 2 / 21 is the first below 0.1
    assert fact.paper == 8 * 391


# --------------------------------------------------------------------------------- 2a and 2b


def test_2a_shades_the_best_test_accuracy_so_far() -> None:
    def overfits(p: Planned) -> list:  # type: ignore[type-arg]
        tests = [0.5, 0.8, 0.7, *([0.6] * (p.demand.epochs - 3))]
        return [metrics(i, 0.1, test=t) for i, t in enumerate(tests, start=1)]

    found = panel("2a", overfits)
    best = ours(found, "none", kind="running best")
    assert best.y[:4] == [0.5, 0.8, 0.8, 0.8]
    values = {f.name: f.value for f in found.facts if f.key == "none"}
    assert values["final_test_accuracy"] == 0.6
    assert values["best_test_accuracy"] == 0.8


def test_2a_says_that_it_is_not_imagenet_and_has_the_report_s_points() -> None:
    found = panel("2a", falling)
    assert any("ImageNet" in sentence for sentence in found.deviations)
    assert [(s.source, s.x, s.y) for s in found.references] == [
        ("report", [50 * 391], [0.872]),
        ("report", [50 * 391], [0.889]),
    ]


def test_2b_has_the_paper_s_curves_with_and_without_batch_norm() -> None:
    found = panel("2b", falling)
    assert {(s.key, s.measure) for s in found.references} == {
        (key, measure)
        for key in ("with_bn", "without_bn")
        for measure in ("train_accuracy", "test_accuracy")
    }
    assert {s.key for s in found.series} == {
        "with_bn",
        "without_bn",
        "with_bn_same_setting",
        "bn_down",
    }


def test_2b_has_the_gains_of_batch_norm_beside_the_paper_s_and_the_report_s() -> None:
    ends = {"with_bn": 0.86, "without_bn": 0.82, "with_bn_same_setting": 0.85, "bn_down": 0.84}

    def ending(p: Planned) -> list[EpochMetrics]:
        test = ends[p.role.series] + p.role.seed / 100 * (p.role.series == "with_bn")
        return [metrics(i, 0.1, test=test) for i in range(1, p.demand.epochs + 1)]

    facts = panel("2b", ending, seeds=2).facts
    gains = {(f.key, f.name): f for f in facts if f.name.startswith("gain_over_")}
    assert {key: pytest.approx(gain.value) for key, gain in gains.items()} == {
        ("with_bn", "gain_over_without_bn"): 0.045,
        ("with_bn_same_setting", "gain_over_without_bn"): 0.03,
        ("with_bn", "gain_over_bn_down"): 0.025,
    }
    none = gains["with_bn", "gain_over_without_bn"]
    assert (none.n, none.paper, none.report) == (2, pytest.approx(0.0161), 0.015)
    assert gains["with_bn", "gain_over_bn_down"].report == 0.02


@pytest.mark.parametrize("name", [n for n in panels if n in report.EXECUTION_SECONDS])
def test_a_figure_s_time_stands_beside_the_report_s(name: str) -> None:
    curve = [metrics(i, 0.001, accuracy=1.0) for i in range(1, 11)]
    found = panel(name, lambda p: curve * (p.demand.epochs // 10 + 1), seeds=2)
    (time,) = (f for f in found.facts if f.name == "execution_time")
    assert time.report == report.EXECUTION_SECONDS[name]
    epochs = sum(run.epochs for run in found.provenance.runs)
    assert (time.n, time.value) == (2, pytest.approx(epochs * 3.0 / 2))


# -------------------------------------------------------------------------- beyond the paper


def test_clean_and_corrupted_accuracy_at_p_one_half() -> None:
    parts = {"clean_accuracy": 0.9, "corrupted_accuracy": 0.2, "corrupted_true_accuracy": 0.4}
    curve = [metrics(i, 1.0, **parts) for i in range(1, 151)]
    found = panel("clean-corrupted", lambda _: curve)
    assert found.counts.planned == 3
    assert {s.measure: s.y[0] for s in found.series if s.key == "inception"} == parts
    assert found.title.endswith("p = 0.5")


def by_level(p: Planned) -> list[EpochMetrics]:
    parts = {"clean_accuracy": 1 - p.spec.label_corruption, "corrupted_accuracy": 0.1 * p.role.seed}
    return [metrics(i, 1.0, **parts) for i in range(1, 151)]


def test_clean_and_corrupted_accuracy_at_the_levels_that_are_asked_for() -> None:
    found = panel("clean-corrupted", by_level, levels=(0.2, 1.0), seeds=2)
    assert found.counts.planned == 3 * 2 * 2
    clean = [s for s in found.series if s.measure == "clean_accuracy"]
    assert {s.key: s.y[0] for s in clean} == {
        f"{model}, p = {p}": pytest.approx(1 - p)
        for model in ("MLP 1×512", "Small AlexNet", "Small Inception")
        for p in (0.2, 1)
    }
    assert found.title.endswith("p = 0.2, 1")


def test_clean_and_corrupted_accuracy_of_a_grid_has_every_level_above_0() -> None:
    axes = {"corruption": [0, 0.3, 0.5]}
    entries = grid({"randomization": "corrupted_labels"}, axes, Demand(epochs=3), seeds=2)
    runs = [Entry(p, stored(p, by_level(p)[:3])) for p in entries]
    options = Options(scale=None, seeds=2, individual=True)
    found = build("clean-corrupted", runs, options)
    means = {s.key: s.y[0] for s in found.series if (s.kind, s.measure) == MEAN_CLEAN}
    assert means == {"corruption = 0.3": pytest.approx(0.7), "corruption = 0.5": 0.5}
    seeds = [s.y[0] for s in found.series if (s.kind, s.measure) == ("seed", "corrupted_accuracy")]
    assert seeds == [0, 0.1, 0, 0.1]


MEAN_CLEAN = ("mean", "clean_accuracy")


def test_seeds_of_clean_and_corrupted_accuracy_are_averaged() -> None:
    found = panel("clean-corrupted", by_level, seeds=3)
    series = next(s for s in found.series if s.measure == "corrupted_accuracy")
    assert (series.y[0], series.low[0], series.high[0], series.n[0]) == (
        pytest.approx(0.1),
        0,
        0.2,
        3,
    )


def test_the_atlas_has_every_condition_of_the_study() -> None:
    found = panel("atlas", falling, scale=Scale.SMOKE)
    conditions = {s.label for s in found.series}
    assert "1a: Gaussian" in conditions
    assert "1bc: MLP 1×512, p = 0.3" in conditions
    assert len(found.series) == 2 * len(conditions)


def test_every_panel_reads_the_runs_of_a_study() -> None:
    assert all(StudyName(panel.study) for panel in panels.values())


# ------------------------------------------------------------------------------- reduction


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 99, 100, 101, 10_000])
def test_a_reduced_curve_keeps_its_ends_and_its_extremes(n: int, log: bool) -> None:
    values = [float((i * 7919) % 1009) for i in range(n)]
    chosen = kept(range(1, n + 1), values, 100, log=log)
    assert len(chosen) <= max(100, 0)
    assert chosen == sorted(set(chosen))
    if n:
        assert (chosen[0], chosen[-1]) == (0, n - 1)
        assert min(values) == min(values[i] for i in chosen)
        assert max(values) == max(values[i] for i in chosen)
    if n <= 100:
        assert chosen == list(range(n))


@pytest.mark.parametrize(
    ("scale", "variant", "criterion", "comparable"),
    [
        (Scale.FULL, Variant.PAPER, None, True),
        (Scale.FULL, Variant.REPORT, None, False),
        (Scale.SMOKE, Variant.PAPER, None, False),
        (Scale.QUICK, Variant.PAPER, None, False),
    ],
)
def test_only_the_paper_s_own_setting_is_comparable(
    scale: Scale, variant: Variant, criterion: None, comparable: bool
) -> None:
    found = panel("1a", falling, scale=scale, variant=variant, criterion=criterion)
    assert found.comparable is comparable
    assert (found.verdict.state is VerdictState.NOT_COMPARABLE) is not comparable
    assert found.references  # shown all the same


def test_rows_read_from_the_database_have_the_fields_of_the_metrics() -> None:
    assert EpochRow._fields == tuple(EpochMetrics.model_fields)
