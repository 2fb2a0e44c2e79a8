"""Presets: full specs with a name, which say what was chosen where the paper says nothing."""

import pytest

from core.paper.choices import unstated
from core.paper.presets import Preset, all_presets
from core.paper.scales import WITHOUT_BN, Scale
from core.paper.studies import StudyName, plan
from core.run.spec import BatchNorm, RunSpec, Variant

PRESETS = {preset.name: preset for preset in all_presets()}


def test_no_two_presets_are_the_same() -> None:
    assert len(PRESETS) == len({p.title + p.name[:6] for p in all_presets()}) == len(all_presets())
    assert len({p.spec.hash() for p in all_presets()}) == len(all_presets())


def test_only_what_is_quick_is_called_so() -> None:
    groups = {name: preset.group for name, preset in PRESETS.items()}
    assert {name for name, group in groups.items() if group == "quick"} == {"demo", "memorise"}
    assert groups["published-alexnet-true-labels"] == "paper"
    assert all((group == "report") == name.startswith("report-") for name, group in groups.items())


@pytest.mark.parametrize("labels", ["true_labels", "random_labels"])
def test_inception_without_batch_norm_has_the_setting_that_trains(labels: str) -> None:
    spec = PRESETS[f"paper-inception-without-bn-{labels.replace('_', '-')}"].spec
    assert (spec.batch_norm, spec.randomization) == (BatchNorm.NONE, labels)
    assert {field: getattr(spec, field) for field in WITHOUT_BN} == WITHOUT_BN
    rows = {e.spec for e in plan(StudyName.EVERYTHING, Scale.FULL)}
    assert spec in rows, "a run that Figure 2b or Table 1 can use"


def test_the_report_s_presets_differ_from_the_paper_s_in_batch_size_and_pixels() -> None:
    theirs = {name: p.spec for name, p in PRESETS.items() if name.startswith("report-")}
    assert {spec.batch_size for spec in theirs.values()} == {60}
    for name, spec in theirs.items():
        paper = PRESETS[name.replace("report-", "paper-")].spec
        pixels = spec.randomization in ("random_pixels", "gaussian")
        assert (spec.variant, paper.variant) == (
            (Variant.REPORT, Variant.PAPER) if pixels else (None, None)
        )
        same = {"batch_size", "decay_steps", "variant"}
        assert spec.model_dump(exclude=same) == paper.model_dump(exclude=same)
        assert spec.decay_steps == spec.steps_per_epoch, "a decay after each epoch, as the paper's"


@pytest.mark.parametrize("preset", all_presets(), ids=lambda preset: preset.name)
def test_a_preset_says_what_the_paper_leaves_open(preset: Preset) -> None:
    said = "; ".join(preset.choices)
    without_bn = preset.spec.batch_norm is BatchNorm.NONE
    assert ("He's initial weights" if without_bn else "initial weights as PyTorch") in said
    if preset.spec.bn_momentum is not None:
        assert "has weight 0.1 in batch norm's running statistics" in said
        assert "eps 0.001" in said
    if preset.name.startswith("report-"):
        assert "batch size" not in said, "the report's choice and not ours"
    else:
        assert f"batch size {preset.spec.batch_size}" in said


def test_a_value_of_somebody_s_own_is_not_called_our_choice() -> None:
    own = RunSpec(model="alexnet", batch_size=32, initialisation="xavier_uniform")
    assert unstated(own) == []
