"""Studies of a server: plan them, launch them, wait for them. `client.studies`."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from rethink.patience import Patience
from rethink.transport import Transport


class Study(BaseModel):
    """A study as the API shows it. Fields this client does not know are kept too."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    study: str
    title: str = ""
    request: dict[str, Any] = {}
    state: str
    """waiting, running, complete, failed or cancelled."""
    runs: int
    """Runs it needs."""
    complete: int
    running: int = 0
    failed: int = 0
    missing: int = 0
    """Runs that were deleted."""
    paused: int = 0
    """Runs that nobody trains until they are resumed: the study waits for them."""
    fraction: float = 0.0
    """Part of its runs that is done, 0 to 1."""
    panels: list[dict[str, Any]] = []
    run_ids: list[str] = []

    @property
    def ended(self) -> bool:
        return self.state in ("complete", "failed", "cancelled")


class Lane(BaseModel):
    """One of the two runs of a race."""

    model_config = ConfigDict(extra="allow", frozen=True)

    labels: str
    """true labels or random labels."""
    run_id: str
    state: str | None
    """State of its run; None: it was deleted."""
    fit: str
    """fitted, running, censored, needs extending, diverged or missing."""
    epochs: int
    """Epochs it took to fit, or those it has so far."""
    train_accuracy: float | None
    test_accuracy: float | None


class Race(BaseModel):
    """A race as the API shows it. Fields this client does not know are kept too."""

    model_config = ConfigDict(extra="allow", frozen=True)

    study: Study
    model_title: str
    criterion: str
    """When a lane has arrived, for people."""
    lanes: tuple[Lane, Lane]
    ratio: float | None
    """Epochs on random labels over those on true ones, once both have fitted."""
    sentence: str
    """What happened, or how far it is."""


class Studies:
    """The studies of a server."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def plan(self, study: str, **request: Any) -> dict[str, Any]:
        """What a study needs, what exists, and how long the rest takes; launches nothing.

        Args:
            study: figure-1a, figure-1bc, figure-2a, figure-2b, table-1, race, everything or
                custom.
            request: scale, variant, seeds, precision, criterion; model, dataset and
                randomization for race and figure-1bc; grid for custom.
        """
        return dict(self._transport.request("POST", "studies/plan", json=_body(study, request)))

    def create(self, study: str, **request: Any) -> Study:
        """Launch a study, or return the one that was asked for before, its missing runs queued."""
        answer = self._transport.request("POST", "studies", json=_body(study, request))
        return Study.model_validate(answer)

    def list(self, *, limit: int = 50, offset: int = 0) -> "Sequence[Study]":
        """Studies, the newest first."""
        params = {"limit": limit, "offset": offset}
        answer = self._transport.request("GET", "studies", params=params)
        return [Study.model_validate(item) for item in answer["items"]]

    def get(self, study_id: str) -> Study:
        """One study and how far it is."""
        return Study.model_validate(self._transport.request("GET", f"studies/{_id(study_id)}"))

    def race(self, study_id: str | None = None) -> Race | None:
        """The race that a study is; without one, the newest, or None where there is none yet."""
        params = {} if study_id is None else {"study": _id(study_id)}
        answer = self._transport.request("GET", "studies/race", params=params)
        return None if answer is None else Race.model_validate(answer)

    def cancel(self, study_id: str) -> Study:
        """Withdraw its demands; what is measured stays."""
        path = f"studies/{_id(study_id)}/cancel"
        return Study.model_validate(self._transport.request("POST", path))

    def delete(self, study_id: str, *, runs: bool = False) -> None:
        """Forget a study; with `runs`, delete those of its runs that nobody else has or demands."""
        path = f"studies/{_id(study_id)}"
        self._transport.request("DELETE", path, params={"runs": runs})

    def wait(self, study_id: str, *, timeout: float | None = None, poll: float = 2.0) -> Study:
        """Wait until a study has ended, and return it; a server that restarts is waited for too.

        A paused run holds a study up until it is resumed or cancelled: `Study.paused` counts them.

        Raises:
            TimeoutError: it had not ended after `timeout` seconds.
            RethinkError: there is no such study, or the server did not answer for long.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        patience = Patience()
        study = None
        while True:
            study = patience.ask(lambda: self.get(study_id)) or study
            if study is not None and study.ended:
                return study
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"{_how_far(study_id, study)} after {timeout} seconds.")
            time.sleep(poll)


def _how_far(study_id: str, study: Study | None) -> str:
    if study is None:
        return f"Nothing is known of study {study_id}: the server does not answer,"
    paused = f", with {study.paused} of its runs paused," if study.paused else ""
    return f"Study {study_id} is {study.state}{paused}"


def _body(study: str, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"study": study} | {k: v for k, v in request.items() if v is not None}


def _id(study_id: str) -> str:
    """The id as a part of a path: it is hexadecimal, whatever was given."""
    return "".join(c for c in study_id.lower() if c in "0123456789abcdef") or "none"
