"""Where the server is: `RETHINK_URL`, or the one that runs on this machine with the same home.

A server says in its home where it listens (`core.address`); `rethink up` holds `up.lock` while it
runs, which also tells further workers the address of its broker.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

from core import address, credentials, token
from core.run.errors import InvalidInput, RethinkError
from core.settings import Settings


class NoServer(RethinkError):
    status = 503
    title = "No server is running"


@dataclass(frozen=True, slots=True)
class Server:
    """A server to talk to."""

    url: str
    token: str | None
    source: str
    """What named it: RETHINK_URL or the home."""


def find(settings: Settings) -> Server:
    """The server that client commands talk to; whether it answers is not checked.

    Raises:
        NoServer: none was named and none runs with this home.
        InvalidInput: RETHINK_URL is no address.
        HomeUnavailable: the token cannot be read.
    """
    if settings.url:
        url, linked = server_of(settings.url)
        known = settings.token or linked or ""
        # The token in the home is this machine's: it is not sent to other hosts.
        return Server(url, known or (token.read(settings) if is_local(url) else ""), "RETHINK_URL")
    url = address.listening(settings).get("url", "")
    if not url:
        raise no_server(settings)
    return Server(url.rstrip("/"), token.read(settings), str(settings.root))


def running(settings: Settings) -> dict[str, Any]:
    """What the `rethink up` of this home wrote: pid, url, broker_url. Empty if none was there."""
    return _read(settings.root / "up.lock")


def no_server(settings: Settings) -> NoServer:
    return NoServer(
        f"No server is running with home {settings.root}. Start one with `rethink up`, or set "
        "RETHINK_URL (and RETHINK_TOKEN) to one that runs elsewhere."
    )


def is_local(url: str) -> bool:
    """Whether the URL names this machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def server_of(link: str) -> tuple[str, str | None]:
    """The server's own URL, and the token if there is one, of a link as `rethink up` prints it.

    That of a view of the page or of the REST API will do as well.

    Raises:
        InvalidInput: it is no address of a server.
    """
    try:
        parts = urlsplit(link.strip())
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket or a port that is none
        named = False
    if not named:
        raise InvalidInput(
            f"The server's URL {credentials.hidden(link)} is not allowed: write "
            "http://host:port or https://host, in RETHINK_URL for the command line."
        )
    token = parse_qs(parts.fragment).get("token", [None])[0]
    path = parts.path.rstrip("/").removesuffix("/api/v1").rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path, "", "")), token


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
