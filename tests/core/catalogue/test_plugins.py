"""Plugins: files in the home that add descriptors, and what becomes of those that fail."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.catalogue import models, panels, plugins, randomizations
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
    assert plugins.origins(model="linear", randomization="x") == {"model linear": plugin.sha256}


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


NOISE = """
from core.catalogue import Randomization, randomizations
randomizations.add(Randomization(name="linear", title="t", touches="labels", apply="a.b:c"))
"""
PANEL = """
from core.catalogue import PanelType, panels
panels.add(PanelType(name="own", title="t", build="a.b:c"))
"""


@pytest.mark.parametrize(
    ("text", "was", "mistaken", "told"),
    [
        (LINEAR, 'title="Linear"', 'tittle="Linear"', "tittle"),
        (LINEAR, 'name="linear"', 'name="My Net"', "name: String should match"),
        (LINEAR, '"learning_rate": 0.1', '"lr": 0.1', "defaults 'lr' is not allowed"),
        (LINEAR, '"learning_rate": 0.1, ', "", "must have learning_rate"),
        (LINEAR, '"learning_rate": 0.1', '"learning_rate": -1', "learning_rate -1 is not allowed"),
        (LINEAR, "network=", 'criterion="accuracy-97", network=', "criterion 'accuracy-97'"),
        (LINEAR, "network=", 'reduced={"tiny": {}}, network=', "reduced 'tiny' is not allowed"),
        (LINEAR, "network=", 'reduced={"smoke": {"n": 5}}, network=', "n is not a known field"),
        (LINEAR, "network=", "color=9, network=", "color"),
        (NOISE, '"labels"', '"label"', "touches"),
        (NOISE, ', apply="a.b:c"', "", "apply is required"),
        (NOISE, 'title="t"', 'title="t", uses={"p"}', "uses"),
        (PANEL, 'title="t"', 'title="t", study="figure-9"', "study 'figure-9' is not allowed"),
        (PANEL, 'title="t"', 'title="t", kind="bars"', "kind"),
    ],
)
def test_a_mistake_in_a_descriptor_is_its_plugins_fault(
    folder: Path, text: str, was: str, mistaken: str, told: str
) -> None:
    assert was in text
    (folder / "a.py").write_text(text.replace(was, mistaken))
    (plugin,) = plugins.load(folder.parent)
    assert told in plugin.fault
    assert plugin.adds == ()
    assert not {"linear", "own", "My Net"} & {*models, *randomizations, *panels}


def test_what_a_plugin_added_before_it_failed_is_taken_out(folder: Path) -> None:
    (folder / "a.py").write_text(LINEAR + "\nraise SystemExit(3)")
    (folder / "b.py").mkdir()
    first, second = plugins.load(folder.parent)
    assert (first.adds, first.fault) == ((), "SystemExit: 3")
    assert second.fault.startswith("IsADirectoryError")
    assert "linear" not in models


def test_what_a_plugin_prints_is_no_output_of_a_command(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.py").write_text(LINEAR + "\nprint('hello')")
    plugins.load(folder.parent)
    assert capfd.readouterr().out == ""


def test_a_model_and_a_randomization_may_have_one_name(folder: Path) -> None:
    (folder / "a.py").write_text(LINEAR)
    (folder / "b.py").write_text(NOISE)
    model, noise = plugins.load(folder.parent)
    assert plugins.origins(model="linear", randomization="gaussian") == {
        "model linear": model.sha256
    }
    assert noise.adds == ("randomization linear",)


def test_no_descriptor_takes_the_place_of_a_built_in_one() -> None:
    """Not even one that is added before anything was looked up."""
    code = (
        "from core.catalogue import Model, models\n"
        "try:\n"
        "    models.add(Model(name='alexnet', title='x', network='a:b', defaults={}))\n"
        "except ValueError as error:\n"
        "    print(error)\n"
        "print(models['alexnet'].title)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "model 'alexnet' is there already: choose another name",
        "Small AlexNet",
    ]
