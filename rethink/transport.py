"""Requests to a server over HTTP, and what goes wrong with them as errors with a sentence."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from core import credentials
from core.run import errors
from core.settings import Settings
from rethink import discovery, sse

TIMEOUT = httpx.Timeout(30, connect=5)
STREAM_TIMEOUT = httpx.Timeout(60, connect=5)
"""A live stream sends a ping every 10 seconds; a silent one is dead."""

ERRORS: dict[int, type[errors.RethinkError]] = {
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    429: errors.TooManyRuns,
}


class ServerError(errors.RethinkError):
    """The server failed, or answered what this client does not understand."""


class StreamLost(errors.RethinkError):
    """The event stream ended; the state of the runs is to be fetched again."""


@dataclass(frozen=True, slots=True)
class Event:
    """Of the stream: hello, created, state, epoch, progress, deleted, worker, study or reset."""

    kind: str
    data: dict[str, Any]


class Transport:
    """A connection to one server, with its token."""

    def __init__(self, url: str, token: str | None, settings: Settings) -> None:
        url, linked = discovery.server_of(url)
        self.url, self._settings = credentials.hidden(url), settings
        headers = {"Accept": "application/json"}
        try:
            token = credentials.usable(token or linked or "")
        except ValueError as error:
            raise errors.InvalidInput(f"The {error}.") from error
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(
            base_url=f"{url}/api/v1/",
            headers=headers,
            timeout=TIMEOUT,
            trust_env=not discovery.is_local(url),  # no proxy to this very machine
        )

    def close(self) -> None:
        self._http.close()

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Send a request; return the decoded answer (None if it has no body).

        Raises:
            RethinkError: the server refused or failed, see the module's docstring.
            NoServer: nothing answers at the address.
        """
        response = self.raw(method, path, **options)
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise ServerError(f"{self.url} is not a Rethink server: check RETHINK_URL.") from error

    def raw(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Like `request`, without decoding."""
        try:
            response = self._http.request(method, path, **options)
        except httpx.ConnectError as error:
            if self._settings.url:
                raise discovery.NoServer(
                    f"Nothing answers at {self.url}. Check RETHINK_URL, and that the server runs."
                ) from error
            raise discovery.no_server(self._settings) from error
        except httpx.TimeoutException as error:
            raise ServerError(f"{self.url} did not answer in time. Try again.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = credentials.hidden(str(error))
            raise ServerError(
                f"{self.url} cannot be used ({reason}). Check RETHINK_URL."
            ) from error
        if response.is_error:
            raise _error(response)
        return response

    def stream(self, *topics: str) -> Iterator[Event]:
        """The events of `topics`, until the connection ends.

        Raises:
            StreamLost: it ended.
        """
        try:
            with self._http.stream(
                "GET",
                "stream",
                params={"topics": ",".join(topics)},
                headers={"Accept": "text/event-stream"},
                timeout=STREAM_TIMEOUT,
            ) as response:
                if response.is_error:
                    response.read()
                    raise _error(response)
                for event in sse.parse(response.iter_lines()):
                    if event.event != "ping":
                        yield Event(event.event, json.loads(event.data))
        except httpx.HTTPError as error:
            reason = credentials.hidden(str(error))
            raise StreamLost(f"The stream of {self.url} broke off ({reason}).") from error
        raise StreamLost(f"The stream of {self.url} ended.")


def _error(response: httpx.Response) -> errors.RethinkError:
    """The error that a problem document (RFC 9457) describes."""
    try:
        problem = response.json()
        detail, fields = str(problem["detail"]), problem.get("errors") or []
    except (ValueError, KeyError, TypeError):
        url = credentials.hidden(str(response.url))
        return ServerError(f"{url} answered {response.status_code}.")
    if response.status_code == 401:
        return errors.Unauthorized(
            "The server does not accept this token. Set RETHINK_TOKEN to the one that "
            "`rethink token` prints where the server runs."
        )
    if response.status_code in (400, 413, 415, 422):
        return errors.InvalidInput(detail, fields)
    return ERRORS.get(response.status_code, ServerError)(detail)
