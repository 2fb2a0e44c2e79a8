"""/api/v1/figures and /api/v1/claims: data, the browser's figure, downloads, caching."""

import csv
import io
import json
import re
import shlex
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from matplotlib.figure import Figure
from matplotlib.text import Text
from typer.testing import CliRunner

from backend.app import create_app
from backend.figures import commands, plotly, publication, service
from backend.figures.schemas import FigureQuery
from backend.figures.style import style_of
from backend.figures.tables import COLUMNS
from core.catalogue import panels, plugins
from core.paper.criteria import CRITERIA
from core.paper.panel import Panel
from core.paper.scales import Scale
from core.paper.studies import StudyName, plan
from core.run.spec import Precision, SpecRequest, Variant
from core.settings import Settings
from core.storage import leases, runs, studies
from core.storage.database import Database, migrate
from rethink.cli import app
from rethink.client import Client
from rethink.commands import study as study_command
from tests.backend.conftest import TOKEN
from tests.core.hand_made import metrics
from tests.stored_runs import fill

FIGURES = "/api/v1/figures"
FORMATS = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "png": "image/png",
}
SMOKE = {"scale": "smoke"}


def server(home: Path) -> tuple[TestClient, Settings]:
    chosen = Settings(home=home, token=TOKEN)
    migrate(chosen)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return TestClient(create_app(chosen), base_url="http://127.0.0.1", headers=headers), chosen


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server without runs; for reading only."""
    client, _ = server(tmp_path_factory.mktemp("empty"))
    with client:
        yield client


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server with all smoke figures in two seeds; for reading only."""
    client, settings = server(tmp_path_factory.mktemp("filled"))
    fill(settings, StudyName.EVERYTHING, Scale.SMOKE, seeds=2)
    with client:
        yield client


def get(api: TestClient, path: str, **params: object) -> dict[str, Any]:
    selection = {} if {"study", "run"} & params.keys() else SMOKE
    answer = api.get(FIGURES + path, params=selection | params)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("name", list(panels))
