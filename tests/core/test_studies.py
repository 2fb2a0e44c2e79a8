"""The catalogue: which runs each study needs, how far, and in which order."""

import pytest

from core.paper.criteria import CRITERIA
from core.paper.deviations import deviations
from core.paper.plans import expected_epochs, planned, scale_of
from core.paper.scales import SETTINGS, Scale
from core.paper.studies import CATALOGUE, MAX_GRID, StudyName, grid, plan
from core.run.demands import Demand, StopRule
from core.run.errors import InvalidInput
from core.run.spec import BatchNorm, Precision, RunSpec, Variant

ALL_CHOICES = [(scale, variant) for scale in Scale for variant in Variant]


def full(name: StudyName, seeds: int = 1):  # type: ignore[no-untyped-def]
    return plan(name, Scale.FULL, Variant.PAPER, seeds)


@pytest.mark.parametrize(
    ("name", "runs", "epochs"),
    [
        (StudyName.FIGURE_1A, 5, 64),
        (StudyName.FIGURE_1BC, 33, 150),
        (StudyName.FIGURE_2A, 3, 100),
        (StudyName.FIGURE_2B, 4, 51),
        (StudyName.TABLE_1, 19, 100),
    ],
)
def test_full_scale_has_the_paper_s_runs_and_horizons(
    name: StudyName, runs: int, epochs: int
) -> None:
    entries = full(name)
    assert len(entries) == len({e.spec.hash() for e in entries}) == runs
    assert {e.demand.epochs for e in entries} == {epochs}


def test_full_scale_of_the_paper_changes_nothing_but_what_the_panel_is_about() -> None:
    first = next(e for e in full(StudyName.FIGURE_1A) if e.role.series == "true_labels")
    assert first.spec == RunSpec(model="inception")
    changed = {e.role.series: e.spec.changes() for e in full(StudyName.FIGURE_2A)}
    assert changed["none"] == {}
    assert changed["weight_decay"] == {"weight_decay": 1e-3}
    assert changed["all"]["hue"] > 0
    assert changed["all"]["dropout"] == 0.05


def test_1bc_runs_until_its_criterion_and_no_longer() -> None:
    stops = {e.spec.model: e.demand.stop for e in full(StudyName.FIGURE_1BC)}
    assert stops == {
        "inception": StopRule(train_loss=0.05),
        "alexnet": StopRule(train_accuracy=0.98),
        "mlp-1x512": StopRule(train_accuracy=0.98),
    }


def test_another_criterion_ends_the_runs_of_1bc_and_no_others() -> None:
    strict = CRITERIA["accuracy-99.9"]
    usual = full(StudyName.EVERYTHING)
    entries = plan(StudyName.EVERYTHING, Scale.FULL, criterion=strict)
    assert [(e.spec, e.role, e.stage) for e in entries] == [
        (e.spec, e.role, e.stage) for e in usual
    ]
    for entry, before in zip(entries, usual, strict=True):
        until = Demand(epochs=150, stop=StopRule(train_accuracy=0.999))
        assert entry.demand == (until if entry.role.panel == "1bc" else before.demand)
        assert expected_epochs(entry) >= expected_epochs(before)


def test_figures_share_their_runs() -> None:
    everything = full(StudyName.EVERYTHING)
    apart = sum(len(full(name)) for name in CATALOGUE if name is not StudyName.EVERYTHING)
    assert len(everything) == apart == 64
    assert len({e.spec.hash() for e in everything}) == 52
    baseline = RunSpec(model="inception").hash()
    panels = {e.role.panel for e in everything if e.spec.hash() == baseline}
    assert panels == {"1a", "1bc", "2a", "2b", "table-1"}


def test_1a_s_ends_are_1bc_s() -> None:
    ends = {
        e.role.corruption: e.spec.hash()
        for e in full(StudyName.FIGURE_1BC)
        if e.spec.model == "inception" and e.role.corruption in (0, 1)
    }
    curves = {e.role.series: e.spec.hash() for e in full(StudyName.FIGURE_1A)}
    assert ends == {0: curves["true_labels"], 1: curves["random_labels"]}


