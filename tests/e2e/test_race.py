"""The race in the browser: curves that grow, counters, and a sentence that says what happened."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Server, Watched, eventually

SMALL = {"study": "race", "scale": "smoke", "precision": "fp32"}


def launch(server: Server, **request: Any) -> str:
    answer = server.api.post("/studies", json=SMALL | request)
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


def drawn(page: Page) -> list[dict[str, Any]]:
    """The traces of the chart, as Plotly has them."""
    found = page.evaluate(
        "document.querySelector('race-chart .plot')?.data?.map(({x, y, line}) => "
        "({x: [...x], y: [...y], dash: line?.dash}))"
    )
    return list(found or [])


@pytest.mark.timeout(240)
def test_both_curves_grow_to_the_end_and_the_sentence_says_what_happened(
    page: Page, server: Server
) -> None:
    page.goto(f"{server.url}/#/race")
    expect(page.get_by_role("heading", name="True labels against random labels")).to_be_visible()
    study = launch(server)  # the view takes it up by itself
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()

    def race() -> dict[str, Any]:
        return dict(server.api.get("/studies/race", params={"study": study}).json())

    eventually(lambda: race()["study"]["state"] == "complete", 180)
    told = race()
    assert re.fullmatch(
        r"It memorised: random labels took \d+ epochs, true labels \d+: [\d.]+ times as long\. "
        r"On new images: \d+ % against \d+ %.*\.",
        told["sentence"],
    )
    expect(page.locator(".race-sentence")).to_have_text(told["sentence"])
    for lane in told["lanes"]:
        card = page.locator("race-lane", has_text=lane["labels"].capitalize())
        expect(card).to_contain_text(str(lane["epochs"]))
        expect(card).to_contain_text("has fitted")
    epochs = [lane["epochs"] for lane in told["lanes"]]
    eventually(lambda: drawn(page)[4]["x"] == epochs, 20)
    traces = drawn(page)
    assert [len(trace["x"]) for trace in traces[:4]] == [epochs[0]] * 2 + [epochs[1]] * 2
    assert [trace["dash"] for trace in traces[:4]] == ["solid", "4px,3px"] * 2
    assert [trace["y"][-1] for trace in traces[:4]] == [
        lane[f"{part}_accuracy"] for lane in told["lanes"] for part in ("train", "test")
    ]
    expect(page.locator("race-view").get_by_role("button")).to_have_count(0)
    page.get_by_role("link", name="Figure 1b at smoke scale").click()
    page.wait_for_url("**/#/figures/1b?scale=smoke**")


def test_a_link_leads_to_the_race_that_is_on_and_it_can_be_cancelled_and_go_on(
    watched: Watched, server: Server
) -> None:
    launch(server, model="alexnet", scale="full")
    page = watched.page
    page.goto(server.link)
    page.wait_for_url("**/#/race")
    sentence = page.locator(".race-sentence")
    page.get_by_role("button", name="Cancel").click()
    expect(sentence).to_contain_text("Start the race again", timeout=30_000)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    page.goto(f"{server.url}/#/")
    expect(page.locator("race-line")).to_contain_text("random labels")
    page.get_by_role("link", name="Watch the race").click()
    page.wait_for_url("**/#/race")


@pytest.mark.parametrize("width", [390, 1440])
def test_it_fits_the_width(page: Page, server: Server, width: int) -> None:
    launch(server, model="alexnet", scale="full")
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{server.url}/#/race")
    expect(page.locator("race-lane")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    nav = page.locator(".views")
    assert nav.evaluate("nav => nav.scrollWidth <= nav.clientWidth")
