"""A panel of a plugin that fails costs itself alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from backend.figures.style import PALETTE
from core.catalogue import plugins

FAILS = """
from core.catalogue import PanelType, panels

def fails(*_):
    return 1 / 0

panels.add(PanelType(name="own", title="Own", build=fails, judge=fails, claim="None."))
"""


@pytest.fixture
def own(home: Path) -> Iterator[None]:
    (home / "plugins").mkdir()
    (home / "plugins" / "own.py").write_text(FAILS)
    assert [plugin.fault for plugin in plugins.load(home)] == [""]
    yield
    plugins.forget(home)


@pytest.mark.usefixtures("own")
def test_a_panel_that_raises_is_told_and_is_no_claim_of_the_paper(api: TestClient) -> None:
    answer = api.get("/api/v1/figures/own")
    assert answer.status_code == 422
    assert "its plugin raised ZeroDivisionError" in answer.json()["detail"]
    claims = api.get("/api/v1/claims")
    assert claims.status_code == 200
    assert "own" not in {item["panel"] for item in claims.json()["items"]}


def test_every_place_has_a_style_of_its_own_on_paper() -> None:
    assert len({style.print_color for style in PALETTE}) == 7
