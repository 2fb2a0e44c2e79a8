"""Recorded figures: whole, and with all it takes to make them again."""

import csv
import io
from pathlib import Path

import pytest

from backend.figures import tables
from core.domain.panel import Panel

RESULTS = Path(__file__).parents[1] / "results"
FIGURES = sorted(RESULTS.glob("*/*.json"))


@pytest.mark.parametrize("file", FIGURES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_recorded_figure_is_complete_and_says_how_it_was_made(file: Path) -> None:
    panel = Panel.model_validate_json(file.read_bytes())
    partly = panel.scale == "full"  # what two cores can train of it: one network
    assert panel.status == ("partial" if partly else "complete")
    assert panel.scale == file.parent.name
    origin = panel.provenance
    assert origin.command.startswith("rethink study run ")
    assert origin.devices
    assert origin.runs
    assert all(run.spec_hash.startswith(run.id) for run in origin.runs)
    whole = {s.key for s in panel.series if s.state == "complete"}
    assert not partly or whole == {"mlp-1x512"}


@pytest.mark.parametrize("file", FIGURES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_its_table_is_of_the_same_runs(file: Path) -> None:
    panel = Panel.model_validate_json(file.read_bytes())
    made = list(csv.DictReader(io.StringIO(tables.to_csv(panel).decode())))
    recorded = list(csv.DictReader(io.StringIO(file.with_suffix(".csv").read_text("utf-8"))))
    assert [list(map(_value, row.values())) for row in recorded] == [
        list(map(_value, row.values())) for row in made
    ]
    assert recorded


def _value(text: str) -> float | str:
    """Numbers as such: 1 and 1.0 are the same."""
    try:
        return float(text)
    except ValueError:
        return text


def test_every_panel_was_recorded() -> None:
    names = {file.stem for file in (RESULTS / "quick").glob("*.json")}
    assert names == {"1a", "1b", "1c", "2a", "2b", "table-1", "clean-corrupted"}
