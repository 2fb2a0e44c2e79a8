"""One file is enough: the plugins of docs/plugins.md in a home, from the form to the PDF."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import ROOT, Server, Watched, eventually
from worker.datasets.images import ImageDataset

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs/plugins.md").read_text(), flags=re.S)
NETWORK = """
from core.catalogue import Model, models

def build(spec):
    from torch import nn
    info = spec.dataset_info
    return nn.Sequential(
        nn.Conv2d(info.channels, 4, 5, stride=4), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
        nn.Linear(4 * ((spec.crop - 5) // 4 + 1) ** 2, info.classes),
    )

models.add(Model(name="tiny-cnn", title="A tiny network", network=build,
                 defaults={"learning_rate": 0.05, "batch_size": 50},
                 reduced={"smoke": {"n_train": 200, "n_test": 100, "decay": 1.0}}))
"""


def block(marker: str) -> str:
    """The example of the guide that has `marker` in it."""
    [found] = [code for code in BLOCKS if marker in code]
    return found


@pytest.fixture(scope="module")
def server(
    cifar10: ImageDataset,  # noqa: ARG001
    data_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """A server with three plugins: a network, and the guide's randomization and panel."""
    home = tmp_path_factory.mktemp("home")
    (home / "datasets").symlink_to(data_home / "datasets")
    (home / "plugins").mkdir()
    (home / "plugins/net.py").write_text(NETWORK)
    (home / "plugins/rotated.py").write_text(block('name="rotated"'))
    (home / "plugins/online.py").write_text(block("online-loss"))
    (home / "plugins/broken.py").write_text("import nothing_of_this_name")
    started = Server(home)
    yield started
    started.close()


def finished(server: Server, run_id: str) -> dict[str, object]:
    eventually(lambda: server.run(run_id)["state"] not in ("QUEUED", "RUNNING"), 60)
    return server.run(run_id)


def rethink(server: Server, *arguments: str) -> str:
    """What the command line says in this server's home."""
    environment = {"RETHINK_HOME": str(server.home), "PATH": "/usr/bin:/bin", "COLUMNS": "400"}
    command = [sys.executable, "-m", "rethink", *arguments]
    answer = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return answer.stdout


def test_a_model_is_in_form_command_line_plan_figure_and_pdf(
    server: Server,
    page: Page,
    watched: Watched,  # noqa: ARG001
) -> None:
    page.goto(f"{server.url}/#/launch")
    model = page.get_by_label("Model", exact=True)
    expect(model.locator("option[value='tiny-cnn']")).to_have_text(re.compile("A tiny network"))
    model.select_option("tiny-cnn")
    expect(page.get_by_label("Batch normalisation")).to_be_hidden()
    assert "A tiny network" in rethink(server, "models")

    run = finished(
        server, server.launch(2, model="tiny-cnn", width=1.0, n_train=200, batch_size=50)
    )
    assert (run["state"], run["epochs_done"], run["error"]) == ("SUCCEEDED", 2, None)
    page.goto(f"{server.url}/#/runs/{run['id']}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("A tiny network")

    request = {"study": "figure-1bc", "scale": "smoke", "model": "tiny-cnn"}
    plan = server.api.post("/studies/plan", json=request).json()
    assert (plan["runs_needed"], plan["seconds"] > 0) == (11, True)
    study = server.api.post("/studies", json=request).json()["id"]
    figure = server.api.get("/figures/1b", params={"study": study}).json()
    assert [s["label"] for s in figure["series"]] == ["A tiny network"]
    assert figure["verdict"]["state"] == "not comparable"
    pdf = server.api.get("/figures/1b.pdf", params={"study": study})
    assert pdf.content.startswith(b"%PDF")
    page.goto(f"{server.url}/#/figures")
    page.locator("study-list").get_by_role("link").first.click()
    page.wait_for_url(f"**/#/figures/1b?study={study}")
    page.get_by_role("button", name=re.compile("^Cancel")).click()
    eventually(
        lambda: server.api.get(f"/studies/{study}").json()["state"] in ("cancelled", "complete"), 30
    )


def test_a_randomization_is_in_form_command_line_grid_figure_and_pdf(
    server: Server, page: Page
) -> None:
    page.goto(f"{server.url}/#/launch")
    choice = page.get_by_label("Randomization", exact=True)
    expect(choice.locator("option[value=rotated]")).to_have_text("Rotated pixels")
    assert "rotated" in rethink(server, "run", "--help")

    run = finished(server, server.launch(2, randomization="rotated"))
    assert (run["state"], run["epochs_done"], run["error"]) == ("SUCCEEDED", 2, None)
    told = run["attempts"][0]["provenance"]
    assert list(told["plugins"]) == ["randomization rotated"]

    grid = {"base": {"n_train": 500, "n_test": 200}, "epochs": 2}
    grid |= {"axes": {"randomization": ["true_labels", "rotated"]}}
    plan = server.api.post("/studies/plan", json={"study": "custom", "grid": grid}).json()
    assert plan["runs_needed"] == 2
    page.goto(f"{server.url}/#/compare?run={run['id']}")
    expect(page.locator("compare-table")).to_contain_text("otated pixels")
    pdf = server.api.get("/figures/atlas.pdf", params={"run": run["id"]})
    assert pdf.content.startswith(b"%PDF")


def test_a_panel_has_a_tab_and_is_drawn(
    server: Server,
    page: Page,
    watched: Watched,  # noqa: ARG001
) -> None:
    run = finished(server, server.launch(2, seed=3))
    query = {"run": run["id"]}
    answer = server.api.get("/figures/online-loss", params=query)
    assert answer.is_success, answer.text
    panel = answer.json()
    assert [len(series["y"]) for series in panel["series"]] == [2]
    pdf = server.api.get("/figures/online-loss.pdf", params=query)
    assert pdf.content.startswith(b"%PDF")
    page.goto(f"{server.url}/#/figures/online-loss")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Loss of the batches")
    expect(page.get_by_role("link", name="Online loss")).to_be_visible()


def test_a_plugin_that_fails_is_told_of(server: Server) -> None:
    listed = server.api.get("/capabilities").json()["plugins"]
    [broken] = [plugin for plugin in listed if plugin["fault"]]
    assert broken["source"].endswith("broken.py")
    assert "nothing_of_this_name" in broken["fault"]


def test_what_no_plugin_adds_is_refused_in_words(server: Server) -> None:
    answer = server.api.post("/runs", json={"spec": {"model": "late"}, "epochs": 1})
    assert answer.status_code == 422
    assert "'late' is not allowed: it should be one of" in answer.json()["detail"]