def test_the_outline_comes_first_and_cheap_models_before_dear_ones() -> None:
    entries = full(StudyName.FIGURE_1BC, seeds=2)
    assert [e.role.corruption for e in entries[:9]] == [0, 0, 0, 1, 1, 1, 0.5, 0.5, 0.5]
    assert [e.spec.model for e in entries[:3]] == ["mlp-1x512", "alexnet", "inception"]
    assert [e.role.seed for e in entries] == [0] * 33 + [1] * 33
    assert [e.stage for e in entries] == sorted(e.stage for e in entries)


def test_a_seed_of_table_1_is_complete_before_the_next_begins() -> None:
    entries = full(StudyName.TABLE_1, seeds=2)
    assert [e.role.seed for e in entries] == [0] * 19 + [1] * 19
    assert [e.stage for e in entries] == list(range(38))


def test_seeds_draw_weights_and_randomization_anew() -> None:
    random = [e for e in full(StudyName.FIGURE_1A, 3) if e.role.series == "random_labels"]
    assert [(e.spec.seed, e.spec.data_seed) for e in random] == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize("seeds", [0, 11])
def test_seeds_are_one_to_ten(seeds: int) -> None:
    with pytest.raises(InvalidInput, match="use 1 to 10"):
        plan(StudyName.FIGURE_1A, Scale.SMOKE, Variant.PAPER, seeds)


def test_smoke_has_the_outline_for_the_dear_models_and_all_levels_for_the_mlp() -> None:
    levels: dict[str, set[float | None]] = {}
    for entry in plan(StudyName.FIGURE_1BC, Scale.SMOKE):
        levels.setdefault(entry.role.series, set()).add(entry.role.corruption)
    assert levels["inception"] == levels["alexnet"] == {0, 0.5, 1}
    assert levels["mlp-1x512"] == {i / 10 for i in range(11)}
    panels = {e.role.panel for e in plan(StudyName.EVERYTHING, Scale.SMOKE)}
    assert panels == {"1a", "1bc", "2a", "2b"}


def test_the_report_s_variant_has_its_batch_size_and_no_hue() -> None:
    entries = plan(StudyName.EVERYTHING, Scale.FULL, Variant.REPORT)
    assert {e.spec.batch_size for e in entries} == {60}
    assert {e.spec.hue for e in entries} == {0}
    gaussian = next(e for e in entries if e.role.series == "gaussian")
    assert gaussian.spec.variant is Variant.REPORT


def test_2b_shows_the_network_with_bn_at_both_settings() -> None:
    specs = {e.role.series: e.spec for e in full(StudyName.FIGURE_2B)}
    assert specs["without_bn"].batch_norm is BatchNorm.NONE
    same = specs["with_bn_same_setting"]
    assert same.learning_rate == specs["without_bn"].learning_rate != specs["with_bn"].learning_rate
    assert specs["bn_down"].batch_norm is BatchNorm.DOWN


def test_precision_is_chosen_at_submission() -> None:
    entries = plan(StudyName.FIGURE_1A, Scale.SMOKE, Variant.PAPER, 1, Precision.BF16)
    assert {e.spec.precision for e in entries} == {Precision.BF16}


# ------------------------------------------------------------------------------ deviations


@pytest.mark.parametrize(("scale", "variant"), ALL_CHOICES)
def test_every_changed_field_is_said(scale: Scale, variant: Variant) -> None:
    said = " ".join(deviations(plan(StudyName.FIGURE_1BC, scale, variant), scale, variant))
    assert ("not comparable" in said) == (scale is not Scale.FULL)
    assert ("Variant of the report" in said) == (variant is Variant.REPORT)
    for word in ("training images", "width", "constant learning rate"):
        assert (word in said) == (scale is not Scale.FULL)
    if scale is Scale.SMOKE:
        assert "Small AlexNet: corruption p = 0, 0.5, 1 only." in said


UNSTATED = "Unstated in the paper, chosen here: "


def test_at_full_scale_of_the_paper_only_what_it_does_not_state_is_said() -> None:
    said = deviations(full(StudyName.FIGURE_1A), Scale.FULL, Variant.PAPER)
    assert [sentence.startswith(UNSTATED) for sentence in said] == [True] * 3
    for words, sentence in zip(("initial weights", "eps 0.001", "391 steps"), said, strict=True):
        assert words in sentence


