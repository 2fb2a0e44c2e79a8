"""A spec is canonical by construction, and its hash is the run's identity."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.catalogue import models, randomizations
from core.run.errors import invalid_input
from core.run.spec import ENGINE, Precision, RunSpec, SpecRequest


def test_corruption_at_its_ends_has_the_name_of_the_end() -> None:
    none = RunSpec(randomization="corrupted_labels", corruption=0)
    full = RunSpec(randomization="corrupted_labels", corruption=1)
    assert none == RunSpec(randomization="true_labels")
    assert full == RunSpec(randomization="random_labels")
    assert full.label_corruption == 1


@pytest.mark.parametrize(
    ("asked", "same_as"),
    [
        ({"n_train": 50_000, "n_test": 10_000}, {}),
        ({"data_seed": 5}, {}),  # nothing is drawn for true labels
        ({"subset_seed": 5}, {}),  # nor without a subset
        ({"variant": "report"}, {}),
        (
            {"randomization": "random_labels", "variant": "report"},
            {"randomization": "random_labels"},
        ),
        ({"decay": 1, "decay_steps": 7}, {"decay": 1}),
        ({"learning_rate": None}, {"learning_rate": 0.01}),
    ],
)
def test_a_field_without_effect_does_not_change_the_identity(
    asked: dict[str, object], same_as: dict[str, object]
) -> None:
    assert RunSpec(**asked).hash() == RunSpec(**same_as).hash()


@pytest.mark.parametrize("field", ["corruption", "learning_rate", "width", "dropout"])
def test_numbers_have_twelve_significant_digits(field: str) -> None:
    labels = {"randomization": "corrupted_labels", "corruption": 0.5}
    plain, summed = (RunSpec(**{**labels, field: value}) for value in (0.3, 0.1 + 0.2))
    assert summed.hash() == plain.hash()
    assert getattr(summed, field) == 0.3
    assert RunSpec(**{**labels, field: 0.300000000001}).hash() != plain.hash()


def test_what_is_rounded_is_within_the_limits_and_canonical() -> None:
    end = {"randomization": "corrupted_labels", "corruption": 1 + 2**-52}
    assert RunSpec(**end) == RunSpec(randomization="random_labels")
    with pytest.raises(ValidationError, match="less than 1"):
        RunSpec(momentum=1 - 2**-53)


@given(st.integers(10**11, 10**12 - 1), st.integers(-15, -12))
def test_a_number_as_people_write_it_is_hashed_as_it_is(digits: int, exponent: int) -> None:
    value = float(f"{digits}e{exponent}")
    spec = RunSpec(learning_rate=value)
    assert f'"learning_rate":{value!r},' in spec.canonical_json()


@pytest.mark.parametrize("model", list(models))
def test_no_default_is_rounded(model: str) -> None:
    values = RunSpec(model=model).model_dump(mode="json")
    assert json.loads(RunSpec(**values).canonical_json()).items() <= values.items()
    assert all(v == float(f"{v:.12g}") for v in values.values() if isinstance(v, float))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"n_train": 1000},
        {"randomization": "shuffled_pixels"},
        {"width": 0.5},
        {"weight_decay": 1e-3},
        {"replicate": 1},
        {"precision": "bf16"},
        {"model": "alexnet"},
        {"warmup_steps": 100},
    ],
)
def test_a_field_with_effect_changes_the_identity(change: dict[str, object]) -> None:
    assert RunSpec(**change).hash() != RunSpec().hash()


def test_the_variant_counts_where_it_has_an_effect() -> None:
    for name in ("random_pixels", "gaussian"):
        paper = RunSpec(randomization=name, variant="paper")
        assert paper.hash() != RunSpec(randomization=name, variant="report").hash()


def test_the_identity_is_the_same_in_every_process_and_version() -> None:
    # A changed value here orphans every stored run: only a new ENGINE may do that.
    assert ENGINE == 5
    assert RunSpec().hash().startswith("5e39f90333f6f1cf")
    assert (
        RunSpec(model="inception", randomization="random_labels")
        .hash()
        .startswith("c4ac78ec43dcbe3d")
    )


def test_the_paper_s_settings_are_filled_in_by_model() -> None:
    inception = RunSpec(model="inception")
    assert (inception.learning_rate, inception.batch_size) == (0.1, 128)
    assert inception.decay_steps == inception.steps_per_epoch == 391
    assert inception.batch_norm == "all"
    mlp = RunSpec(model="mlp-1x512")
    assert (mlp.learning_rate, mlp.batch_size, mlp.decay_steps) == (0.01, 60, 834)


def test_the_decay_interval_does_not_shrink_with_the_training_set() -> None:
    # With a decay after each small epoch the learning rate is gone before anything fits.
    assert RunSpec(n_train=1000).decay_steps == RunSpec().decay_steps


@pytest.mark.parametrize("text", ["60", "60.0", 60.0])
def test_the_interval_of_the_decay_follows_the_batch_size_however_it_is_written(
    text: object,
) -> None:
    spec = RunSpec.model_validate({"batch_size": text})
    assert (spec.batch_size, spec.decay_steps) == (60, 834)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "resnet"}, "spec.model 'resnet' is not allowed"),
        (
            {"randomization": "corrupted_labels", "corruption": 1.5},
            "spec.corruption 1.5 is not allowed: it should be less than or equal to 1",
        ),
        ({"randomization": "corrupted_labels"}, "spec.corruption is required"),
        ({"corruption": 0.3}, "spec.corruption 0.3 is not allowed with randomization true_labels"),
        ({"batch_size": 0}, "spec.batch_size 0 is not allowed"),
        ({"batch_size": 200, "n_train": 100}, "spec.batch_size 200 is not allowed"),
        ({"batch_size": "many"}, "spec.batch_size 'many' is not allowed"),
        ({"learning_rate": float("nan")}, "spec.learning_rate nan is not allowed"),
        ({"learning_rate": float("inf")}, "spec.learning_rate inf is not allowed"),
        ({"n_train": 50_001}, "spec.n_train 50001 is not allowed: CIFAR-10 has 50000"),
        ({"crop": 40}, "spec.crop 40 is not allowed"),
        ({"dataset": "mnist"}, "spec.dataset 'mnist' is not allowed: it should be one of cifar10"),
        ({"droput": 0.5}, "spec.droput is not a known field"),
        ({"batch_norm": "all"}, "spec.batch_norm is not allowed with model mlp-1x512"),
        (
            {"model": "inception", "batch_norm": "none", "bn_eps": 0.01},
            "spec.bn_momentum and bn_eps are not allowed with batch_norm none",
        ),
        (
            {"randomization": "random_pixels", "random_flip": True},
            "spec.random_flip is not allowed with randomization random_pixels: its pixels are "
            "fixed for the whole run, switch augmentation off or randomize labels instead",
        ),
        ({"randomization": "shuffled_pixels", "hue": 0.1}, "spec.hue is not allowed"),
        ({"randomization": "gaussian", "random_crop": True}, "spec.random_crop is not allowed"),
        ({"engine": ENGINE + 1}, f"spec.engine {ENGINE + 1} is not allowed"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RunSpec(**fields)
    assert invalid_input(caught.value, prefix=("spec",)).message.startswith(message)


@pytest.mark.parametrize("labels", ["true_labels", "random_labels", "corrupted_labels"])
def test_randomized_labels_may_be_augmented(labels: str) -> None:
    p = 0.5 if labels == "corrupted_labels" else None
    assert RunSpec(randomization=labels, corruption=p, random_crop=True, hue=0.1).augments


def test_no_flag_is_swallowed_by_a_model_that_has_no_use_for_it() -> None:
    # Other reproductions lost use_bn and dropout on the way, without a word.
    for model in ("alexnet", "mlp-1x512", "mlp-3x512"):
        with pytest.raises(ValidationError, match="only inception reads it"):
            RunSpec(model=model, batch_norm="none")


def test_automatic_precision_is_resolved_before_a_spec_is_stored() -> None:
    request = SpecRequest(model="alexnet")
    assert request.resolve(Precision.BF16) == RunSpec(model="alexnet", precision="bf16")
    asked = SpecRequest(model="alexnet", precision="fp32")
    assert asked.resolve(Precision.BF16).precision == Precision.FP32


specs = st.builds(
    RunSpec,
    model=st.sampled_from(list(models)),
    randomization=st.sampled_from(
        [r.name for r in randomizations.values() if "corruption" not in r.uses]
    ),
    n_train=st.none() | st.integers(200, 50_000),
    seed=st.integers(0, 99),
    data_seed=st.integers(0, 99),
    width=st.floats(0.05, 4),
    dropout=st.floats(0, 0.9),
    decay=st.floats(0.5, 1),
)


@given(specs)
def test_stored_json_gives_the_same_spec_back(spec: RunSpec) -> None:
    for stored in (spec.canonical_json(), spec.model_dump_json()):
        assert RunSpec.model_validate_json(stored) == spec
    assert list(json.loads(spec.canonical_json())) == sorted(json.loads(spec.canonical_json()))
