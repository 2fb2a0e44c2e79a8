"""The page as such: signing in, hostile text, narrow screens, both themes, the keyboard."""

import re
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Server, Watched, eventually

HOSTILE = "<img src=x onerror='window.pwned=1'><script>window.pwned=1</script>"


@pytest.fixture(scope="module")
def finished(server: Server) -> str:
    """A run that has ended, with a hostile name."""
    run_id = server.launch(epochs=2, seed=9, name=HOSTILE)
    eventually(lambda: server.run(run_id)["state"] == "SUCCEEDED", 60)
    return run_id


def test_without_a_token_only_the_sign_in_is_shown(watched: Watched, server: Server) -> None:
    watched.refusals_expected = True
    page = watched.page
    page.goto(server.url)
    field = page.get_by_label("Token")
    field.fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not the server's")
    field.fill(server.token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("overview-view")).to_be_visible()
    expect(page.locator("live-dot")).to_have_attribute("data-status", "live")
    page.get_by_label("Menu").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Token")).to_be_visible()


def test_markup_in_a_name_is_text(page: Page, server: Server, finished: str) -> None:
    expect(page.locator("run-table").get_by_role("link", name=HOSTILE)).to_be_visible()
    page.goto(f"{server.url}/#/runs/{finished}")
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    page.goto(f"{server.url}/#/launch?from={finished}")
    expect(page.get_by_text("Filled in from")).to_contain_text(HOSTILE)
    assert page.evaluate("window.pwned") is None


def test_a_run_of_another_version_shows_its_sentence(
    page: Page, server: Server, finished: str
) -> None:
    sentence = "of engine 99, newer than this server: update to look at it"

    def newer(run: dict[str, Any]) -> dict[str, Any]:
        spec = {"model": "transformer", "randomization": "shuffled_words", "heads": [8, 8]}
        changes = {"changes": {}, "unknown_spec": sentence, "steps_per_epoch": None}
        return {**run, **changes, "spec": spec, "name": ""}

    def answer(route: Route) -> None:
        found = route.fetch().json()
        if "items" in found:
            found["items"] = [newer(run) for run in found["items"]]
        route.fulfill(json=newer(found) if "spec" in found else found)

    page.route(re.compile(r"/api/v1/runs(\?|/[0-9a-f]{16}$)"), answer)
    page.reload()
    expect(page.locator("run-table tbody tr").first).to_contain_text(sentence)
    page.goto(f"{server.url}/#/runs/{finished}")
    expect(page.locator("run-view .notice.warn")).to_have_text(f"This run is {sentence}.")
    expect(page.locator("spec-list")).to_contain_text("transformer")
    page.get_by_text("Steps", exact=True).click()


def test_scripts_that_are_not_files_of_the_page_do_not_run(page: Page, watched: Watched) -> None:
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'),"
        "{textContent: 'window.pwned = 1'}))"
    )
    assert page.evaluate("window.pwned") is None
    assert "Content Security Policy" in watched.faults.pop()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(
    watched: Watched, server: Server, finished: str, theme: Literal["light", "dark"]
) -> None:
    page = watched.page
    page.emulate_media(color_scheme=theme)
    for route, sign in (
        (f"#token={server.token}", "run-table tbody tr"),
        (f"#/runs/{finished}", ".main-svg"),
        ("#/launch", "run-form"),
    ):
        page.goto(f"{server.url}/{route}")
        page.locator(sign).first.wait_for()
        for width in (360, 768, 1280, 1600):
            page.set_viewport_size({"width": width, "height": 800})
            _assert_fits(page)
    background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    brightness = sum(int(part) for part in background.strip("rgb()").split(","))
    assert (brightness < 200) == (theme == "dark")


def _assert_fits(page: Page) -> None:
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")


def test_a_chosen_theme_is_remembered(page: Page) -> None:
    page.get_by_label("Menu").click()
    page.get_by_text("Dark", exact=True).click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_label("Menu").click()
    page.get_by_text("System", exact=True).click()
    page.reload()
    expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")


