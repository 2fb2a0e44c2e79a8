"""What is shown follows what happens, whatever happens to the connection."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chart import drawn
from tests.e2e.conftest import ENDLESS, Server, Watched, eventually


@pytest.mark.timeout(180)
def test_a_restarted_api_leaves_no_gap_and_no_duplicate(
    page: Page, watched: Watched, server: Server
) -> None:
    """The API is killed in the middle of a stream. The page reconnects by itself, and draws exactly
    the epochs that are stored: each once, in order.
    """
    watched.refusals_expected = True  # while the API is away
    run_id = server.launch(epochs=ENDLESS, seed=1, n_train=2000)
    page.goto(f"{server.url}/#/runs/{run_id}")
    eventually(lambda: len(drawn(page)[0]) >= 2, 60)
    server.kill_api()
    expect(page.locator("live-dot")).to_have_attribute("data-status", "reconnecting")
    shown = len(drawn(page)[0])
    expect(page.locator("live-dot")).to_have_attribute("data-status", "live", timeout=30_000)
    eventually(lambda: len(drawn(page)[0]) >= shown + 3, 60)
    server.api.post(f"/runs/{run_id}/cancel")
    expect(page.locator("run-view .title-line state-badge")).to_have_text("Cancelled")
    stored = _stored_epochs(server, run_id)
    eventually(lambda: drawn(page)[0] == stored, 10)
    assert stored == list(range(1, len(stored) + 1))


@pytest.mark.timeout(120)
def test_a_run_is_paused_resumed_and_cancelled_from_its_page(page: Page, server: Server) -> None:
    run_id = server.launch(epochs=ENDLESS, seed=2)
    page.goto(f"{server.url}/#/runs/{run_id}")
    badge = page.locator("run-view .title-line state-badge")
    expect(badge).to_have_text("Running")
    page.get_by_role("button", name="Pause").click()
    expect(badge).to_have_text("Paused")
    page.get_by_role("button", name="Resume").click()
    expect(badge).to_have_text("Running")
    page.get_by_role("button", name="Cancel").click()
    expect(badge).to_have_text("Cancelled")
    expect(page.locator("state-announcer")).to_contain_text("cancelled")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/#/")
    assert server.api.get(f"/runs/{run_id}").status_code == 404


@pytest.mark.timeout(120)
def test_a_checkpoint_that_was_passed_over_is_told(page: Page, server: Server) -> None:
    run_id = server.launch(epochs=1, seed=77, precision="fp32")
    eventually(lambda: server.run(run_id)["state"] == "SUCCEEDED", 60)
    (checkpoint,) = (server.home / "runs" / run_id).glob("*.pt")
    checkpoint.write_bytes(b"damaged")
    server.api.post(f"/runs/{run_id}/extend", json={"epochs": 2})
    eventually(lambda: server.run(run_id)["epochs_done"] == 2, 60)
    page.goto(f"{server.url}/#/runs/{run_id}")
    told = page.locator("attempt-list dt", has_text="Checkpoint passed over")
    expect(told.locator("+ dd")).to_contain_text(f"{run_id}/{checkpoint.name}: ")


def test_two_tabs_share_one_stream_and_the_second_takes_over(page: Page, server: Server) -> None:
    """That the curve grows would not tell: what was heard before the first tab closed is drawn a
    little later. The end of the run can only come over the second tab's own stream.
    """
    other = page.context.new_page()
    streams: list[str] = []
    other.on("request", lambda r: streams.append(r.url) if "/api/v1/stream" in r.url else None)
    run_id = server.launch(epochs=ENDLESS, seed=3)
    other.goto(f"{server.url}/#/runs/{run_id}")
    expect(other.locator("live-dot")).to_have_attribute("data-status", "live")
    eventually(lambda: len(drawn(other)[0]) >= 2, 60)
    assert not streams
    with other.expect_request("**/api/v1/stream*"):
        page.close()
    server.api.post(f"/runs/{run_id}/cancel")
    expect(other.locator("run-view .title-line state-badge")).to_have_text("Cancelled")
    stored = _stored_epochs(server, run_id)
    eventually(lambda: drawn(other)[0] == stored, 10)
    assert stored == list(range(1, len(stored) + 1))
    assert len(streams) == 1


@pytest.mark.timeout(120)
def test_the_overview_follows_a_run_from_queued_to_cancelled(page: Page, server: Server) -> None:
    run_id = server.launch(epochs=ENDLESS, seed=4, name="Follow me")
    card = page.locator("run-card", has_text="Follow me")
    expect(card.locator("state-badge")).to_have_text("Running")
    expect(card).to_contain_text("images")
    row = page.locator("run-table tbody tr", has_text="Follow me")
    expect(row).to_have_count(1)
    card.get_by_role("button", name="Cancel").click()
    expect(row.locator("state-badge")).to_have_text("Cancelled")
    expect(card).to_have_count(0)
    assert server.run(run_id)["state"] == "CANCELLED"


@pytest.mark.timeout(120)
def test_zoom_is_kept_while_the_curve_grows(page: Page, server: Server) -> None:
    run_id = server.launch(epochs=ENDLESS, seed=5)
    page.goto(f"{server.url}/#/runs/{run_id}")
    eventually(lambda: len(drawn(page)[0]) >= 2, 60)
    box = page.locator("metric-chart[data-name=loss] .plot").bounding_box()
    assert box
    page.mouse.move(box["x"] + 150, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 350, box["y"] + 160, steps=4)
    page.mouse.up()
    reset = page.get_by_role("button", name="Reset zoom")
    expect(reset).to_be_visible()
    zoomed = _range(page)
    before = len(drawn(page)[0])
    eventually(lambda: len(drawn(page)[0]) >= before + 2, 60)
    assert _range(page) == zoomed
    reset.click()
    eventually(lambda: _range(page) == [0, ENDLESS], 5)
    expect(reset).to_be_hidden()


@pytest.mark.timeout(120)
def test_zoom_stays_when_the_axis_ends_elsewhere_and_without_it_the_axis_follows(
    page: Page, server: Server
) -> None:
    """Planned for ten thousand epochs, it ends after a few: the usual range becomes another."""
    run_id = server.launch(epochs=ENDLESS, seed=6)
    page.goto(f"{server.url}/#/runs/{run_id}")
    eventually(lambda: len(drawn(page)[0]) >= 2, 60)
    box = page.locator("metric-chart[data-name=loss] .plot").bounding_box()
    assert box
    page.mouse.move(box["x"] + 150, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 350, box["y"] + 62, steps=4)
    page.mouse.up()
    expect(page.get_by_role("button", name="Reset zoom")).to_be_visible()
    zoomed = _range(page)
    server.api.post(f"/runs/{run_id}/cancel")
    expect(page.locator("run-view .title-line state-badge")).to_have_text("Cancelled")
    done = server.run(run_id)["epochs_done"]
    other = "metric-chart[data-name=accuracy] .plot"
    eventually(lambda: _range(page, other) == [0, done], 10)
    assert _range(page) == zoomed
    server.api.post(f"/runs/{run_id}/extend", json={"epochs": 9_000})
    eventually(lambda: _range(page, other) == [0, 9_000], 10)
    assert _range(page) == zoomed
    assert page.locator("metric-chart[data-name=loss] .xtick").count() < 20
    page.mouse.dblclick(box["x"] + 250, box["y"] + 80)
    eventually(lambda: _range(page) == [0, 9_000], 10)


def test_ticks_of_epochs_are_whole(page: Page, server: Server) -> None:
    run_id = server.launch(epochs=2, seed=7)
    page.goto(f"{server.url}/#/runs/{run_id}")
    expect(page.locator("run-view .title-line state-badge")).to_have_text("Succeeded")
    ticks = page.locator("metric-chart[data-name=loss] .xtick text")
    expect(ticks).to_have_text(["0", "1", "2"])
    page.goto(f"{server.url}/#/compare?run={run_id}&x=epochs")
    expect(page.locator("panel-chart .xtick text").first).to_be_visible()
    labels = page.locator("panel-chart .xtick text").all_text_contents()
    assert all(label.isdigit() for label in labels), labels


def _range(page: Page, plot: str = "metric-chart[data-name=loss] .plot") -> list[float]:
    read = f"document.querySelector('{plot}').layout.xaxis.range"
    return list(page.evaluate(read))


def _stored_epochs(server: Server, run_id: str) -> list[int]:
    return [m["epoch"] for m in server.api.get(f"/runs/{run_id}/metrics").json()["items"]]