@pytest.mark.parametrize("scale", Scale)
def test_networks_without_batch_norm_say_their_setting(scale: Scale) -> None:
    said = deviations(plan(StudyName.FIGURE_2B, scale), scale, Variant.PAPER)
    without = next(e.spec for e in plan(StudyName.FIGURE_2B, scale) if e.spec.batch_norm == "none")
    rate, warm_up = without.learning_rate, without.warmup_steps
    setting = f"without batch norm He's initial weights, learning rate {rate:g} and a warm-up of "
    setting += f"{warm_up} steps: "
    assert sum(setting in sentence for sentence in said) == 1


def test_1b_and_1c_say_what_the_published_curves_are_taken_to_be() -> None:
    for scale, variant in ALL_CHOICES:
        said = " ".join(deviations(plan(StudyName.FIGURE_1BC, scale, variant), scale, variant))
        assert "the curves published for it, with a ratio of 1.55, fit a rate of 0.1" in said
        assert "Figure 1c has test labels corrupted with the same p beside the true ones" in said


def test_a_grid_of_one_s_own_is_not_measured_against_the_paper() -> None:
    assert deviations(grid({}, {"seed": [0, 1]}, Demand(epochs=3)), None, Variant.PAPER) == ()


def test_precision_is_a_deviation() -> None:
    entries = plan(StudyName.FIGURE_1A, Scale.FULL, Variant.PAPER, 1, Precision.BF16)
    said = deviations(entries, Scale.FULL, Variant.PAPER)
    assert said[-1] == "Small Inception: bf16 matrix products."


def test_a_deviation_of_some_curves_names_them() -> None:
    said = deviations(plan(StudyName.FIGURE_2B, Scale.SMOKE), Scale.SMOKE, Variant.PAPER)
    (sentence,) = (s for s in said if s.startswith("Small Inception: "))
    general, *particular = sentence.rstrip(".").split("; ")
    assert "width 0.25" in general
    assert "learning rate 0.01" not in general
    assert "with batch norm: learning rate 0.01" in particular
    (without,) = (clause for clause in particular if clause.startswith("without batch norm"))
    assert "warm-up of 100 steps" in without
    assert "bn momentum" not in without, "it has none"


def test_what_most_curves_have_is_said_once() -> None:
    said = deviations(plan(StudyName.EVERYTHING, Scale.SMOKE), Scale.SMOKE, Variant.PAPER)
    (sentence,) = (s for s in said if s.startswith("Small Inception: 300"))
    assert sentence.count("learning rate 0.01") == 1
    names = [clause.split(": ")[0] for clause in sentence.split("; ")[1:]]
    assert all("batch norm" in name for name in names), "they alone have a setting of their own"


def test_a_grid_is_held_against_the_paper_s_setting_of_each_model() -> None:
    base = {"n_train": 1000, "randomization": "gaussian", "variant": "report", "decay": 1}
    axes = {"model": ["mlp-1x512", "inception"], "learning_rate": [0.01, 0.1]}
    said = deviations(grid(base, axes, Demand(epochs=3)), None, Variant.PAPER)
    both = "1,000 of 50,000 training images, randomization as in the report, constant learning rate"
    assert list(said) == [
        f"MLP 1×512: {both}; in some curves: learning rate 0.1.",
        f"Small Inception: {both}; in some curves: learning rate 0.01.",
    ]
    assert deviations(grid({}, {"seed": [1, 2]}, Demand(epochs=3)), None, Variant.PAPER) == ()


# ------------------------------------------------------------------------------------ grids


def test_a_grid_is_every_combination_for_each_seed() -> None:
    axes = {"batch_size": [32, 64], "learning_rate": [0.01, 0.1, 0.5]}
    entries = grid({"model": "mlp-1x512", "n_train": 1000}, axes, Demand(epochs=3), seeds=2)
    assert len(entries) == 12
    assert entries[0].role.series == "batch_size = 32, learning_rate = 0.01"
    assert {e.role.seed for e in entries} == {0, 1}


def test_seeds_of_a_grid_count_from_its_own_on() -> None:
    base = {"randomization": "random_labels", "seed": 5, "data_seed": 7}
    entries = grid(base, {}, Demand(epochs=3), seeds=3)
    seeds = [(e.spec.seed, e.spec.data_seed, e.role.seed) for e in entries]
    assert seeds == [(5, 7, 5), (6, 8, 6), (7, 9, 7)]


