"""The application in this process, and a client of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from backend.app import create_app
from core.settings import Settings
from core.storage.database import migrate

TOKEN = "a-token-for-tests"


@pytest.fixture
def settings(home: Path) -> Settings:
    """Settings of a server with an SQLite database and no broker."""
    chosen = Settings(home=home, token=TOKEN)
    migrate(chosen)
    return chosen


@pytest.fixture
def api(settings: Settings) -> Iterator[TestClient]:
    """A signed-in client of the application, in this process."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(create_app(settings), base_url="http://127.0.0.1", headers=headers) as client:
        yield client
