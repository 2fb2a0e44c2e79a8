"""A client of the REST API, for notebooks, scripts and the command line.

    client = Client()
    run = client.runs.create({"model": "inception", "n_train": 1000}, epochs=2)
    for event in client.stream(f"run:{run.id}"):
        print(event.kind, event.data)

Every method raises a `RethinkError` with a sentence that says what to do: `InvalidInput`,
`NotFound`, `Conflict`, `TooManyRuns`, `Unauthorized`, or `ServerError` for the rest.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, overload
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from core.run.lifecycle import TERMINAL, RunState
from core.run.metrics import EpochMetrics, EpochRow
from core.run.spec import RunSpec
from core.settings import Settings, get_settings
from rethink import discovery
from rethink.figures import Figures, data_frame
from rethink.studies import Studies
from rethink.transport import Event, Transport

if TYPE_CHECKING:
    import pandas


class Run(BaseModel):
    """A run as the API shows it. Fields this client does not know are kept too."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    name: str | None = None
    spec: dict[str, Any]
    unknown_spec: str | None = None
    """Why the server does not understand the spec: it is another version's."""
    state: RunState
    outcome: str | None = None
    error: dict[str, Any] | None = None
    """`message` and `detail` of a run that failed."""
    epochs: int
    """Epochs asked for."""
    epochs_done: int = 0
    fraction: float | None = None
    """Part of all that was asked for that is done, 0 to 1."""
    eta_seconds: float | None = None
    queue_position: int | None = None
    obstacle: str | None = None
    """Why no worker can train it, if none can."""
    progress: dict[str, Any] | None = None
    latest: EpochMetrics | None = None
    """Metrics of the newest epoch."""
    demands: Sequence[dict[str, Any]] = ()
    """Who asked for it (`owner`), and how far; those `withdrawn` too."""
    attempts: Sequence[dict[str, Any]] = ()
    """Every turn of a worker, where a single run was asked for."""

    @property
    def ended(self) -> bool:
        return self.state in TERMINAL

    @property
    def model(self) -> str:
        return str(self.spec["model"])


