"""One file over HTTP, on networks that may be closed: a dead end is noticed within seconds."""

import contextlib
import queue
import re
import threading
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

from core.run.errors import DataCorrupt, DataUnavailable
from worker.datasets.sources import Report, fetching

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 4.0
"""For each address that a host name stands for."""
ANSWER_SECONDS = 6.0
"""For the whole way to the first byte: name resolution, which has no time-out of its own, too."""
STALL_SECONDS = 30.0
"""A transfer that receives nothing for this long is given up."""
CHUNK = 1 << 20
"""Bytes."""


def download(url: str, target: Path, *, size: int, report: Report) -> None:
    """Fetch `url`, of `size` bytes, into the file `target`. Proxies of the environment are used.

    Raises:
        DataUnavailable: it cannot be reached, or the transfer broke off.
        DataCorrupt: it is longer or shorter than `size`.
        OSError: `target` cannot be written.
    """
    import httpx  # takes a moment to import, and cached data need no network

    host = urllib.parse.urlsplit(url).hostname or url
    report(fetching(host, 0, size))
    try:
        with (
            httpx.Client(
                follow_redirects=True, timeout=httpx.Timeout(STALL_SECONDS, connect=CONNECT_SECONDS)
            ) as client,
            target.open("wb") as file,
        ):
            request = client.build_request("GET", url, headers={"Accept-Encoding": "identity"})
            with contextlib.closing(_answer(client, request)) as response:
                response.raise_for_status()
                done = 0
                for chunk in response.iter_raw(CHUNK):
                    done += len(chunk)
                    if done > size:
                        raise DataCorrupt(f"the server sent more than the {size:,} bytes expected")
                    file.write(chunk)
                    report(fetching(host, done, size))
    except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError) as error:
        raise DataUnavailable(_reason(error)) from error  # the last two: an unusable proxy
    if done < size:
        raise DataCorrupt(f"the server sent {done:,} bytes where {size:,} are expected")


def _answer(client: "httpx.Client", request: "httpx.Request") -> "httpx.Response":
    """The response without its body, or DataUnavailable after `ANSWER_SECONDS`."""
    answers: queue.Queue[httpx.Response | Exception] = queue.Queue()

    def send() -> None:
        try:
            answers.put(client.send(request, stream=True))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=send, name="download", daemon=True).start()
    try:
        answer = answers.get(timeout=ANSWER_SECONDS)
    except queue.Empty:
        raise DataUnavailable(f"no answer within {ANSWER_SECONDS:.0f} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _reason(error: Exception) -> str:
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        return f"the server answered {error.response.status_code}"
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {CONNECT_SECONDS:.0f} s"
    if isinstance(error, httpx.ReadTimeout):
        return f"the transfer stalled for {STALL_SECONDS:.0f} s"
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
