"""A run is cancelled from wherever it is shown, and who else wants it is said before."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import ENDLESS, Server, eventually


def _study(server: Server, title: str, learning_rate: float) -> tuple[str, list[str]]:
    """Launch a grid of two runs that do not end by themselves; its id and theirs."""
    base = {"model": "mlp-1x512", "n_train": 500, "n_test": 200, "width": 0.25}
    base["learning_rate"] = learning_rate
    grid = {"base": base, "axes": {"momentum": [0.5, 0.6]}, "epochs": ENDLESS}
    answer = server.api.post("/studies", json={"study": "custom", "title": title, "grid": grid})
    assert answer.is_success, answer.text
    study = answer.json()
    return str(study["id"]), list(study["run_ids"])


@pytest.mark.timeout(120)
def test_a_run_of_a_study_is_cancelled_alone_or_with_the_study(page: Page, server: Server) -> None:
    study, ids = _study(server, "Two of a kind", 0.011)
    card = page.locator(f"run-card[data-key='{ids[0]}']")
    card.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("wanted by Two of a kind (2 runs)")
    assert server.run(ids[0])["state"] in ("QUEUED", "RUNNING")
    dialog.get_by_role("button", name="Cancel this run only").click()
    eventually(lambda: server.run(ids[0])["state"] == "CANCELLED", 20)
    assert server.run(ids[1])["state"] in ("QUEUED", "RUNNING")

    page.goto(f"{server.url}/#/runs/{ids[1]}")
    asked = page.locator("attempt-list").get_by_role("link", name="Two of a kind")
    expect(asked).to_have_attribute("href", f"#/figures/atlas?study={study}")
    page.get_by_role("button", name="Cancel…").click()
    dialog.get_by_role("button", name="Cancel Two of a kind: 2 runs").click()
    expect(page.locator("run-view .title-line state-badge")).to_have_text("Cancelled")
    assert server.api.get(f"/studies/{study}").json()["state"] == "cancelled"


@pytest.mark.timeout(120)
def test_a_study_is_followed_and_cancelled_on_the_page_of_its_figure(
    page: Page, server: Server
) -> None:
    study, ids = _study(server, "On its page", 0.012)
    page.goto(f"{server.url}/#/figures/atlas?study={study}")
    row = page.locator("panel-view study-list .study", has_text="On its page")
    expect(row).to_contain_text("0 of 2 runs")
    row.get_by_role("button", name="Cancel").click()
    expect(row).to_have_count(0)
    eventually(lambda: all(server.run(i)["state"] == "CANCELLED" for i in ids), 20)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_what_can_be_done_with_selected_runs_stays_in_sight(
    page: Page, server: Server, size: tuple[int, int]
) -> None:
    width, height = size
    for seed in range(12):
        server.launch(epochs=1, seed=seed, learning_rate=0.013)
    endless = server.launch(epochs=ENDLESS, seed=width, learning_rate=0.014)
    page.set_viewport_size({"width": width, "height": height})
    boxes = page.locator("run-table tbody").get_by_role("checkbox")
    expect(boxes.nth(12)).to_be_attached()
    page.locator(f"run-table tr[data-key='{endless}']").get_by_role("checkbox").check()
    boxes.nth(1).check()
    page.evaluate("window.scrollTo(0, 0)")
    bar = page.locator(".picked-bar")
    for name in ("Compare", "Cancel", "Clear"):
        button = bar.get_by_role("button", name=name)
        place = button.bounding_box()
        assert place
        assert place["y"] + place["height"] < height
        x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
        assert page.evaluate(f"document.elementFromPoint({x}, {y})?.textContent") in (
            button.inner_text()
        ), "nothing lies over it"
    bar.get_by_role("button", name="Cancel").click()
    eventually(lambda: server.run(endless)["state"] == "CANCELLED", 20)
