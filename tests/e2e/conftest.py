"""A real server (`rethink up`) and a real Chromium, shared by the browser tests.

Both end when the browser tests are left and not with the session: an open Playwright keeps an event
loop in this thread, and a warm trainer keeps memory, that later tests should not meet.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Playwright, Request, expect, sync_playwright

from tests.e2e.browsers import find_chromium, launch_flags
from tests.services import Postgres
from worker.datasets.images import ImageDataset

expect.set_options(timeout=15_000)  # two busy cores are slow
ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
_kept: dict[str, "Server | Browser"] = {}
"""The server by its database, and the browser: made anew if browser tests are come back to."""
_ends: list[Callable[[], None]] = []
"""What ends them, to be called last first."""
ENDLESS = 10_000
"""Epochs that no test lives to see the last of: a small MLP takes some 4 ms for one."""
LINK = re.compile(r"Open\s+(http://127\.0\.0\.1:\d+)")


class Server:
    """A `rethink up` on a fresh home that has the dataset already; without a URL, on SQLite."""

    def __init__(self, home: Path, database_url: str = "") -> None:
        self.home, self.output = home, home / "up.out"
        clean = {k: v for k, v in os.environ.items() if not k.startswith("RETHINK_")}
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rethink", "up", "--port", "0"],
                cwd=ROOT,
                env={
                    **clean,
                    "RETHINK_HOME": str(home),
                    "RETHINK_DATABASE_URL": database_url,
                    "RETHINK_DEMO": "0",
                    "RETHINK_WORKERS": "1",
                },
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            eventually(lambda: LINK.search(self.output.read_text()) or self.process.poll(), 60)
        except AssertionError:
            self.process.terminate()  # or it would go on after the tests
            self.process.wait(30)
            raise
        found = LINK.search(self.output.read_text())
        assert found, self.output.read_text()
        self.url, self.token = found[1], (home / "token").read_text().strip()
        self.link = f"{self.url}/#token={self.token}"
        self.api = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=60,  # the first launch waits for the first worker, which may itself take 20 s
        )

    def launch(self, epochs: int, name: str = "", **spec: Any) -> str:
        """Queue a small MLP; returns its id."""
        small = {"model": "mlp-1x512", "n_train": 500, "n_test": 200, "width": 0.25}
        body = {"spec": small | spec, "epochs": epochs, "name": name}
        answer = self.api.post("/runs", json=body)
        assert answer.is_success, answer.text
        return str(answer.json()["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        return dict(self.api.get(f"/runs/{run_id}").json())

    def kill_api(self) -> None:
        """End the API's process alone; `rethink up` starts it again."""
        [file] = (self.home / "servers").glob("*.json")
        pid = json.loads(file.read_text())["pid"]
        os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        self.api.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            shutil.rmtree(self.home, ignore_errors=True)


class Watched:
    """A page, and all that it did which it should not have done."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.url, self.faults = page, server.url, list[str]()
        self.refusals_expected = False
        page.on("console", lambda m: self._on_console(m.type, m.text))
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("request", self._on_request)

    def _on_console(self, kind: str, text: str) -> None:
        refused = text.startswith("Failed to load resource")
        if kind in ("error", "warning") and not (refused and self.refusals_expected):
            self.faults.append(f"{kind}: {text}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.faults.append(f"a request left the host: {request.url}")


def eventually(holds: Callable[[], Any], seconds: float) -> Any:
    """Wait until `holds()` is true; returns what it gave."""
    deadline = time.monotonic() + seconds
    while not (result := holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return result


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
)
def server(
    request: pytest.FixtureRequest,
    cifar10: ImageDataset,  # noqa: ARG001
    data_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Server:
    """A server for all browser tests; without any run at first."""
    if isinstance(kept := _kept.get(request.param), Server):
        return kept
    home = tmp_path_factory.mktemp("home")
    (home / "datasets").symlink_to(data_home / "datasets")
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        started = Server(home, postgres.new_database())
    else:
        started = Server(home)
    _kept[request.param] = started
    _ends.append(started.close)
    return started


@pytest.fixture
def browser() -> Browser:
    if isinstance(kept := _kept.get("browser"), Browser):
        return kept
    playwright: Playwright = sync_playwright().start()
    chromium = find_chromium(Path(playwright.chromium.executable_path))
    if chromium is None:
        playwright.stop()
        message = "NO BROWSER TESTS: no Chromium found. Run `playwright install chromium`."
        if os.environ.get("CI") == "true":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    opened = playwright.chromium.launch(executable_path=str(chromium), args=launch_flags())
    _kept["browser"] = opened
    _ends.extend((playwright.stop, opened.close))
    return opened


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:  # noqa: ARG001
    if nextitem is None or HERE not in nextitem.path.parents:
        while _ends:
            _ends.pop()()
        _kept.clear()


@pytest.fixture(autouse=True)
def _idle_afterwards(server: Server) -> Iterator[None]:
    """No test waits for the runs of another."""
    yield
    query: dict[str, Any] = {"state": ["QUEUED", "RUNNING", "PAUSED"], "limit": 100}
    for run in server.api.get("/runs", params=query).json()["items"]:
        server.api.post(f"/runs/{run['id']}/cancel", params={"everywhere": True})


@pytest.fixture
def watched(browser: Browser, server: Server) -> Iterator[Watched]:
    """A page that is not signed in; at the end of the test it must have done nothing wrong."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(20_000)
    found = Watched(context.new_page(), server)
    yield found
    context.close()
    assert not found.faults


@pytest.fixture
def page(watched: Watched, server: Server) -> Page:
    """A page that is signed in, on the overview."""
    watched.page.goto(server.link)
    watched.page.locator("live-dot[data-status=live]").wait_for()
    watched.page.goto(f"{server.url}/#/")  # it begins at the race where there is no run
    watched.page.locator("live-dot[data-status=live]").wait_for()
    return watched.page
