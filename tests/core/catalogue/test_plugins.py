"""Plugins: files in the home that add descriptors, and what becomes of those that fail."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.catalogue import models, plugins
from core.run.spec import RunSpec

LINEAR = """
from core.catalogue import Model, models

def build(spec):
    from torch import nn
    info = spec.dataset_info
    return nn.Sequential(nn.Flatten(), nn.Linear(spec.crop**2 * info.channels, info.classes))

models.add(Model(name="linear", title="Linear", network=build,
                 defaults={"learning_rate": 0.1, "batch_size": 10}))
"""


@pytest.fixture
def folder(home: Path) -> Iterator[Path]:
    (home / "plugins").mkdir()
    yield home / "plugins"
    plugins.forget(home)


def test_a_file_in_the_home_adds_a_model(folder: Path) -> None:
    (folder / "linear.py").write_text(LINEAR)
    (plugin,) = plugins.load(folder.parent)
    assert (plugin.adds, plugin.fault) == (("model linear",), "")
    assert models["linear"].title == "Linear"
    assert RunSpec(model="linear").learning_rate == 0.1
    assert plugins.origins("linear") == {"model linear": plugin.sha256}


def test_without_the_file_its_model_is_not_known(folder: Path) -> None:
    with pytest.raises(ValidationError, match="should be one of inception, alexnet"):
        RunSpec(model="linear")
    assert plugins.load(folder.parent) == []


def test_a_plugin_that_fails_costs_itself_alone(folder: Path) -> None:
    (folder / "a.py").write_text("1 / 0")
    (folder / "b.py").write_text(LINEAR)
    (folder / "c.py").write_text(LINEAR.replace("Linear", "Another"))
    faults = [plugin.fault for plugin in plugins.load(folder.parent)]
    assert faults[0].startswith("ZeroDivisionError")
    assert faults[1] == ""
    assert faults[2] == "ValueError: model 'linear' is there already: choose another name"
    assert models["linear"].title == "Linear"


def test_a_plugin_is_loaded_once(folder: Path) -> None:
    (folder / "linear.py").write_text(LINEAR)
    assert plugins.load(folder.parent) == plugins.load(folder.parent)
