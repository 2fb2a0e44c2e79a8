"""The first run on an empty home, so that the first thing a new user sees is a network learning."""

import threading
from collections.abc import Callable
from typing import Any

from core.domain.errors import RethinkError
from core.domain.metrics import Progress
from rethink.client import Client, Run
from rethink.follow import Epoch, State, Step, follow, prepares
from rethink.table import HEADER, row

PRESET = "demo"


class Demo(threading.Thread):
    """Queues the demonstration if the server holds no run, and prints its epochs."""

    def __init__(self, client: Client, say: Callable[[str], None]) -> None:
        super().__init__(name="demo", daemon=True)
        self._client, self._say = client, say
        self._stop = threading.Event()

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> None:
        try:
            if self._client.runs.count() == 0:
                self._show(self._launch())
        except RethinkError as error:
            if not self._stop.is_set():
                self._say(f"The demonstration could not be shown: {error.message}")

    def _launch(self) -> Run:
        presets: list[dict[str, Any]] = self._client.capabilities()["presets"]
        preset = next(p for p in presets if p["name"] == PRESET)
        request = preset["request"]
        run = self._client.runs.create(
            request["spec"],
            epochs=request["epochs"],
            stop=request.get("stop"),
            name=preset["title"],
        )
        self._say(
            f"\nA first run was queued: {preset['description']} RETHINK_DEMO=0 leaves it out.\n"
        )
        return run

    def _show(self, run: Run) -> None:
        headed = False
        said: object = None
        for news in follow(self._client, run.id, stop=self._stop):
            match news:
                case Step(progress=progress) if prepares(progress):
                    now = milestone(progress)
                    if now != said:
                        self._say(f"  {progress.phase}: {progress.detail or '…'}")
                    said = now
                case Epoch(metrics=metrics):
                    if not headed:
                        self._say(HEADER)
                        headed = True
                    self._say(row(metrics))
                case State(run=run) if run.ended:
                    self._say(ending(self._client, run))


def milestone(progress: Progress) -> tuple[str, int | str | None]:
    """What has to change for another line: the phase, and the tenth or what is being done."""
    if progress.fraction is None:
        return progress.phase, progress.detail
    return progress.phase, int(progress.fraction * 10)


def ending(client: Client, run: Run) -> str:
    if run.state == "SUCCEEDED":
        return f"\nIt has finished. Its curve: {client.url}/#/runs/{run.id}\n"
    reason = (run.error or {}).get("message", "no reason was given")
    return f"\nIt ended as {run.state}: {reason}\n"
