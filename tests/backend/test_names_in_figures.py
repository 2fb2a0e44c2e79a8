"""Names that users give to runs: drawn and told as they are, whatever they look like."""

import csv
import io
import re
from typing import Any

import matplotlib as mpl
import pytest
from fastapi.testclient import TestClient
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

from backend.figures import fonts, plotly, publication
from core.catalogue import panels
from core.paper.panel import Panel
from core.paper.scales import Scale
from core.paper.studies import StudyName
from core.run.demands import Demand
from core.run.metrics import EpochMetrics
from core.run.spec import RunSpec
from core.settings import Settings
from core.storage import runs
from core.storage.database import Database
from core.storage.tables import Attempt, Metric
from tests.core.hand_made import SEGMENT, metrics
from tests.stored_runs import fill

FIGURES = "/api/v1/figures"
HOSTILE = (
    "cost $5 vs a_b^{ $6",
    "a $$ b",
    r"price \$5 or \$6 \frac{",
    "_begins with an underscore",
    "all",
    "with_bn",
    "lr: 0.1, test (paper)",
    "<b>%{y}</b> & co",
)


def store(
    settings: Settings, curves: dict[str, list[EpochMetrics]], told: dict[str, int] | None = None
) -> list[str]:
    """Finished runs with these names, each with another seed. Returns their ids."""
    database = Database(settings.database)
    ids = []
    with database.write() as session:
        for seed, (name, curve) in enumerate(curves.items()):
            spec = RunSpec(width=0.05, n_train=100, n_test=10, seed=seed)
            run, _ = runs.submit(session, spec, Demand(epochs=len(curve)), name=name)
            run.state, run.outcome, run.attempt = "SUCCEEDED", "completed", 1
            run.epochs_done = len(curve)
            attempt = {"ended_at": 2.0, "provenance": SEGMENT | (told or {})}
            session.add(Attempt(run_id=run.id, attempt=1, worker_id="w", started_at=1.0, **attempt))
            session.add_all(Metric(run_id=run.id, attempt=1, **m.model_dump()) for m in curve)
            ids.append(run.id)
    database.close()
    return ids


@pytest.fixture
def hostile(settings: Settings) -> list[str]:
    return store(settings, {name: [metrics(1, 2.0), metrics(2, 1.0)] for name in HOSTILE})


def panel_of(api: TestClient, ids: list[str], **more: str) -> Panel:
    answer = api.get(f"{FIGURES}/atlas", params={"run": ids, **more})
    assert answer.status_code == 200, answer.text
    return Panel.model_validate(answer.json())


def drawn(panel: Panel) -> Figure:
    with mpl.rc_context(publication.STYLE):
        figure = publication.figure(panel)
        figure.draw_without_rendering()
        return figure


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


@pytest.mark.parametrize("format", ["svg", "pdf", "png"])
def test_any_name_can_be_drawn(api: TestClient, hostile: list[str], format: str) -> None:
    answer = api.get(f"{FIGURES}/atlas.{format}", params={"run": hostile})
    assert answer.status_code == 200, answer.text


def test_names_are_drawn_as_they_were_given(api: TestClient, hostile: list[str]) -> None:
    figure = drawn(panel_of(api, hostile))
    assert set(HOSTILE) <= set(texts(figure))
    assert not any(text.get_parse_math() for text in figure.findobj(Text)), "no formulas"


def test_a_name_is_never_read_as_a_key(api: TestClient, hostile: list[str]) -> None:
    panel = panel_of(api, hostile)
    assert [s.label for s in panel.series[::2]] == list(HOSTILE)
    assert [s.key for s in panel.series[::2]] == list(HOSTILE)
    assert {run.label for run in panel.provenance.runs} == set(HOSTILE)
    renamed = panel.model_copy(deep=True)
    for series in renamed.series:
        series.key = f"no key: {series.key}"
    assert [_colour(t) for t in plotly.figure(panel, "")["data"]] == [
        _colour(t) for t in plotly.figure(renamed, "")["data"]
    ]
    assert [line.get_color() for line in drawn(panel).axes[0].lines] == [
        line.get_color() for line in drawn(renamed).axes[0].lines
    ]


