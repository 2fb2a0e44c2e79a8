"""What a new user does first: open the printed link, launch a run, watch it, take its data."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.chart import drawn
from tests.e2e.conftest import Server, Watched, eventually


@pytest.mark.timeout(240)
def test_from_the_printed_link_to_a_live_curve_and_its_csv(
    watched: Watched, server: Server, tmp_path: Path
) -> None:
    page = watched.page
    page.goto(server.link)
    expect(page.get_by_role("button", name="Start the race")).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", name="Do networks learn, or memorise?")).to_be_visible()
    assert server.token not in page.url, "the token stays in no address and no history"

    page.get_by_role("link", name="Set up a run").click()
    page.get_by_label("Model", exact=True).select_option("mlp-1x512")
    page.get_by_label("Training images").fill("5000")
    page.get_by_label("Epochs", exact=True).fill("5")
    expect(page.locator("estimate-line")).to_contain_text("unknown yet")
    page.get_by_role("button", name="Launch").click()
    page.wait_for_url("**/#/runs/*", timeout=60_000)  # waits for the first worker

    seen = _lengths_while_it_trains(page, epochs=5)
    assert len(seen & {1, 2, 3, 4}) >= 2, f"the curve grew epoch by epoch: {sorted(seen)}"
    expect(page.locator("run-view state-badge")).to_have_text("Succeeded", timeout=30_000)
    epochs, losses = drawn(page)
    assert epochs == [1, 2, 3, 4, 5]
    assert losses[-1] < losses[0] < 2.31, "it learns"

    with page.expect_download() as download:
        page.get_by_role("link", name="Download the metrics as CSV").click()
    download.value.save_as(tmp_path / "metrics.csv")
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert [float(row["train_loss"]) for row in rows] == losses
    assert list(rows[0])[:6] == [
        *("epoch", "step", "train_loss", "train_accuracy", "test_loss", "test_accuracy")
    ]

    page.goto(f"{server.url}/#/launch")
    page.get_by_label("Training images").fill("5000")
    page.get_by_label("Epochs", exact=True).fill("20")
    page.get_by_label("Test images").fill("1000")
    expect(page.locator("estimate-line")).to_contain_text("About")  # one run has been measured


def _lengths_while_it_trains(page: Page, epochs: int) -> set[int]:
    seen: set[int] = set()

    def is_complete() -> bool:
        seen.add(len(drawn(page)[0]))
        return epochs in seen

    eventually(is_complete, 180)
    return seen