class Client:
    """Talks to one server.

    Without arguments that is `RETHINK_URL` with `RETHINK_TOKEN`, or else the server that runs on
    this machine with the same `RETHINK_HOME`.

    Raises:
        NoServer: no server was named and none runs here.
    """

    def __init__(
        self, url: str | None = None, token: str | None = None, *, settings: Settings | None = None
    ) -> None:
        settings = settings or get_settings()
        if url is None:
            server = discovery.find(settings)
            url, token = server.url, token or server.token
        self._transport = Transport(url, token, settings)
        self.url = self._transport.url
        self.runs = Runs(self._transport)
        self.studies = Studies(self._transport)
        self.figures = Figures(self._transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def health(self) -> dict[str, Any]:
        """State of the server, its database, broker and workers."""
        return dict(self._transport.request("GET", "health"))

    def capabilities(self) -> dict[str, Any]:
        """What the workers offer: devices, datasets, models, presets."""
        return dict(self._transport.request("GET", "capabilities"))

    def workers(self) -> list[dict[str, Any]]:
        """The workers, and what each is doing."""
        return list(self._transport.request("GET", "workers"))

    def stream(self, *topics: str) -> Iterator[Event]:
        """Follow `topics` (`runs`, `run:<id>`) until the connection ends.

        Raises:
            StreamLost: the connection broke. Fetch the state again, then call this anew.
        """
        return self._transport.stream(*topics)

    def wait(
        self,
        run_id: str,
        *,
        epochs: int | None = None,
        timeout: float | None = None,
        poll: float = 1.0,
    ) -> Run:
        """Wait until a run has ended, or has `epochs` epochs, and return it.

        A run may go on for others that asked for more of it.

        Raises:
            TimeoutError: it had not come so far after `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not (run := self.runs.get(run_id)).ended and (
            epochs is None or run.epochs_done < epochs
        ):
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"Run {run_id} is {run.state} after {timeout} seconds.")
            time.sleep(poll)
        return run


class Runs:
    """The runs of a server: `client.runs`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        spec: RunSpec | Mapping[str, Any],
        *,
        epochs: int,
        stop: Mapping[str, float] | None = None,
        name: str | None = None,
        priority: int | None = None,
    ) -> Run:
        """Launch a run, or return the one that has this spec already (extended if too short).

        `stop` may hold `train_loss` or `train_accuracy`: the run ends early once it is reached.
        """
        body = _launch(spec, epochs, stop) | _present(name=name, priority=priority)
        return self._run("POST", "runs", json=body)

    def estimate(
        self,
        spec: RunSpec | Mapping[str, Any],
        *,
        epochs: int,
        stop: Mapping[str, float] | None = None,
    ) -> dict[str, Any]:
        """How long a run would take, without launching it."""
        answer = self._transport.request("POST", "runs/estimate", json=_launch(spec, epochs, stop))
        return dict(answer)

    def list(
        self,
        *,
        state: str | None = None,
        limit: int = 50,
        offset: int = 0,
        sort: str | None = None,
    ) -> "Sequence[Run]":
        """Runs, newest first unless `sort` says otherwise."""
        params = _present(state=state, limit=limit, offset=offset, sort=sort)
        answer = self._transport.request("GET", "runs", params=params)
        return [Run.model_validate(item) for item in answer["items"]]

    def count(self) -> int:
        """How many runs the server holds."""
        return int(self._transport.request("GET", "runs", params={"limit": 1})["total"])

    def get(self, run_id: str) -> Run:
        return self._run("GET", _path(run_id))

    @overload
    def metrics(self, run_id: str) -> "Sequence[EpochRow]": ...
    @overload
    def metrics(self, run_id: str, *, format: Literal["csv", "json"]) -> str: ...

    def metrics(
        self, run_id: str, *, format: Literal["csv", "json"] | None = None
    ) -> "Sequence[EpochRow] | str":
        """The curve of a run, a named tuple an epoch; or, with `format`, the download's text."""
        path = _path(run_id, "metrics")
        if format is not None:
            return self._transport.raw("GET", path, params={"format": format}).text
        answer = self._transport.request("GET", path, params={"format": "json"})
        return [EpochRow(*map(item.get, EpochRow._fields)) for item in answer["items"]]

    def frame(self, run_id: str) -> "pandas.DataFrame":
        """The curve of a run as a pandas DataFrame, a row an epoch.

        Raises:
            InvalidInput: pandas is not installed.
        """
        return data_frame(self.metrics(run_id, format="csv").encode(), instead="runs.metrics")

    def cancel(self, run_id: str, *, everywhere: bool = False) -> Run:
        """End a run. One that studies want goes on, unless it is cancelled `everywhere`."""
        params = {"everywhere": everywhere}
        return self._run("POST", _path(run_id, "cancel"), params=params)

    def pause(self, run_id: str) -> Run:
        return self._run("POST", _path(run_id, "pause"))

    def resume(self, run_id: str) -> Run:
        return self._run("POST", _path(run_id, "resume"))

    def retry(self, run_id: str) -> Run:
        """Queue a run that failed or was cancelled once more, from its last checkpoint."""
        return self._run("POST", _path(run_id, "retry"))

    def extend(self, run_id: str, epochs: int) -> Run:
        """Ask for `epochs` epochs in all."""
        return self._run("POST", _path(run_id, "extend"), json={"epochs": epochs})

    def set_priority(self, run_id: str, priority: int) -> Run:
        """Higher goes first."""
        return self._run("POST", _path(run_id, "priority"), json={"priority": priority})

    def delete(self, run_id: str) -> None:
        """Delete a run, its metrics and its checkpoints."""
        self._transport.request("DELETE", _path(run_id))

    def _run(self, method: str, path: str, **options: Any) -> Run:
        return Run.model_validate(self._transport.request(method, path, **options))


def _path(run_id: str, *verb: str) -> str:
    return "/".join(("runs", quote(run_id, safe=""), *verb))


def _launch(
    spec: RunSpec | Mapping[str, Any], epochs: int, stop: Mapping[str, float] | None
) -> dict[str, Any]:
    fields = spec.model_dump(mode="json") if isinstance(spec, RunSpec) else dict(spec)
    return {"spec": fields, "epochs": epochs} | _present(stop=dict(stop) if stop else None)


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