@pytest.mark.parametrize("format", list(FORMATS))
@pytest.mark.parametrize("where", ["empty", "filled"])
def test_every_panel_downloads_in_every_format_with_and_without_runs(
    request: pytest.FixtureRequest, where: str, name: str, format: str
) -> None:
    api: TestClient = request.getfixturevalue(where)
    answer = api.get(f"{FIGURES}/{name}.{format}", params=SMOKE | {"seeds": "2"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == FORMATS[format]
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="rethink-')
    assert disposition.endswith(f'.{format}"')
    assert len(answer.content) < 400_000
    check(format, answer.content)


def test_table_1_at_smoke_says_in_words_that_there_is_none(filled: TestClient) -> None:
    panel = get(filled, "/table-1")
    assert (panel["status"], panel["status_text"]) == ("empty", "smoke has no Table 1, use quick")
    assert panel["verdict"]["sentence"] == "Not comparable: smoke has no Table 1, use quick."
    assert set(panel["counts"].values()) == {0}
    assert panel["provenance"]["runs"] == panel["notes"] == []
    assert panel["provenance"]["command"] == "", "no command makes them"
    assert "use quick" not in get(filled, "/table-1", scale="quick")["status_text"]


def check(format: str, content: bytes) -> None:
    """The file is what its name says."""
    if format == "json":
        panel = json.loads(content)
        command = panel["provenance"]["command"]
        assert command.startswith("rethink study run ") or not panel["counts"]["planned"]
    elif format == "csv":
        assert list(csv.DictReader(io.StringIO(content.decode())).fieldnames or []) == list(COLUMNS)
    elif format == "parquet":
        table = pq.read_table(io.BytesIO(content))
        assert table.column_names == list(COLUMNS)
        assert b"rethink" in table.schema.metadata
    elif format == "svg":
        root = ET.fromstring(content)
        assert root.tag.endswith("svg")
        assert b"<text" not in content  # outlines: no font is needed to show it
        assert b"<dc:date>" not in content
    elif format == "pdf":
        check_pdf(content)
    else:
        assert content.startswith(b"\x89PNG")


def check_pdf(content: bytes) -> None:
    """What LaTeX and publishers want: fonts embedded as TrueType, one page of a column's width."""
    assert content.startswith(b"%PDF-1.4")  # later versions make pdflatex warn
    assert content.rstrip().endswith(b"%%EOF")
    assert b"/Type3" not in content
    assert content.count(b"/FontFile2") == content.count(b"/CIDFontType2") > 0
    assert b"/JavaScript" not in content
    (box,) = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", content)
    assert 200 < float(box[0]) <= 5.5 * 72
    assert len(content) < 150_000


def test_a_long_curve_is_reduced_in_a_picture_and_keeps_its_spike(
    api: TestClient, settings: Settings
) -> None:
    run_id = store_long_run(settings, 5000)
    content = api.get(f"{FIGURES}/atlas.svg", params={"run": run_id, "measure": "loss"}).content
    assert len(content) < 120_000
    longest = max(re.findall(rb' d="([^"]*)"', content), key=len)
    heights = [float(y) for _, y in re.findall(rb"[ML] ([\d.]+) ([\d.]+)", longest)]
    assert len(heights) <= 500
    spike, second = sorted(heights)[:2]
    assert spike < second - 20, "the one epoch that stands out is in the picture"


def test_a_figure_is_the_same_file_until_its_runs_change(
    api: TestClient, settings: Settings
) -> None:
    def files() -> list[tuple[str, bytes]]:
        answers = [api.get(f"{FIGURES}/1a.{f}", params=SMOKE) for f in ("svg", "pdf", "png", "csv")]
        return [(a.headers["etag"], a.content) for a in answers]

    before = files()
    assert files() == before
    fill(settings, StudyName.FIGURE_1A, Scale.SMOKE)
    after = files()
    assert all(a[0] != b[0] and a[1] != b[1] for a, b in zip(after, before, strict=True))


def test_a_client_that_has_the_figure_gets_304(api: TestClient, settings: Settings) -> None:
    known = {}
    for path in ("/figures/1b", "/figures/1b.csv", "/figures/1b/plotly", "/claims"):
        url = f"/api/v1{path}"
        first = api.get(url, params=SMOKE)
        known[url] = {"If-None-Match": first.headers["etag"]}
        again = api.get(url, params=SMOKE, headers=known[url])
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    fill(settings, StudyName.FIGURE_1BC, Scale.SMOKE)
    for url, headers in known.items():
        assert api.get(url, params=SMOKE, headers=headers).status_code == 200


def test_other_code_gives_the_figure_anew(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser must not keep the verdict of rules that have changed."""
    known = {"If-None-Match": api.get(f"{FIGURES}/1b", params=SMOKE).headers["etag"]}
    monkeypatch.setattr(service, "_code", lambda: "other")
    assert api.get(f"{FIGURES}/1b", params=SMOKE, headers=known).status_code == 200


def test_a_criterion_changes_no_panel_that_has_none(api: TestClient, settings: Settings) -> None:
    fill(settings, StudyName.EVERYTHING, Scale.FULL)
    for name in ("1a", "2a", "2b", "table-1"):
        plain = get(api, f"/{name}", scale="full")
        assert plain["comparable"] is True
        assert get(api, f"/{name}", scale="full", criterion="loss-0.1") == plain


def test_a_panel_grows_with_its_runs(api: TestClient, settings: Settings) -> None:
    assert get(api, "/1b")["status"] == "empty"
    fill(settings, StudyName.FIGURE_1BC, Scale.SMOKE, seeds=2)
    panel = get(api, "/1b", seeds=2)
    assert panel["status"] == "complete"
    inception = next(s for s in panel["series"] if s["key"] == "inception")
    assert inception["x"] == [0, 0.5, 1]
    assert inception["y"][-1] == pytest.approx((25 / 5 + 26 / 6) / 2)
    assert inception["spread"] == "range"
    assert panel["verdict"]["state"] == "not comparable"
    one = get(api, "/1b", seeds=1)
    assert next(s for s in one["series"] if s["key"] == "inception")["n"] == [1, 1, 1]


def test_a_criterion_is_chosen_after_the_runs(api: TestClient, settings: Settings) -> None:
    fill(settings, StudyName.FIGURE_1BC, Scale.SMOKE)
    panel = get(api, "/1b", criterion="accuracy-99.9")
    assert panel["criterion"] == "training accuracy of 99.9 %"
    assert panel["status"] == "complete"


def test_the_table_has_a_row_a_point_with_units_and_counts(
    api: TestClient, settings: Settings
) -> None:
    fill(settings, StudyName.FIGURE_1BC, Scale.SMOKE, seeds=3)
    answer = api.get(f"{FIGURES}/1c.csv", params=SMOKE | {"seeds": "3"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    ours = [row for row in rows if row["source"] == "ours"]
    assert len(ours) == 2 * (3 + 3 + 11), "against corrupted test labels and against true ones"
    assert {row["n"] for row in ours} == {"3"}
    assert {(row["x_unit"], row["y_unit"]) for row in ours} == {("1", "fraction")}
    theirs = [row for row in rows if row["source"] == "paper"]
    assert len(theirs) == 33 + 30, "published, and computed back but at p = 1"
    assert sum(row["flag"] == "duplicate" for row in theirs) == 4


@pytest.mark.parametrize("name", list(panels))
def test_plotly_accepts_the_browser_s_figure(filled: TestClient, name: str) -> None:
    figure = get(filled, f"/{name}/plotly", seeds=2, individual=True)
    go.Figure({"data": figure["data"], "layout": figure["layout"]})  # raises if it is not valid
    assert all(trace["meta"]["key"] for trace in figure["data"])
    assert {t["type"] for t in figure["data"]} <= {"scatter", "bar"}
    if name == "1a":
        assert any(trace.get("fill") for trace in figure["data"])


@pytest.mark.parametrize("name", ["2a", "2b"])
def test_early_stopping_is_shaded_down_to_the_mean_test_curve(
    filled: TestClient, name: str
) -> None:
    traces = get(filled, f"/{name}/plotly", seeds=2, individual=True)["data"]
    shaded = [i for i, t in enumerate(traces) if t["meta"]["kind"] == "running best"]
    assert len(shaded) == len({t["meta"]["key"] for t in traces if t["meta"]["source"] == "ours"})
    for i in shaded:
        below, best = traces[i - 1], traces[i]
        assert best["fill"] == "tonexty"
        assert "edge" not in below["meta"], "a band's edge would bound the shading"
        assert below["meta"] | {"kind": "running best"} == best["meta"]
        assert below["meta"]["measure"] == "test_accuracy"


def test_axes_are_logarithmic_where_it_is_asked_for(filled: TestClient) -> None:
    panel = get(filled, "/1a", log="xy")
    assert (panel["x_axis"]["log"], panel["y_axis"]["log"]) == (True, True)
    layout = get(filled, "/1a/plotly", log="y")["layout"]
    assert (layout["xaxis"].get("type"), layout["yaxis"]["type"]) == (None, "log")
    pictures = {
        log: filled.get(f"{FIGURES}/1a.svg", params=SMOKE | {"log": log}).content
        for log in ("", "x", "y", "xy")
    }
    assert len(set(pictures.values())) == 4
    # Minor ticks, between the decades, are what only a logarithmic axis has: shorter than others.
    assert {log: p.count(b'id="xtick_') > 8 for log, p in pictures.items() if "y" not in log} == {
        "": False,
        "x": True,
    }
    for path, params in (("1b", {"log": "x"}), ("table-1", {"log": "y"})):
        answer = filled.get(f"{FIGURES}/{path}", params=SMOKE | params)
        assert answer.status_code == 422
        assert "log" in answer.json()["detail"]
    assert get(filled, "/1b", log="y")["y_axis"]["log"]


def words(picture: Figure) -> str:
    """All that is written on a picture."""
    texts = picture.findobj(lambda artist: isinstance(artist, Text))
    written = " ".join(text.get_text() for text in texts if isinstance(text, Text))
    return written.replace("\n", " ").replace("\u00a0", " ")


def test_a_picture_marks_published_duplicates_and_says_n(filled: TestClient) -> None:
    drawn = publication.figure(Panel.model_validate(get(filled, "/1c", seeds=2)))
    rings = [
        line
        for line in drawn.axes[0].lines
        if line.get_markerfacecolor() == "none" and line.get_markeredgecolor() == "#767676"
    ]
    found = {(round(float(x), 1)) for line in rings for x in np.asarray(line.get_xdata())}
    assert found == {0.6, 0.9}
    assert "equal to its neighbour to full precision" in words(drawn)
    assert "published twice" in words(drawn)
    assert "Seeds: n = 2, min–max." in words(drawn)
    alone = publication.figure(Panel.model_validate(get(filled, "/1a")))
    assert "Seeds: n = 1." in words(alone)
    panel = Panel.model_validate(get(filled, "/1b", seeds=2))
    series = panel.series[0].model_copy(update={"n": [2, 1, *panel.series[0].n[2:]]})
    assert "n = 1–2, min–max" in words(
        publication.figure(panel.model_copy(update={"series": [series]}))
    )


def test_what_is_learnt_first_can_be_told_apart_in_a_picture(filled: TestClient) -> None:
    panel = Panel.model_validate(get(filled, "/clean-corrupted"))
    points = {"x": [1.0, 2.0], "y": [0.1, 0.2], "n": [1, 1]}
    series = [s.model_copy(update=points) for s in panel.series]
    panel = panel.model_copy(update={"series": series})
    lines = publication.figure(panel).axes[0].get_lines()
    looks = {(line.get_color(), line.get_linestyle(), str(line.get_marker())) for line in lines}
    assert len(looks) == len(panel.series) == 9


def test_the_atlas_has_a_colour_a_condition_and_names_each_or_says_how_many_not(
    filled: TestClient,
) -> None:
    ids = [e.spec.hash()[:16] for e in plan(StudyName.FIGURE_1A, Scale.SMOKE)]
    few = publication.figure(Panel.model_validate(get(filled, "/atlas", run=ids)))
    lines = few.axes[0].get_lines()
    assert [line.get_linestyle() for line in lines] == ["--", "-"] * 5
    assert [a.get_color() for a in lines[::2]] == [a.get_color() for a in lines[1::2]]
    legend = few.axes[0].get_legend()
    assert legend is not None
    assert len(legend.get_texts()) == 5
    whole = Panel.model_validate(get(filled, "/atlas"))
    assert len({series.key for series in whole.series}) > publication.NAMED_AT_MOST
    legend = publication.figure(whole).axes[0].get_legend()
    assert legend is not None
    assert re.fullmatch(r"and \d+ more", legend.get_texts()[-1].get_text())


def store_long_run(settings: Settings, epochs: int) -> str:
    """A run whose loss is 1 but in epoch 777."""
    database = Database(settings.database)
    entries = plan(StudyName.FIGURE_1A, Scale.SMOKE)
    with database.write() as session:
        studies.submit(session, "custom", {"seeds": 1}, entries)
        run = leases.claim(session, "w", 60)
        assert run is not None
        curve = [metrics(i, 9.0 if i == 777 else 1.0) for i in range(1, epochs + 1)]
        leases.record_epochs(session, run.id, run.attempt, curve)
        run_id = run.id
    database.close()
    return run_id


def test_a_long_curve_reaches_the_browser_reduced(api: TestClient, settings: Settings) -> None:
    run_id = store_long_run(settings, 2000)
    figure = get(api, "/atlas/plotly", run=run_id)
    assert {len(trace["x"]) <= 500 for trace in figure["data"]} == {True}
    whole = get(api, "/atlas", run=run_id)
    assert {len(series["x"]) for series in whole["series"]} == {2000}


def test_a_study_s_own_figures(api: TestClient, settings: Settings) -> None:
    study_id = fill(settings, StudyName.FIGURE_1A, Scale.SMOKE)
    panel = get(api, "/atlas", study=study_id)
    assert len(panel["series"]) == 10
    assert get(api, "/1a", study=study_id)["status"] == "complete"
    answer = api.get(f"{FIGURES}/2a", params={"study": study_id})
    assert answer.status_code == 422
    assert "use the atlas" in answer.json()["detail"]
    assert api.get(f"{FIGURES}/1a", params={"study": "0" * 12}).status_code == 404
    assert api.get(f"{FIGURES}/atlas", params={"run": "0" * 16}).status_code == 404
    assert (
        api.get(f"{FIGURES}/1a", params={"run": panel["provenance"]["runs"][0]["id"]}).status_code
        == 422
    )


def test_runs_are_compared_as_curves_of_one_panel(api: TestClient, settings: Settings) -> None:
    fill(settings, StudyName.FIGURE_1A, Scale.SMOKE)
    ids = [entry.spec.hash()[:16] for entry in plan(StudyName.FIGURE_1A, Scale.SMOKE)]
    panel = get(api, "/atlas", run=ids[:2])
    assert [s["measure"] for s in panel["series"]] == ["train_accuracy", "test_accuracy"] * 2
    assert [s["label"] for s in panel["series"][::2]] == [
        "Small Inception, true labels",
        "Small Inception, random labels",
    ]
    assert panel["status"] == "complete"
    assert panel["provenance"]["command"].count("rethink run --set model=inception ") == 2
    assert panel["deviations"][0].startswith("Small Inception: 300 of 50,000 training images")
    assert panel["variant"] == "paper"
    losses = get(api, "/atlas", run=[ids[0][:8], ids[0]], measure="loss")
    assert [s["measure"] for s in losses["series"]] == ["train_loss", "test_loss"]
    assert losses["y_axis"] == {"title": "Loss", "unit": "nats", "log": False}
    many = api.get(f"{FIGURES}/atlas", params={"run": [f"{i:06}" for i in range(11)]})
    assert many.status_code == 422
    picture = api.get(f"{FIGURES}/atlas.svg", params={"run": ids})
    assert picture.status_code == 200


def test_runs_that_are_compared_are_said_to_be_what_they_are(
    api: TestClient, settings: Settings
) -> None:
    fill(settings, StudyName.FIGURE_1A, Scale.SMOKE)
    complete, cut, gone, *_ = (e.spec.hash()[:16] for e in plan(StudyName.FIGURE_1A, Scale.SMOKE))
    database = Database(settings.database)
    with database.write() as session:
        runs.get(session, cut).state = "CANCELLED"
        runs.get(session, gone).outcome = "diverged"
    database.close()
    panel = get(api, "/atlas", run=[complete, cut, gone])
    counts = panel["counts"]
    assert (counts["complete"], counts["failed"], counts["diverged"]) == (2, 1, 1)
    assert panel["status"] == "partial"
    assert "1 run diverged: the loss became infinite." in panel["notes"]
    assert [series["diverged"] for series in panel["series"]] == [0, 0, 0, 0, 1, 1]


def test_what_is_learnt_first_is_shown_of_grids_runs_and_other_levels(
    api: TestClient, settings: Settings
) -> None:
    fill(settings, StudyName.FIGURE_1BC, Scale.SMOKE)
    levels = get(api, "/clean-corrupted", corruption=[0.3, 1])
    assert {s["key"] for s in levels["series"]} == {
        "MLP 1×512, p = 0.3",
        *(f"{model}, p = 1" for model in ("MLP 1×512", "Small AlexNet", "Small Inception")),
    }
    grid = {
        "base": {"n_train": 1000, "randomization": "corrupted_labels"},
        "axes": {"corruption": [0, 0.2, 0.5]},
    }
    body = {"study": "custom", "grid": grid}
    study = api.post("/api/v1/studies", json=body).json()
    panel = get(api, "/clean-corrupted", study=study["id"])
    assert {s["key"] for s in panel["series"]} == {"corruption = 0.2", "corruption = 0.5"}
    ids = study["run_ids"][1:]
    assert get(api, "/clean-corrupted", run=ids)["counts"]["planned"] == 2
    clean = {"study": "custom", "grid": {"base": {"n_train": 1000}}}
    nothing = api.post("/api/v1/studies", json=clean).json()["id"]
    answer = api.get(f"{FIGURES}/clean-corrupted", params={"study": nothing})
    assert answer.status_code == 422
    assert api.get(f"{FIGURES}/clean-corrupted", params={"corruption": 0}).status_code == 422
    for query, words in (
        ({"corruption": 0.35}, "corruption 0.35 is not allowed: use 0.1, 0.2, 0.3"),
        ({"run": study["run_ids"][0]}, "no run has corrupted labels"),
    ):
        answer = api.get(f"{FIGURES}/clean-corrupted", params=query)
        assert answer.status_code == 422
        assert words in answer.json()["detail"]


def test_provenance_says_what_trained_the_runs(api: TestClient, settings: Settings) -> None:
    fill(settings, StudyName.FIGURE_1A, Scale.SMOKE)
    origin = get(api, "/1a")["provenance"]
    assert origin["devices"] == ["a processor"]
    assert origin["torch_versions"] == ["2.14.1"]
    assert origin["data_fingerprints"] == ["ab" * 32]
    assert origin["command"] == (
        "rethink study run figure-1a --scale smoke --variant paper --seeds 1 --precision fp32"
    )
    assert origin["code_versions"] == ["0.1.0 (1a2b3c4), engine 2"]
    assert len(origin["runs"]) == 5
    assert not origin["mixed"]


def test_a_study_names_the_command_that_makes_it_again(
    api: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(settings, StudyName.FIGURE_1A, Scale.SMOKE)
    grid = {
        "base": {"model": "mlp-1x512", "n_train": 1000, "random_flip": True},
        "axes": {"learning_rate": [0.01, 0.1], "randomization": ["true_labels", "random_labels"]},
        "epochs": 7,
        "stop": {"train_accuracy": 0.99},
    }
    body = {"study": "custom", "seeds": 2, "grid": grid}
    study = api.post("/api/v1/studies", json=body).json()
    command = get(api, "/atlas", study=study["id"])["provenance"]["command"]
    assert command == (
        "rethink study run custom --seeds 2 --precision fp32 --set model=mlp-1x512 "
        "--set n_train=1000 --set random_flip=true --axis learning_rate=0.01,0.1 "
        "--axis randomization=true_labels,random_labels --epochs 7 --stop-train-accuracy 0.99"
    )
    asked = []
    monkeypatch.setattr(Client, "__init__", lambda _: None)
    monkeypatch.setattr(Client, "close", lambda _: None)
    monkeypatch.setattr(
        Client,
        "studies",
        SimpleNamespace(plan=lambda *_, **request: asked.append(request) or plan_without_runs()),
        raising=False,
    )
    words = shlex.split(command.replace("study run", "study plan"))[1:]
    CliRunner().invoke(app, words, catch_exceptions=False)
    again = api.post("/api/v1/studies", json={"study": "custom", **asked[0]})
    assert (again.status_code, again.json()["id"]) == (200, study["id"]), "it is the same study"


def test_a_grid_and_a_run_say_their_variant_and_how_they_differ(api: TestClient) -> None:
    def stored(axes: dict[str, list[str]]) -> dict[str, Any]:
        base = {"n_train": 1000, "randomization": "gaussian"}
        grid = {"base": base, "axes": axes, "epochs": 2}
        study = api.post("/api/v1/studies", json={"study": "custom", "grid": grid}).json()
        found: dict[str, Any] = {"study": study["id"], "run": study["run_ids"][0]}
        return found

    report = stored({"variant": ["report"]})
    for source in ({"study": report["study"]}, {"run": report["run"]}):
        panel = get(api, "/atlas", **source)
        assert panel["variant"] == "report"
        assert panel["deviations"] == [
            "MLP 1×512: 1,000 of 50,000 training images, randomization as in the report."
        ]
        name = api.get(f"{FIGURES}/atlas.csv", params=source).headers["content-disposition"]
        assert "-custom-report-" in name
    both = stored({"variant": ["paper", "report"]})
    assert get(api, "/atlas", study=both["study"])["variant"] == "mixed"


@pytest.mark.parametrize("name", [StudyName.EVERYTHING, StudyName.TABLE_1])
@pytest.mark.parametrize("scale", list(Scale))
def test_the_command_of_a_run_makes_the_same_spec(name: StudyName, scale: Scale) -> None:
    for entry in plan(name, scale, Variant.REPORT, 2, Precision.BF16):
        words = shlex.split(commands.of_runs([(entry.spec, 3)]))
        assert words[:2] == ["rethink", "run"]
        assert words[-2:] == ["--epochs", "3"]
        assert set(words[2:-2:2]) == {"--set"}
        asked = SpecRequest.model_validate(study_command.grid_of(words[3:-2:2], [])[0])
        assert asked.resolve(Precision.FP32) == entry.spec


def plan_without_runs() -> dict[str, Any]:
    counts = dict.fromkeys(("runs_needed", "reused", "extended", "new", "epochs"), 0)
    return {"title": "", **counts, "sharing": {"runs": 0}, "deviations": []}


def test_claims_are_judged_for_the_scale_that_is_asked_for(
    api: TestClient, settings: Settings
) -> None:
    found = api.get("/api/v1/claims").json()
    assert [item["panel"] for item in found["items"]] == ["1a", "1b", "1c", "2a", "2b", "table-1"]
    assert {item["verdict"]["state"] for item in found["items"]} == {"incomplete"}
    fill(settings, StudyName.FIGURE_1A, Scale.FULL)
    first = api.get("/api/v1/claims").json()["items"][0]
    assert first["status"] == "complete"
    assert first["verdict"]["state"] in ("reproduced", "not reproduced")
    assert first["verdict"]["checks"]
    smoke = api.get("/api/v1/claims", params=SMOKE).json()["items"]
    assert {item["verdict"]["state"] for item in smoke} == {"not comparable"}


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("/9z", {}, "name"),
        ("/1a.docx", {}, "format"),
        ("/1b", {"criterion": "loss-7"}, "criterion"),
        ("/1b", {"seeds": 99}, "seeds"),
        ("/1b", {"scale": "tiny"}, "scale"),
        ("/1b", {"study": "../../etc"}, "study"),
        ("/atlas", {"study": "0" * 12, "run": "0" * 16}, "run"),
        ("/1a", {"study": "0" * 12, "scale": "full"}, "scale"),
        ("/1a", {"study": "0" * 12, "variant": "paper"}, "variant"),
        ("/atlas", {"run": "0" * 16, "seeds": "2"}, "seeds"),
    ],
)
def test_bad_queries_name_the_field(
    api: TestClient, path: str, params: dict[str, Any], field: str
) -> None:
    answer = api.get(FIGURES + path, params=params)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_figure_of_33_runs_is_quick(api: TestClient, settings: Settings) -> None:
    """20 ms at the 95th percentile is the aim; the limit here leaves room for a busy machine."""
    fill(settings, StudyName.FIGURE_1BC, Scale.FULL)
    assert get(api, "/1b", scale="full")["status"] == "complete"
    times = []
    for _ in range(20):
        start = time.perf_counter()
        assert api.get(f"{FIGURES}/1b", params={"scale": "full"}).status_code == 200
        times.append(time.perf_counter() - start)
    assert sorted(times)[18] < 0.2


def test_whatever_draws_a_panel_counts_in_its_etag(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = service._code()
    (home / "plugins").mkdir()
    (home / "plugins" / "mine.py").write_text("")
    try:
        plugins.load(home)
        with_plugin = service._code()
    finally:
        plugins.forget(home)
    found = {before, with_plugin}
    package = tmp_path / "core"
    (package / "catalogue").mkdir(parents=True)
    monkeypatch.setattr(service.core, "__file__", str(package / "__init__.py"))
    for name in ("catalogue/names.py", "numbers.csv"):
        (package / name).write_text("1")
        service._digest.cache_clear()
        found.add(service._code())
    service._digest.cache_clear()
    assert len(found) == 4


def test_a_spread_down_to_zero_has_its_lower_bar(filled: TestClient) -> None:
    panel = Panel.model_validate(get(filled, "/1c", seeds=2))
    series = next(s for s in panel.series if s.spread != "none")
    points = range(len(series.x))
    series = series.model_copy(
        update={"low": [0.0 for _ in points], "high": [None for _ in points]}
    )
    trace = plotly._line(panel, series, points, style_of(series), points=True)
    assert trace["error_y"]["arrayminus"] == list(series.y)
    assert trace["error_y"]["array"] == [0.0 for _ in points]


def test_references_that_reach_further_settle_the_ticks(filled: TestClient) -> None:
    panel = Panel.model_validate(get(filled, "/1a"))
    short = [s.model_copy(update={"x": [1, 2], "y": [1, 1]}) for s in panel.series[:1]]
    long = [s.model_copy(update={"x": [1, 80]}) for s in short]
    for references, dtick in (([], 1), (long, None)):
        changed = panel.model_copy(update={"series": short, "references": references})
        axes = changed.x_axis.model_copy(update={"unit": "epochs", "log": False})
        layout = plotly._layout(changed.model_copy(update={"x_axis": axes}), "")
        assert layout["xaxis"].get("dtick") == dtick


def test_levels_are_rounded_as_in_specs() -> None:
    assert FigureQuery(corruption=(0.1 + 0.2,)).corruption == (0.3,)


def test_a_race_is_extended_by_a_race() -> None:
    request = {"model": "alexnet", "scale": "smoke"}
    for study, named in (("race", "race"), ("everything", "figure-1bc")):
        command = commands.by_criterion(study, request, CRITERIA["loss-0.1"])
        assert command.startswith(f"rethink study run {named} --model alexnet --scale smoke")
        assert command.endswith("--criterion loss-0.1")
