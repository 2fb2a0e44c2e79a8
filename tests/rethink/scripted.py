"""A server that answers as it is told, for a client that is to cope with it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from rethink import Client


class Script(BaseHTTPRequestHandler):
    """Answers each path with the next of its scripted answers, and with the last one for good."""

    answers: ClassVar[dict[str, list[tuple[int, str]]]] = {}
    asked: ClassVar[list[tuple[str, str, str]]] = []

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/api/v1/")
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length).decode()
        self.asked.append((self.command, self.path, body or self.headers.get("Authorization", "")))
        answers = self.answers[path]
        status, text = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    do_POST = do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def scripted() -> Iterator[Client]:
    """A client of a scripted server."""
    Script.answers, Script.asked = {}, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Script)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    with Client(f"http://127.0.0.1:{server.server_port}", "secret") as connected:
        yield connected
    server.shutdown()
    server.server_close()
    thread.join()


def answers(**scripts: list[tuple[int, Any]]) -> None:
    for path, script in scripts.items():
        Script.answers[path.replace("__", "/")] = [
            (status, body if isinstance(body, str) else json.dumps(body)) for status, body in script
        ]
