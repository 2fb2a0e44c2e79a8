"""Several runs beside each other, selected in the list or named in the address; and grids."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import ENDLESS, Server, Watched, eventually
from worker.datasets.images import ImageDataset

LABELS = """() => {
  const data = document.querySelector("panel-chart .plot")?.data ?? [];
  return [...new Set(data.map(({ meta }) => meta.key))];
}"""


@pytest.fixture(scope="module")
def server(
    cifar10: ImageDataset,  # noqa: ARG001
    data_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """A server of this module alone: its list holds the runs of these tests."""
    home = tmp_path_factory.mktemp("compare")
    (home / "datasets").symlink_to(data_home / "datasets")
    started = Server(home)
    yield started
    started.close()


@pytest.fixture(scope="module")
def three(server: Server) -> list[str]:
    """Three short runs that have ended: ids in the order of their launch."""
    ids = [
        server.launch(
            epochs=2, n_train=500, n_test=200, width=0.25, seed=seed, randomization=randomization
        )
        for seed, randomization in ((0, "true_labels"), (0, "random_labels"), (1, "true_labels"))
    ]
    eventually(lambda: all(server.run(i)["state"] == "SUCCEEDED" for i in ids), 60)
    return ids


def labels(page: Page) -> list[str]:
    return list(page.evaluate(LABELS))


@pytest.mark.timeout(120)
def test_runs_are_selected_by_keyboard_and_compared(
    page: Page, server: Server, three: list[str]
) -> None:
    page.goto(f"{server.url}/#/?sort=created_at")
    rows = page.locator("run-table tbody tr")
    expect(rows).to_have_count(3)
    expect(page.get_by_role("button", name="Compare")).to_be_hidden()
    expect(rows.first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_text("1 run selected: one more to compare")).to_be_visible()
    expect(page.get_by_role("button", name="Compare")).to_be_disabled()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(rows.nth(1).get_by_role("checkbox")).to_be_checked()
    page.keyboard.press("c")
    page.wait_for_url(f"**/#/compare?run={three[0]}&run={three[1]}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 runs")
    eventually(lambda: len(labels(page)) == 2, 20)

    table = page.locator("compare-table")
    heads = table.locator("thead th").all_inner_texts()
    assert heads[:4] == ["Run", "Randomization", "Data seed", "State"]
    expect(table.locator("tbody tr").nth(1)).to_contain_text("Random labels")
    page.get_by_text("Loss", exact=True).click()
    expect(page).to_have_url(re.compile("measure=loss"))
    read = "document.querySelector('panel-chart .plot').layout.yaxis"
    eventually(lambda: page.evaluate(read)["title"]["text"] == "Loss (nats)", 10)
    page.keyboard.press("l")
    eventually(lambda: page.evaluate(read)["type"] == "log", 10)
    csv_link = page.get_by_role("link", name="Download the figure as CSV")
    assert f"run={three[1]}&measure=loss" in str(csv_link.get_attribute("href"))


@pytest.mark.timeout(120)
def test_runs_are_compared_by_address_and_taken_out(
    page: Page, server: Server, three: list[str]
) -> None:
    runs = "&".join(f"run={run_id}" for run_id in three)
    page.goto(f"{server.url}/#/compare?{runs}")
    eventually(lambda: len(labels(page)) == 3, 20)
    for width in (360, 800, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), width
    page.locator("compare-table tbody tr").nth(1).get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 runs")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    assert three[1] not in page.url
    eventually(lambda: len(labels(page)) == 2, 20)
    page.locator("compare-table tbody a").last.click()
    page.wait_for_url(f"**/#/runs/{three[2]}")
    page.goto(f"{server.url}/#/compare")
    expect(page.get_by_text("Select runs in the list")).to_be_visible()


@pytest.mark.timeout(120)
def test_a_comparison_begins_at_a_run_or_with_nothing(
    page: Page, server: Server, three: list[str]
) -> None:
    page.goto(f"{server.url}/#/runs/{three[0]}")
    page.get_by_role("link", name="Compare with…").click()
    others = page.locator(f"compare-view a[href='#/compare?run={three[0]}&run={three[1]}']")
    others.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare 2 runs")
    page.goto(f"{server.url}/#/compare")
    expect(page.locator(f"compare-view a[href='#/compare?run={three[2]}']")).to_be_visible()


@pytest.mark.timeout(120)
def test_a_run_that_goes_on_grows_in_the_comparison(
    page: Page, server: Server, three: list[str]
) -> None:
    run_id = server.launch(epochs=ENDLESS, seed=5)
    page.goto(f"{server.url}/#/compare?run={three[0]}&run={run_id}")
    longest = (
        "Math.max(0, ...(document.querySelector('panel-chart .plot')?.data ?? [])"
        ".map(({ x }) => x.length))"
    )
    eventually(lambda: page.evaluate(longest) >= 3, 60)
    before = page.evaluate(longest)
    eventually(lambda: page.evaluate(longest) > before, 60)
    server.api.post(f"/runs/{run_id}/cancel")
    expect(page.locator("compare-table")).to_contain_text("Cancelled", timeout=20_000)


@pytest.mark.timeout(120)
def test_a_grid_is_planned_and_launched_from_the_form(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/#/launch")
    page.get_by_label("Training images").fill("500")
    page.get_by_label("Test images").fill("200")
    page.get_by_label("Width factor").fill("0.25")
    page.get_by_label("Epochs", exact=True).fill("1")
    page.get_by_text("Several values: a grid of runs").click()
    page.get_by_role("button", name="Plan the grid").click()
    expect(page.get_by_text("Choose a field and its values")).to_be_visible()
    page.get_by_label("Vary the field").select_option("learning_rate")
    page.locator("#grid-values-0").fill("0.03, 0.05")
    page.get_by_label("And the field").select_option("randomization")
    assert "random_labels" in page.locator("#grid-values-1").input_value()
    page.locator("#grid-values-1").fill("true_labels, random_labels")
    page.get_by_role("button", name="Plan the grid").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("A grid of your own, 1 seed")
    dialog.get_by_role("button", name="Launch 4 runs").click()
    page.wait_for_url("**/#/figures/atlas?study=*")
    expect(page.locator("panel-view .panel-head")).to_contain_text("Complete, 4 runs")
    eventually(lambda: len(labels(page)) == 4, 30)
    study: dict[str, Any] = server.api.get("/studies").json()["items"][0]
    assert study["request"]["grid"]["base"]["n_train"] == 500


NAMES = ("all", "with_bn", "lr: 0.1, test (paper)", "cost $5, a_b^{ <b>%{y}</b> $6")


@pytest.fixture(scope="module")
def named(server: Server) -> list[str]:
    """Short runs with names that could be taken for something else, on corrupted labels."""
    more = {"randomization": "corrupted_labels", "corruption": 0.5}
    ids = [
        server.launch(epochs=2, name=name, seed=seed, **more) for seed, name in enumerate(NAMES, 9)
    ]
    eventually(lambda: all(server.run(i)["state"] == "SUCCEEDED" for i in ids), 60)
    return ids


@pytest.mark.timeout(120)
def test_names_are_shown_as_they_were_given(page: Page, server: Server, named: list[str]) -> None:
    runs = "&".join(f"run={run_id}" for run_id in named)
    page.goto(f"{server.url}/#/compare?{runs}&measure=loss&log=x")
    eventually(lambda: labels(page) == list(NAMES), 20)
    legend = page.locator("panel-legend ul").first.get_by_role("listitem")
    assert [text.strip() for text in legend.all_inner_texts()] == list(NAMES)
    colours = legend.locator("svg").evaluate_all("all => all.map((one) => one.style.color)")
    assert len(set(colours)) == len(NAMES)
    drawn = page.evaluate("document.querySelector('panel-chart .plot')._fullData.map((t) => t.uid)")
    assert len(set(drawn)) == len(drawn)
    page.evaluate(
        "Plotly.Fx.hover(document.querySelector('panel-chart .plot'), [{curveNumber: 6, "
        "pointNumber: 0}])"
    )
    expect(page.locator("panel-chart .hovertext")).to_contain_text(NAMES[3])
    ticks = page.locator("panel-chart .xtick text").all_text_contents()
    assert all(float(tick).is_integer() for tick in ticks), ticks


@pytest.mark.timeout(120)
def test_a_download_that_fails_says_so(
    page: Page, watched: Watched, server: Server, named: list[str]
) -> None:
    watched.refusals_expected = True
    page.goto(f"{server.url}/#/compare?run={named[0]}&run={named[1]}")
    link = page.get_by_role("link", name="Download the figure as SVG")
    said = page.locator(".downloads [role=alert]")
    page.route("**/atlas.svg*", lambda route: route.fulfill(status=500, json={"detail": "Broken."}))
    link.click()
    expect(said).to_have_text("The download failed. Broken.")
    page.unroute("**/atlas.svg*")
    page.route("**/atlas.svg*", lambda route: route.abort())
    link.click()
    expect(said).to_contain_text("The server does not answer.")
    page.unroute("**/atlas.svg*")
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename.endswith(".svg")
    expect(said).to_have_text("")


@pytest.mark.timeout(120)
def test_a_run_tells_how_many_of_its_labels_are_wrong(
    page: Page, server: Server, named: list[str]
) -> None:
    page.goto(f"{server.url}/#/runs/{named[0]}")
    told = page.locator("attempt-list dt", has_text="Wrong labels").locator(
        "xpath=../dd[preceding-sibling::dt[1][.='Wrong labels']]"
    )
    wrong = server.run(named[0])["attempts"][0]["provenance"]["wrong_labels"]
    assert 180 < wrong < 270, "about 45 % of 500"
    expect(told).to_have_text(str(wrong))
    curve = server.api.get(f"/runs/{named[0]}/metrics").json()
    assert curve["wrong_labels"] == wrong
    rows = server.api.get(f"/runs/{named[0]}/metrics", params={"format": "csv"}).text.split()
    assert rows[0].endswith(",wrong_labels")
    assert all(row.endswith(f",{wrong}") for row in rows[1:])
    page.goto(f"{server.url}/#/launch")
    page.get_by_label("Randomization", exact=True).select_option("corrupted_labels")
    expect(page.get_by_text("p = 0.5 makes about 45 % of the labels wrong").first).to_be_visible()