def _colour(trace: dict[str, Any]) -> str:
    return str(trace["line"]["color"])


def test_plotly_reads_no_markup_and_no_formula_out_of_a_name(
    api: TestClient, hostile: list[str]
) -> None:
    figure = api.get(f"{FIGURES}/atlas/plotly", params={"run": hostile}).json()
    for trace in figure["data"]:
        assert not re.search("[<>$]", trace["name"])
        assert trace["hovertemplate"] == "%{y:.4g}<extra>%{fullData.name}</extra>"
        assert trace["meta"]["key"] in HOSTILE


def test_wrong_labels_are_those_that_the_trainer_counted(
    api: TestClient, settings: Settings
) -> None:
    (run_id,) = store(settings, _named("a run"), {"wrong_labels": 45})
    (run,) = panel_of(api, [run_id]).provenance.runs
    assert run.wrong_labels == 45
    assert api.get(f"/api/v1/runs/{run_id}/metrics").json()["wrong_labels"] == 45


def test_runs_with_confusable_names_stay_two_curves(api: TestClient, settings: Settings) -> None:
    """One is named as the other, which has no name, is called."""
    ids = store(settings, {"MLP 1×512, seed 1": [metrics(1, 2.0)], "": [metrics(1, 1.0)]})
    labels = {series.label for series in panel_of(api, ids).series}
    assert len(labels) == 2


def test_a_name_is_no_formula_in_a_spreadsheet(api: TestClient, settings: Settings) -> None:
    names = ["=1+1", "+1", "-1", "@sum", "\ttab", "plain"]
    ids = store(settings, {name: [metrics(1, -2.0)] for name in names})
    content = api.get(f"{FIGURES}/atlas.csv", params={"run": ids, "measure": "loss"}).content
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    conditions = dict.fromkeys(row["condition"] for row in rows)
    assert list(conditions) == ["'=1+1", "'+1", "'-1", "'@sum", "'\ttab", "plain"]
    assert {row["label"] for row in rows} == set(conditions)
    assert min(float(row["y"]) for row in rows) == -2, "a number keeps its sign"


CHINESE = "随机标签"


def test_letters_that_no_font_has_are_said_to_be_missing(
    api: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: ["/no/font.ttf"])
    fonts._fallbacks.cache_clear()
    panel, families = fonts.drawable(panel_of(api, store(settings, _named(f"{CHINESE} a\tb"))))
    assert families == [fonts.USUAL]
    assert panel.series[0].label == "□□□□ a b"
    assert "has 4 of the letters" in panel.notes[-1]
    assert any("has 4 of the letters" in " ".join(t.split()) for t in texts(drawn(panel)))
    fonts._fallbacks.cache_clear()


def test_another_font_of_the_system_stands_in(
    api: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """matplotlib brings STIX, which has a letter that its usual font lacks."""
    letter = "\N{MATHEMATICAL SCRIPT CAPITAL A}"
    stix = next(e.fname for e in font_manager.fontManager.ttflist if e.name == "STIXGeneral")
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [stix])
    fonts._fallbacks.cache_clear()
    ids = store(settings, _named(f"{letter} run"))
    panel, families = fonts.drawable(panel_of(api, ids))
    assert families == [fonts.USUAL, "STIXGeneral"]
    assert panel.series[0].label == f"{letter} run"
    for format in ("svg", "pdf", "png"):  # a letter without a glyph would be a warning
        answer = api.get(f"{FIGURES}/atlas.{format}", params={"run": ids})
        assert answer.status_code == 200, answer.text
    fonts._fallbacks.cache_clear()


def _named(name: str) -> dict[str, list[EpochMetrics]]:
    return {name: [metrics(1, 2.0), metrics(2, 1.0)]}


# ---------------------------------------------------------------------------------------- axes


