"""A real server in this process, which the environment names; a client of a scripted one."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from backend.app import create_app
from core.settings import Settings, get_settings
from core.storage.database import migrate
from rethink import Client
from tests.rethink.scripted import scripted

TOKEN = "a-token-for-tests"


@pytest.fixture
def settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A running server, which the environment names."""
    chosen = Settings(home=home, token=TOKEN)
    migrate(chosen)
    server = uvicorn.Server(uvicorn.Config(create_app(chosen), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    monkeypatch.setenv("RETHINK_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("RETHINK_TOKEN", TOKEN)
    get_settings.cache_clear()
    yield chosen
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def client() -> Iterator[Client]:
    """A client of a scripted server."""
    with scripted() as connected:
        yield connected