def test_the_keyboard_leads_everywhere(page: Page, finished: str) -> None:
    page.locator("run-table tbody tr").first.wait_for()
    page.keyboard.press("/")
    expect(page.get_by_label("Filter by name or id")).to_be_focused()
    page.keyboard.type(finished)
    expect(page.locator("run-table tbody tr")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/#/runs/{finished}")
    page.locator(".main-svg").first.wait_for()
    page.keyboard.press("l")
    expect(page.get_by_label("log")).to_be_checked()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Keyboard shortcuts")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("n")
    expect(page.locator("run-form")).to_be_visible()
    page.locator("h1").click()
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.locator("race-view")).to_be_visible()


def test_the_axes_of_one_epoch_with_an_enormous_loss_are_whole(page: Page, server: Server) -> None:
    run_id = server.launch(epochs=1, seed=12)
    eventually(lambda: server.run(run_id)["state"] == "SUCCEEDED", 60)

    def enormous(route: Route) -> None:
        told = route.fetch().json()
        for metrics in told["items"]:
            metrics.update(train_loss=1e32, test_loss=1e32, online_loss=1e32)
        route.fulfill(json=told)

    page.route(re.compile(r"/metrics\?first="), enormous)
    page.goto(f"{server.url}/#/runs/{run_id}")
    page.reload()  # the overview may have fetched the curve already
    chart = page.locator("metric-chart[data-name=loss]")
    expect(chart.locator(".xtick text")).to_have_text(["0", "1"])
    labels = chart.locator(".ytick text")
    expect(labels.last).to_contain_text("10")
    left = chart.locator(".plot").evaluate("plot => plot.getBoundingClientRect().left")
    starts = labels.evaluate_all("all => all.map(one => one.getBoundingClientRect().left)")
    assert min(starts) >= left


def test_the_charts_are_there_as_tables_too(page: Page, server: Server, finished: str) -> None:
    page.goto(f"{server.url}/#/runs/{finished}")
    expect(page.locator("run-view .title-line state-badge")).to_have_text("Succeeded")
    page.get_by_text("View as table").first.click()
    table = page.locator("metric-chart table").first
    expect(table.locator("tbody tr")).to_have_count(2)
    expect(table.get_by_role("columnheader", name="Training", exact=True)).to_be_visible()


def test_runs_are_filtered_and_sorted_by_the_address(page: Page, server: Server) -> None:
    server.launch(epochs=1, seed=10, name="aardvark of two")
    server.launch(epochs=1, seed=11, name="zebra of two")
    page.goto(f"{server.url}/#/?q=of+two&sort=name")
    first = page.locator("run-table tbody tr").first
    expect(first).to_contain_text("aardvark")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("columnheader", name="Run")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_label("Filter by name or id").fill("zebra")
    expect(page.locator("run-table tbody tr")).to_have_count(1)
    assert "q=zebra" in page.url


def test_an_unknown_run_is_said_in_words(page: Page, watched: Watched, server: Server) -> None:
    watched.refusals_expected = True
    page.goto(f"{server.url}/#/runs/0123456789abcdef")
    expect(page.get_by_role("alert")).to_contain_text("There is no run")
    expect(page.get_by_role("alert").locator("code")).to_have_text("rethink runs")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    page.get_by_role("link", name="To the overview").click()
    expect(page.locator("overview-view")).to_be_visible()


def test_why_a_run_ended_stands_beside_its_state(page: Page, server: Server) -> None:
    spec = {"model": "mlp-1x512", "n_train": 500, "n_test": 200, "width": 0.25, "seed": 31}
    body = {"spec": spec, "epochs": 50, "stop": {"train_accuracy": 0.2}}
    run_id = server.api.post("/runs", json=body).json()["id"]
    page.goto(f"{server.url}/#/runs/{run_id}")
    expect(page.locator("run-view run-progress")).to_contain_text(
        "stopped at training accuracy 20.0"
    )


def test_values_of_the_newest_epoch_are_not_announced(
    page: Page, server: Server, finished: str
) -> None:
    """A screen reader would say eight numbers an epoch: the change of state is enough."""
    page.goto(f"{server.url}/#/runs/{finished}")
    expect(page.locator("metric-chart .value").first).to_be_visible()
    expect(page.locator("run-view").get_by_role("status")).to_have_count(0)