@pytest.mark.parametrize("field", ["seed", "data_seed"])
def test_seeds_and_an_axis_of_seeds_exclude_each_other(field: str) -> None:
    with pytest.raises(InvalidInput, match=f"seeds 2 is not allowed with an axis {field}"):
        grid({}, {field: [1, 2]}, Demand(epochs=3), seeds=2)


def test_auto_stands_for_the_study_s_precision() -> None:
    for base, axes in (({}, {}), ({"precision": "auto"}, {}), ({}, {"precision": ["auto"]})):
        (entry,) = grid(base, axes, Demand(epochs=3), precision=Precision.BF16)
        assert entry.spec.precision is Precision.BF16
    axes = {"precision": ["auto", "fp32", "bf16"]}
    assert len(grid({}, axes, Demand(epochs=3))) == 2


def test_combinations_that_are_the_same_run_are_planned_once() -> None:
    axes = {"randomization": ["true_labels"], "data_seed": [0, 1, 2]}
    assert len(grid({}, axes, Demand(epochs=3))) == 1


@pytest.mark.parametrize(
    ("base", "axes", "field"),
    [
        ({}, {"learning_rat": [0.1]}, "spec.learning_rat"),
        ({"model": "resnet"}, {}, "spec.model"),
        ({}, {"batch_size": [60, -1]}, "spec.batch_size"),
        ({"engine": 1}, {}, "spec.engine"),
    ],
)
def test_a_bad_grid_names_the_field(
    base: dict[str, object], axes: dict[str, list[object]], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        grid(base, axes, Demand(epochs=3))
    assert [error["field"] for error in caught.value.errors] == [field]


def test_steps_that_were_added_up_make_the_runs_that_they_are_shown_as() -> None:
    base = {"randomization": "corrupted_labels"}
    added, written = (
        grid(base, {"corruption": values}, Demand(epochs=1))
        for values in ([0.1 + 0.2, 7 * 0.1], [0.3, 0.7])
    )
    assert added == written
    assert added[0].role.series == "corruption = 0.3"


@pytest.mark.parametrize("axes", [{"seed": []}, {"seed": list(range(MAX_GRID + 1))}])
def test_an_empty_or_huge_grid_is_refused(axes: dict[str, list[object]]) -> None:
    with pytest.raises(InvalidInput, match="axes is not allowed"):
        grid({}, axes, Demand(epochs=3))


# -------------------------------------------------------------------------------- estimates


def test_expected_epochs_of_a_stop_rule_follow_the_corruption() -> None:
    entries = [e for e in full(StudyName.FIGURE_1BC) if e.spec.model == "inception"]
    epochs = {e.role.corruption: expected_epochs(e) for e in entries}
    assert (epochs[0.0], epochs[1.0]) == (10, 36)
    assert 20 < epochs[0.5] < 30
    assert {expected_epochs(e) for e in full(StudyName.FIGURE_1A)} == {64}


@pytest.mark.parametrize("scale", Scale)
def test_expected_epochs_are_those_of_the_scale_that_a_run_has_the_size_of(scale: Scale) -> None:
    for variant in Variant:
        for entry in plan(StudyName.FIGURE_1BC, scale, variant):
            assert scale_of(entry.spec) is scale
            true, random = SETTINGS[scale].expected_fit[entry.spec.model]
            low, high = sorted((true, random))
            assert low <= expected_epochs(entry) <= high


def test_a_run_of_no_scale_s_size_is_expected_to_fit_as_at_full_scale() -> None:
    spec = RunSpec(model="inception", n_train=300, width=0.25, batch_size=32)
    assert scale_of(spec) is Scale.FULL
    demand = Demand(epochs=100, stop=StopRule(train_loss=0.05))
    assert expected_epochs(planned(spec, demand, "custom", "base")) == 10


def test_a_chosen_criterion_of_1b_and_1c_is_a_deviation() -> None:
    chosen = CRITERIA["loss-0.1"]
    words = "Criterion: training loss below 0.1, in place of each model's own."
    for name in (StudyName.FIGURE_1BC, StudyName.EVERYTHING):
        entries = plan(name, Scale.FULL, criterion=chosen)
        assert words in deviations(entries, Scale.FULL, Variant.PAPER, chosen)
        assert words not in deviations(entries, Scale.FULL, Variant.PAPER)
    others = full(StudyName.FIGURE_1A)
    assert words not in deviations(others, Scale.FULL, Variant.PAPER, chosen)
