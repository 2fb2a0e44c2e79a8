"""From an empty home to a figure that fills while it is watched, and into a paper."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Server, Watched, eventually
from worker.datasets.images import ImageDataset

HOSTILE = "<img src=x onerror='window.pwned=1'> & 100%{x}"
DRAWN = """() => {
  const plot = document.querySelector("panel-chart .plot");
  const ours = (plot?.data ?? []).filter(({ meta }) => meta.source === "ours" && !meta.edge);
  return ours.map(({ meta, x }) => [meta.key, x.length]);
}"""
SOURCES = """() => {
  const plot = document.querySelector("panel-chart .plot");
  return [...new Set((plot?.data ?? []).map(({ meta }) => meta.source))].sort();
}"""


@pytest.fixture(scope="module")
def server(
    cifar10: ImageDataset,  # noqa: ARG001
    data_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """A server of this module alone: its figures begin empty, and other tests have their own."""
    home = tmp_path_factory.mktemp("figures")
    (home / "datasets").symlink_to(data_home / "datasets")
    started = Server(home)
    yield started
    started.close()


@pytest.fixture(scope="module")
def tiny(server: Server) -> str:
    """A complete grid of two small MLPs, with a hostile title; its id."""
    base = {"model": "mlp-1x512", "n_train": 500, "n_test": 200, "width": 0.25}
    axes = {"randomization": ["true_labels", "random_labels"]}
    body = {"study": "custom", "title": HOSTILE, "grid": {"base": base, "axes": axes, "epochs": 2}}
    answer = server.api.post("/studies", json=body)
    assert answer.is_success, answer.text
    study_id = str(answer.json()["id"])
    eventually(lambda: _study(server, study_id)["state"] == "complete", 60)
    return study_id


def _study(server: Server, study_id: str) -> dict[str, Any]:
    return dict(server.api.get(f"/studies/{study_id}").json())


def _points(page: Page) -> int:
    """Points of the longest curve of ours."""
    return max((length for _, length in page.evaluate(DRAWN)), default=0)


@pytest.mark.timeout(240)
def test_a_figure_is_planned_launched_watched_and_downloaded(
    page: Page, server: Server, tmp_path: Path
) -> None:
    page.get_by_role("link", name="Figures").click()
    card = page.locator("panel-card[data-panel='1a']")
    expect(card).to_contain_text("No runs yet; 5 runs needed")
    card.get_by_role("button", name=re.compile(r"Run Figure 1a: 5 runs, about \d")).click()

    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(re.compile(r"About .+ \(.+\)"))
    expect(dialog.get_by_text("Runs needed").locator("xpath=..")).to_contain_text("5")
    assert server.api.get("/runs").json()["total"] == 0, "a plan stores nothing"
    dialog.get_by_role("button", name="Launch 5 runs").click()
    expect(card).to_contain_text("Live, 0 of 5 runs complete")
    expect(card.get_by_role("button")).to_have_count(0)
    study = page.locator("study-list .study", has_text="Figure 1a")
    expect(study).to_contain_text("0 of 5 runs")

    card.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Figure 1a: training loss")
    eventually(lambda: _points(page) >= 1, 90)
    seen = _points(page)
    page.evaluate(
        "Plotly.relayout(document.querySelector('panel-chart .plot'), "
        "{'xaxis.range[0]': 0, 'xaxis.range[1]': 7})"
    )
    eventually(lambda: _points(page) > seen, 90)
    read = "document.querySelector('panel-chart .plot').layout.xaxis.range"
    assert page.evaluate(read) == [0, 7], "zoom is kept while the curve grows"
    assert page.evaluate(SOURCES) == ["ours", "paper"]
    expect(page.locator("panel-chart")).to_contain_text("Reduced scale (smoke)")
    expect(page.locator("panel-verdict")).to_contain_text("Not comparable")

    with (_download(page, "CSV", tmp_path)).open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "ours"]
    assert {row["measure"] for row in rows} == {"train_loss"}
    assert [float(row["x"]) for row in rows if row["condition"] == "true_labels"][:2] == [1, 2]
    assert "<svg" in _download(page, "SVG", tmp_path).read_text()[:1000]

    page.get_by_role("link", name="Figures").first.click()
    study.get_by_role("button", name="Cancel").click()
    page.get_by_text("1 earlier study").click()
    expect(study).to_contain_text("Cancelled")
    expect(card.get_by_role("button")).to_contain_text("Run")


def _download(page: Page, format: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("link", name=f"Download the figure as {format}", exact=True).click()
    assert re.fullmatch(
        r"rethink-figure-1a-smoke-paper-[0-9a-f]{8}\.\w+", download.value.suggested_filename
    )
    place = folder / download.value.suggested_filename
    download.value.save_as(place)
    return place


def test_a_grid_of_ones_own_has_its_curves_its_table_and_its_runs(
    page: Page, server: Server, tiny: str
) -> None:
    page.goto(f"{server.url}/#/figures")
    page.get_by_text("earlier stud").click()
    page.get_by_role("link", name=HOSTILE).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("all runs of the study")
    expect(page.locator("panel-view .panel-head")).to_contain_text("Complete, 2 runs")
    eventually(lambda: _points(page) == 2, 20)
    page.get_by_text("View as table").click()
    expect(page.locator("panel-table tbody tr")).to_have_count(2)
    page.get_by_text("The 2 runs with the hashes").click()
    page.locator("panel-provenance tbody a").first.click()
    page.wait_for_url("**/#/runs/*")
    assert page.evaluate("window.pwned") is None
    assert _study(server, tiny)["state"] == "complete"


def test_the_paper_and_the_axis_have_keys_and_stay_in_the_address(
    page: Page, server: Server
) -> None:
    page.goto(f"{server.url}/#/figures/1b?scale=full&variant=paper&seeds=2")
    eventually(lambda: page.evaluate(SOURCES) == ["ours", "paper"], 20)
    page.keyboard.press("p")
    eventually(lambda: page.evaluate(SOURCES) == ["ours"], 5)
    page.keyboard.press("l")
    read = "document.querySelector('panel-chart .plot').layout.yaxis.type"
    eventually(lambda: page.evaluate(read) == "log", 5)
    with page.expect_request("**/studies/plan") as asked:
        page.get_by_label("A run has fitted at").select_option("loss-0.1")
    assert asked.value.post_data_json["criterion"] == "loss-0.1", "what the button would run"
    expect(page.locator("panel-chart")).to_contain_text("training loss below 0.1")
    expect(page.get_by_label("Single seeds")).to_be_visible()
    for part in ("references=no", "log=y", "criterion=loss-0.1", "seeds=2"):
        assert part in page.url
    page.reload()
    eventually(lambda: page.evaluate(SOURCES) == ["ours"], 20)
    page.get_by_label("Spread over seeds").select_option("ci95")
    expect(page).to_have_url(re.compile("spread=ci95"))
    entry = page.locator("panel-legend .entry").first
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "false")
    eventually(lambda: len(page.evaluate(DRAWN)) == 2, 5)
    csv_link = page.get_by_role("link", name="Download the figure as CSV")
    for part in ("criterion=loss-0.1", "log=y"):
        assert part in str(csv_link.get_attribute("href")), "files are as the page shows them"
    expect(page.locator("panel-legend")).to_contain_text("published twice")


def test_table_1_is_a_table_with_the_papers_numbers(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/#/figures/table-1?scale=full&variant=paper&seeds=1")
    rows = page.locator("accuracy-table tbody tr")
    expect(rows).to_have_count(19)
    expect(rows.first).to_contain_text("89.0")
    page.keyboard.press("p")
    expect(rows.first).not_to_contain_text("89.0")


def test_smoke_has_no_table_1_and_the_page_says_so(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/#/figures?scale=smoke&variant=paper&seeds=1")
    card = page.locator("panel-card[data-panel='table-1']")
    expect(card).to_contain_text("Smoke has no Table 1, use quick")
    expect(page.locator(".choice-line run-study button")).to_have_text(
        re.compile("Run All figures: .* about")
    )
    expect(card.get_by_role("button")).to_have_count(0)
    expect(page.locator(".notice.bad")).to_be_hidden()
    page.goto(f"{server.url}/#/figures/table-1?scale=smoke&variant=paper&seeds=1")
    expect(page.locator("panel-view .title-line").first).to_contain_text("use quick")
    expect(page.locator("panel-view run-study button")).to_be_hidden()
    expect(page.locator("panel-provenance .copyable")).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_figure_is_wider_than_the_screen(
    watched: Watched, server: Server, tiny: str, theme: Literal["light", "dark"]
) -> None:
    page = watched.page
    page.emulate_media(color_scheme=theme)
    page.goto(server.link)
    for route, sign in (
        ("#/figures?scale=full", "panel-card[data-panel='2b'] svg"),
        ("#/figures/1b?scale=full", "panel-chart .main-svg"),
        ("#/figures/table-1?scale=full", "accuracy-table tbody tr"),
        (f"#/figures/atlas?study={tiny}", "panel-chart .main-svg"),
    ):
        page.goto(f"{server.url}/{route}")
        page.locator(sign).first.wait_for()
        for width in (360, 768, 1280, 1600):
            page.set_viewport_size({"width": width, "height": 800})
            root = "document.documentElement"
            assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), (route, width)


def test_what_is_not_there_is_said_in_words(page: Page, watched: Watched, server: Server) -> None:
    watched.refusals_expected = True
    page.goto(f"{server.url}/#/figures/atlas?study=0123456789ab")
    expect(page.get_by_role("alert").filter(has_text="study")).to_be_visible()
    page.goto(f"{server.url}/#/figures/9z")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
