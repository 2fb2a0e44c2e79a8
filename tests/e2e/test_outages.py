"""The server goes away, hangs, or has no worker: the page says so, and recovers by itself."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import ENDLESS, Server, Watched
from tests.processes import stop
from worker.datasets.images import ImageDataset


@pytest.fixture(scope="module")
def server(
    cifar10: ImageDataset,  # noqa: ARG001
    data_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """A server of this module alone, which others need not see hang."""
    home = tmp_path_factory.mktemp("outages")
    (home / "datasets").symlink_to(data_home / "datasets")
    started = Server(home)
    yield started
    started.close()


@pytest.fixture
def stopped_api(server: Server) -> Iterator[int]:
    """The API's process, which a test may stop."""
    [file] = (server.home / "servers").glob("*.json")
    pid = int(json.loads(file.read_text())["pid"])
    yield pid
    os.kill(pid, signal.SIGCONT)


VIEWS = {
    "a run": ("#/runs/{run}", "run-view h1"),
    "a figure": ("#/figures/1a", "panel-view h1"),
    "the figures": ("#/figures", "panel-card[data-panel='1a'] .state"),
    "a comparison": ("#/compare?run={run}", "compare-table tbody tr"),
    "the overview": ("#/", "run-table tbody tr"),
    "the race": ("#/race", "race-view .actions button"),
    "the launch form": ("#/launch", "estimate-line .soft"),
}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_opened_while_the_server_is_away_recovers(
    page: Page, watched: Watched, server: Server, view: str
) -> None:
    """The connection is cut for as long as the page calls itself offline."""
    watched.refusals_expected = True
    run_id = server.launch(epochs=1, seed=21, name="Lost and found")
    place, shown = VIEWS[view]
    page.goto(f"{server.url}/#/nowhere")
    page.context.set_offline(True)
    server.kill_api()  # a stream that is open already does not notice the cut
    dot = page.locator("live-dot")
    expect(dot).to_have_attribute("data-status", "offline", timeout=30_000)
    page.evaluate(f"location.hash = '{place.format(run=run_id)}'")
    expect(page.locator("trouble-bar")).to_contain_text("The server does not answer")
    expect(page.locator(shown).locator("visible=true")).to_have_count(0)
    page.context.set_offline(False)
    expect(dot).to_have_attribute("data-status", "live", timeout=90_000)  # it starts anew
    expect(page.locator(shown).first).to_be_visible()
    expect(page.locator("trouble-bar")).to_be_empty()


def test_the_page_waits_for_what_can_be_asked_for(page: Page, watched: Watched) -> None:
    watched.refusals_expected = True
    detail = "The database does not answer."
    page.route(
        "**/api/v1/capabilities",
        lambda route: route.fulfill(status=503, json={"detail": detail}),
        times=2,
    )
    page.evaluate("location.hash = '#/figures/1a'")
    page.reload()
    expect(page.locator("trouble-bar")).to_have_text(detail)
    expect(page.locator("panel-view h1").locator("visible=true")).to_have_count(0)
    expect(page.locator("panel-view h1")).to_contain_text("Figure 1a")
    expect(page.locator("trouble-bar")).to_be_empty()


@pytest.mark.timeout(120)
def test_a_server_that_hangs_is_not_called_live(page: Page, stopped_api: int) -> None:
    page.clock.install()
    page.reload()
    dot = page.locator("live-dot")
    expect(dot).to_have_attribute("data-status", "live")
    expect(dot).to_contain_text("Last news")
    stop(stopped_api)
    page.clock.fast_forward(31_000)
    expect(dot).to_have_attribute("data-status", "silent")
    expect(dot).to_contain_text("No news for")
    expect(page.locator("trouble-bar")).to_contain_text("No news from the server for 30 s")
    os.kill(stopped_api, signal.SIGCONT)
    expect(dot).to_have_attribute("data-status", "live")
    expect(page.locator("trouble-bar")).to_be_empty()


@pytest.mark.timeout(120)
def test_the_server_pings_a_stream_of_which_there_is_no_news(page: Page) -> None:
    with page.expect_event("console", lambda m: m.text == "heard", timeout=30_000):
        page.evaluate(
            """() => {
              const source = new EventSource("/api/v1/stream?topics=runs&after=0");
              source.addEventListener("ping", () => (source.close(), console.log("heard")));
            }"""
        )


@pytest.mark.timeout(120)
def test_a_worker_that_says_nothing_is_told(page: Page, server: Server) -> None:
    """The server's answer is made older: no test waits until a worker has been silent for long."""
    run_id = server.launch(epochs=ENDLESS, seed=22)
    page.goto(f"{server.url}/#/runs/{run_id}")
    expect(page.locator("run-view .title-line state-badge")).to_have_text("Running")
    expect(page.locator("run-view run-progress")).to_contain_text("left")

    def older(route: Route) -> None:
        workers = route.fetch().json()
        route.fulfill(json=[worker | {"silent_seconds": 25.0} for worker in workers])

    page.route("**/api/v1/workers", older)
    progress = page.locator("run-view run-progress")
    expect(progress).to_contain_text("no word from its worker for 25 s", timeout=30_000)
    expect(progress).not_to_contain_text("left")
    page.unroute("**/api/v1/workers")
    expect(progress).not_to_contain_text("no word", timeout=30_000)


@pytest.mark.timeout(120)
def test_that_no_worker_runs_is_said_on_top(page: Page) -> None:
    page.route("**/api/v1/workers", lambda route: route.fulfill(json=[]))
    bar = page.locator("trouble-bar")
    expect(bar).to_contain_text("No worker runs: queued runs wait.", timeout=60_000)
    expect(bar.locator("code")).to_have_text("rethink worker")
    page.unroute("**/api/v1/workers")
    expect(bar).to_be_empty(timeout=30_000)
