"""Studies of a user's own model, dataset or randomization."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from backend.studies.schemas import StudyRequest
from core.catalogue import Dataset, Model, datasets, models
from core.paper.deviations import deviations
from core.paper.panel import Provenance, Series
from core.paper.panels.entries import Entry, Part, StoredRun, provenance
from core.paper.panels.frame import _give_colors
from core.paper.plans import Plan
from core.paper.race import Lane
from core.paper.scales import SMOKE, Scale, fields_of
from core.paper.studies import StudyName, Subject, plan, race
from core.run.errors import InvalidInput
from core.run.lifecycle import RunState
from core.run.spec import RunSpec, Variant
from tests.core.storage.test_runs import epoch


@pytest.fixture
def add() -> Iterator[Callable[..., str]]:
    def small(train: int, test: int, **fields: Any) -> str:
        shape = {"channels": 3, "height": 32, "width": 32}
        sizes = {"train_size": train, "test_size": test}
        named = {"name": "small@1", "title": "Small", "class_names": ("a", "b")}
        return datasets.add(Dataset(**named | shape | sizes | fields)).name

    yield small
    datasets.remove("small@1")


@pytest.mark.parametrize("scale", [Scale.SMOKE, Scale.QUICK])
@pytest.mark.parametrize("model", ["mlp-1x512", "alexnet"])
def test_a_race_on_a_few_images_takes_them_all(
    add: Callable[..., str], model: str, scale: Scale
) -> None:
    entries = race(Subject(model, add(12, 5)), scale, Variant.PAPER, 1)
    for spec in (entry.spec for entry in entries):
        assert (spec.n_train, spec.n_test, spec.batch_size) == (None, None, 12)


def test_on_many_images_a_scale_takes_as_many_as_of_cifar10(add: Callable[..., str]) -> None:
    entries = race(Subject("mlp-1x512", add(9000, 500)), Scale.SMOKE, Variant.PAPER, 1)
    assert {(e.spec.n_train, e.spec.n_test) for e in entries} == {(2000, None)}


def plan_of(**subject: Any) -> Plan:
    return plan(StudyName.RACE, Scale.FULL, subject=Subject(**subject))


def test_what_cannot_be_trained_is_refused_in_a_sentence(add: Callable[..., str]) -> None:
    name = add(100, 50, channels=1, height=10, width=10)
    odd = {"learning_rate": 0.1, "batch_size": 10, "hue": 0.1}
    models.add(Model(name="odd", title="Odd", network="a:b", defaults=odd))
    try:
        with pytest.raises(InvalidInput, match="hue is not allowed with Small"):
            plan_of(model="odd", dataset=name)
    finally:
        models.remove("odd")


def test_noise_of_one_dataset_is_refused_for_another(add: Callable[..., str]) -> None:
    assert plan_of(randomization="asymmetric_noise")
    with pytest.raises(ValidationError, match="asymmetric_noise is not allowed with Small"):
        RunSpec(dataset=add(100, 50), randomization="asymmetric_noise", corruption=0.4)


def test_no_study_begins_on_images_that_are_gone(add: Callable[..., str]) -> None:
    name = add(100, 50, removed=True)
    with pytest.raises(ValidationError, match="dataset small@1 is not allowed: it was removed"):
        StudyRequest(study=StudyName.RACE, dataset=name)


def test_a_race_is_of_labels() -> None:
    with pytest.raises(InvalidInput, match="leaves all labels true, use figure-1bc"):
        plan_of(randomization="partly_shuffled_pixels")


def test_a_lane_is_called_by_its_own_noise() -> None:
    _, noisy = plan_of(randomization="symmetric_noise")
    assert Lane(planned=noisy).labels == "labels with symmetric noise"


def test_what_a_model_says_of_a_scale_lies_on_top_of_what_all_have() -> None:
    reduced = {"smoke": {"n_train": 500}}
    defaults = {"learning_rate": 0.1, "batch_size": 10}
    models.add(Model(name="odd", title="Odd", network="a:b", defaults=defaults, reduced=reduced))
    try:
        assert fields_of("odd", Scale.SMOKE) == SMOKE.others | {"n_train": 500}
    finally:
        models.remove("odd")


def test_a_model_is_given_what_it_understands_of_batch_norm_alone() -> None:
    defaults = {"learning_rate": 0.1, "batch_size": 10, "batch_norm": "all"}
    read = frozenset({"batch_norm"})
    models.add(Model(name="odd", title="Odd", network="a:b", defaults=defaults, understands=read))
    try:
        assert RunSpec(model="odd").bn_momentum is None
    finally:
        models.remove("odd")


def trained_with(*plugins: dict[str, str]) -> Provenance:
    """What a figure of one run each tells."""
    entries = []
    for seed, each in enumerate(plugins):
        entry = replace(plan_of()[0], spec=RunSpec(n_train=1000, seed=seed))
        run = StoredRun(
            id=str(seed),
            spec_hash=entry.spec.hash(),
            state=RunState.SUCCEEDED,
            outcome=None,
            curve=[epoch(1)],
            parts=[Part({"device": "cpu", "plugins": each})],
        )
        entries.append(Entry(entry, run))
    return provenance(entries, "")


def test_runs_of_a_plugin_and_of_none_are_of_one_kind_but_not_those_of_two_versions() -> None:
    first, second = {"model a": "1"}, {"model a": "2"}
    assert not trained_with({}, first, {"model b": "2"}).mixed
    assert trained_with(first, second).mixed


def test_a_condition_without_a_colour_takes_one_that_no_other_has() -> None:
    found = [
        Series(key=key, label=key, measure="m", x=[0], y=[0])
        for key in ("own", "inception", "alexnet")
    ]
    _give_colors(found, named=False)
    assert [series.color for series in found] == [2, 0, 1]


def test_a_network_of_ones_own_is_not_told_what_the_paper_lacks_of_its_own() -> None:
    defaults = {"learning_rate": 0.1, "batch_size": 10}
    models.add(Model(name="odd", title="Odd", network="a:b", defaults=defaults))
    try:
        subject = Subject("odd", randomization="symmetric_noise")
        entries = plan(StudyName.FIGURE_1BC, Scale.FULL, subject=subject)
        assert deviations(entries, Scale.FULL, Variant.PAPER) == (
            "Odd: symmetric noise in place of random labels.",
        )
    finally:
        models.remove("odd")
