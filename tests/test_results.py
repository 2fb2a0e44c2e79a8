"""Recorded figures: whole, and with all it takes to make them again."""

import csv
import io
from pathlib import Path

import pytest

from backend.figures import tables
from core import bundles
from core.paper.panel import Panel
from core.paper.scales import Scale
from core.paper.studies import StudyName, plan
from scripts import results
from tests.core.hand_made import fits_at
from tests.core.test_bundles import result

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


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of results whose bundle has the MLP's runs of Figures 1b and 1c at full scale."""
    entries = plan(StudyName.FIGURE_1BC, Scale.FULL)
    found = [
        result(1).model_copy(
            update={
                "spec": entry.spec,
                "spec_hash": entry.spec.hash(),
                "demands": [entry.demand],
                "metrics": bundles.columns(fits_at(20, 20, noisy_test_accuracy=0.3)),
            }
        )
        for entry in entries
        if entry.role.series == "mlp-1x512"
    ]
    (tmp_path / "bundles").mkdir()
    bundles.write_results(tmp_path / "bundles" / "mlp.zip", found)
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    with results.database(tmp_path / "bundles") as runs:
        results.record(runs)
    return tmp_path


def test_figures_are_recorded_from_bundles_and_computed_again(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {file.name for file in (elsewhere / "full").glob("*.json")} == {"1b.json", "1c.json"}
    assert not (elsewhere / "quick").exists()
    with results.database(elsewhere / "bundles") as runs:
        assert results.check(runs) == 0
        file = elsewhere / "full" / "1c.json"
        file.write_text(file.read_text().replace('"state":"incomplete"', '"state":"reproduced"'))
        assert results.check(runs) == 1
    assert "full/1c.json: differs in verdict" in capsys.readouterr().out


def test_the_recorded_figures_are_what_the_bundles_give() -> None:
    with results.database() as runs:
        assert results.check(runs) == 0