def test_a_logarithmic_axis_shows_the_first_epochs(api: TestClient, settings: Settings) -> None:
    curve = [metrics(i, 1 / i) for i in range(1, 6001)]
    ids = store(settings, {"long": curve})
    query = {"run": ids, "measure": "loss", "log": "xy"}
    figure = api.get(f"{FIGURES}/atlas/plotly", params=query).json()
    (trace,) = (t for t in figure["data"] if t["meta"]["measure"] == "train_loss")
    assert trace["x"][:30] == list(range(1, 31))
    assert trace["y"][9] == pytest.approx(0.1)
    assert len(trace["x"]) <= 500
    panel = panel_of(api, ids, measure="loss", log="xy")
    lines = [line.get_xdata() for line in drawn(panel).axes[0].lines]
    assert [list(x[:30]) for x in lines] == [list(range(1, 31))] * 2


@pytest.mark.parametrize("log", ["", "x"])
@pytest.mark.parametrize("epochs", [1, 2, 3, 7])
def test_epochs_are_counted_in_whole_numbers(
    api: TestClient, settings: Settings, epochs: int, log: str
) -> None:
    ids = store(settings, {"short": [metrics(i, 2.0) for i in range(1, epochs + 1)]})
    panel = panel_of(api, ids, log=log)
    axis = drawn(panel).axes[0].xaxis
    said = [t.get_text() for t in axis.get_ticklabels(which="both")]
    assert all(float(text).is_integer() for text in said if text), said
    layout = api.get(f"{FIGURES}/atlas/plotly", params={"run": ids, "log": log}).json()["layout"]
    assert layout["xaxis"]["dtick"] == ("D1" if log else 1)


@pytest.mark.parametrize("log", ["", "y"])
def test_huge_losses_have_whole_labels(api: TestClient, settings: Settings, log: str) -> None:
    ids = store(settings, {"huge": [metrics(i, 2.5 * 10 ** (8 * i)) for i in range(1, 5)]})
    figure = drawn(panel_of(api, ids, measure="loss", log=log))
    axis = figure.axes[0].yaxis
    labels = [t for t in axis.get_ticklabels(which="both") if t.get_text()]
    assert labels
    assert all(len(t.get_text()) <= 6 for t in labels)
    assert all(t.get_window_extent().x0 >= 0 for t in labels)
    shown = axis.get_offset_text().get_text() or "".join(t.get_text() for t in labels)
    assert "32" in shown or "³" in shown


def test_traces_are_known_by_what_they_are(api: TestClient, settings: Settings) -> None:
    fill(settings, StudyName.EVERYTHING, Scale.QUICK, seeds=2)
    for name in panels:
        one, two = (
            api.get(
                f"{FIGURES}/{name}/plotly",
                params={"scale": "quick", "seeds": seeds, "individual": seeds > 1},
            ).json()
            for seeds in (1, 2)
        )
        known = {trace["uid"]: _told(trace) for trace in two["data"]}
        assert len(known) == len(two["data"]), "no two are the same"
        assert all(re.fullmatch("[0-9a-f]{12}", uid) for uid in known), "it can be a CSS class"
        assert {trace["uid"]: _told(trace) for trace in one["data"]}.items() <= known.items()


def _told(trace: dict[str, Any]) -> tuple[object, ...]:
    return tuple(trace["meta"][key] for key in ("source", "key", "measure", "kind", "seed"))


def test_a_zoom_ends_where_the_axis_means_something_else(
    api: TestClient, settings: Settings
) -> None:
    ids = store(settings, _named("a run"))

    def revisions(**more: str) -> tuple[str, ...]:
        query = {"run": ids, **more}
        layout = api.get(f"{FIGURES}/atlas/plotly", params=query).json()["layout"]
        return tuple(part["uirevision"] for part in (layout, layout["xaxis"], layout["yaxis"]))

    sheet, x, y = revisions()
    assert revisions(individual="true", spread="sd") == (sheet, x, y)
    assert revisions(log="x") == (sheet, revisions(log="x")[1], y) != (sheet, x, y)
    assert revisions(log="y")[2] != y
    assert revisions(x="steps")[1] != x
    assert revisions(measure="loss")[1:] == (x, revisions(measure="loss")[2]) != (x, y)
