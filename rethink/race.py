"""A race in the terminal: true labels and random ones side by side, and what came of it."""

import threading
from collections.abc import Callable

from core.run.metrics import Progress
from rethink.client import Client
from rethink.follow import prepares
from rethink.patience import Patience
from rethink.studies import Lane, Race
from rethink.text import percent

POLL_SECONDS = 1.0
LANE = "{:>7} {:>10} {:>8}"
TITLES = ("epoch", "training", "test")
HEADER = (
    f"{'true labels':>27}   |{'random labels':>27}\n"
    f"{LANE.format(*TITLES)}   |{LANE.format(*TITLES)}"
)


def follow(
    client: Client, study_id: str, say: Callable[[str], None], stop: threading.Event | None = None
) -> Race | None:
    """Print a line whenever both have moved on, until the race has ended; then its sentence.

    Returns the race as it ended, or None if `stop` was set before.

    Raises:
        RethinkError: there is no such race, or the server did not answer for long.
    """
    stop, patience = stop or threading.Event(), Patience()
    board = _Board(client, say)
    while not stop.is_set():
        if race := patience.ask(lambda: client.studies.race(study_id)):
            board.show(race)
            if race.study.ended:
                say(f"\n{race.sentence}")
                return race
        stop.wait(POLL_SECONDS)
    return None


class _Board:
    """What was said of a race."""

    def __init__(self, client: Client, say: Callable[[str], None]) -> None:
        self._client, self._say = client, say
        self._shown: tuple[int, ...] = (0, 0)
        self._said: object = None

    def show(self, race: Race) -> None:
        epochs = tuple(lane.epochs for lane in race.lanes)
        if epochs != self._shown and (race.study.ended or self._moved_on(race)):
            if not any(self._shown):
                self._say(HEADER)
            self._say("   |".join(map(_cells, race.lanes)))
            self._shown = epochs
        elif race.study.paused and not race.study.running:
            self._say_once(race.sentence, race.sentence)
        elif not any(epochs):
            self._show_preparation(race)

    def _moved_on(self, race: Race) -> bool:
        """Whether each lane that is trained now has another epoch."""
        return all(
            lane.epochs > shown
            for lane, shown in zip(race.lanes, self._shown, strict=True)
            if lane.fit == "running" and lane.state == "RUNNING"
        )

    def _show_preparation(self, race: Race) -> None:
        """Say what a lane does before its first epoch, such as fetching the data."""
        for lane in race.lanes:
            found = self._client.runs.get(lane.run_id).progress if lane.state == "RUNNING" else None
            if found and prepares(progress := Progress.model_validate(found)):
                line = f"  {progress.phase}: {progress.detail or '…'}"
                self._say_once(line, milestone(progress))
                return

    def _say_once(self, line: str, what: object) -> None:
        if what != self._said:
            self._say(line)
        self._said = what


def milestone(progress: Progress) -> tuple[str, int | str | None]:
    """What has to change for another line: the phase, and the tenth or what is being done."""
    if progress.fraction is None:
        return progress.phase, progress.detail
    return progress.phase, int(progress.fraction * 10)


def _cells(lane: Lane) -> str:
    return LANE.format(
        lane.epochs or "–", percent(lane.train_accuracy) or "–", percent(lane.test_accuracy) or "–"
    )
