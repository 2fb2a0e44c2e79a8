"""`rethink study`, `rethink figure` and the client, against a real server in this process."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pandas
import pytest
from typer.testing import CliRunner

from backend.figures.tables import COLUMNS
from core.run.errors import Conflict, InvalidInput, NotFound
from core.run.lifecycle import Outcome
from core.settings import Settings
from core.storage import leases
from core.storage.database import Database
from rethink.cli import app
from rethink.client import Client
from tests.core.storage.test_runs import epoch

DOCS = Path(__file__).parents[2] / "docs" / "figures.md"
GRID = ["custom", "--set", "n_train=1000", "--axis", "learning_rate=0.01,0.1", "--epochs", "2"]


def rethink(*arguments: str, code: int = 0) -> str:
    answer = CliRunner().invoke(app, list(arguments))
    assert answer.exit_code == code, answer.output + repr(answer.exception)
    return answer.output


def train_all(settings: Settings, epochs: int) -> None:
    database = Database(settings.database)
    while True:
        with database.write() as session:
            run = leases.claim(session, "w", 60)
            if run is None:
                break
            new = [epoch(i) for i in range(1, epochs + 1)]
            leases.record_epochs(session, run.id, run.attempt, new)
            leases.finish(session, run.id, run.attempt, Outcome.COMPLETED)
    database.close()


def test_a_plan_says_what_is_needed_and_how_long_it_takes(settings: Settings) -> None:  # noqa: ARG001
    text = rethink("study", "plan", "everything", "--scale", "full")
    assert "52 needed, 0 there already, 0 to go on, 52 new" in text
    assert "time: about " in text
    assert "saves 12 runs" in text
    assert "differs from the paper: CIFAR-10" in text
    plan = json.loads(rethink("study", "plan", "figure-1a", "--json"))
    assert plan["new"] == 5
    assert "There are no studies" in rethink("study", "list")


def test_a_study_from_launch_to_deletion(settings: Settings) -> None:
    text = rethink("study", "run", *GRID)
    assert "0/2 runs" in text
    study_id = json.loads(rethink("study", "list", "--json"))[0]["id"]
    train_all(settings, 2)
    assert "complete   2/2 runs" in rethink("study", "show", study_id)
    again = rethink("study", "run", *GRID, "--watch")
    assert "nothing is left to train" in again
    assert f"Study {study_id} is complete: 2 of 2 runs." in again
    assert "complete" in rethink("study", "cancel", study_id)
    assert "was deleted" in rethink("study", "delete", study_id, "--runs")
    with Client() as client:
        assert client.runs.count() == 0
        with pytest.raises(NotFound):
            client.studies.get(study_id)


def test_cancelling_a_run_of_a_study_says_that_it_goes_on(settings: Settings) -> None:  # noqa: ARG001
    study = json.loads(rethink("study", "run", *GRID, "--json"))
    run_id = study["run_ids"][0]
    error = CliRunner().invoke(app, ["runs", "cancel", run_id]).exception
    assert isinstance(error, Conflict)
    assert f"goes on: study {study['id']} wants it" in error.message
    assert f"`rethink runs cancel {run_id} --everywhere`" in error.message
    with Client() as client:  # now this user wants it too, and then no longer
        run = client.runs.get(run_id)
        client.runs.create(run.spec, epochs=run.epochs)
        assert isinstance(CliRunner().invoke(app, ["runs", "cancel", run_id]).exception, Conflict)
        assert [d["owner"] for d in client.runs.get(run_id).demands if d["withdrawn"]] == ["launch"]
    assert rethink("runs", "cancel", run_id, "--everywhere") == f"Run {run_id}: CANCELLED\n"


def test_paused_runs_of_a_study_are_shown(settings: Settings) -> None:  # noqa: ARG001
    study = json.loads(rethink("study", "run", *GRID, "--json"))
    assert "paused" not in rethink("study", "list")
    rethink("runs", "pause", study["run_ids"][0])
    for command in (("study", "list"), ("study", "show", study["id"])):
        assert "0/2 runs, 1 paused  custom" in rethink(*command)


def test_the_end_of_a_study_says_which_networks_fitted(settings: Settings) -> None:
    smoke = ["study", "run", "figure-1bc", "--criterion", "default"]
    rethink(*smoke)
    train_all(settings, 100)  # at an accuracy of 50 %
    end = CliRunner().invoke(app, [*smoke, "--watch"])
    text = " ".join(end.output.split())
    assert end.exit_code == 1
    assert (
        "1bc: Small AlexNet: training accuracy 50 % on true labels, 50 % on random labels: "
        "failed, 98 % is required of each." in text
    )
    assert "1bc: 17 runs of 17 did not fit within the epoch limit: not drawn" in text
    plan = json.loads(rethink("study", "plan", *smoke[2:3], "--criterion", "loss-0.6", "--json"))
    assert plan["reused"] == 17


def test_figures_come_as_text_and_as_files(settings: Settings, tmp_path: Path) -> None:  # noqa: ARG001
    assert rethink("figure", "get", "1b").startswith("figure,scale,variant,condition")
    assert json.loads(rethink("figure", "get", "1a", "--format", "json"))["name"] == "1a"
    file = tmp_path / "fig1a.pdf"
    rethink("figure", "get", "1a", "--format", "pdf", "-o", str(file))
    assert file.read_bytes().startswith(b"%PDF")
    for arguments, words in (
        (["--format", "png"], "--output is required"),
        (["--format", "pdf", "-o", str(tmp_path / "no" / "such")], "cannot be written"),
        (["--criterion", "loss-9"], "criterion"),
        (["--study", "0" * 12, "--scale", "full"], "scale is not allowed together with study"),
    ):
        answer = CliRunner().invoke(app, ["figure", "get", "1a", *arguments])
        assert isinstance(answer.exception, InvalidInput)
        assert words in answer.exception.message


def test_claims_are_told_in_sentences(settings: Settings) -> None:  # noqa: ARG001
    text = rethink("figure", "claims")
    assert text.count("Incomplete: 0 of ") == 6


def test_the_client_gives_panels_and_rows(settings: Settings) -> None:  # noqa: ARG001
    with Client() as client:
        panel = client.figures.get("1c", scale="full")
        rows = client.figures.rows("1c", scale="full")
        assert panel["status"] == "empty"
        assert len(rows) == 33 + 30, "published, and computed back to true test labels"
        assert {row["source"] for row in rows} == {"paper"}


def test_the_example_in_the_docs_fetches_a_figure_as_a_data_frame(settings: Settings) -> None:  # noqa: ARG001
    (example,) = re.findall(r"^```python\n(.*?)^```", DOCS.read_text(), re.DOTALL | re.MULTILINE)
    found: dict[str, Any] = {}
    exec(compile(example, DOCS.name, "exec"), found)
    with found["client"]:
        table, panel = found["table"], found["panel"]
        assert isinstance(table, pandas.DataFrame)
        assert list(table.columns) == list(COLUMNS)
        assert table["x"].dtype == table["y"].dtype == float
        assert len(table) == len(found["rows"]) == sum(len(s["x"]) for s in panel["references"])
        assert panel["counts"]["running"] == panel["counts"]["planned"] == 51, "it was launched"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["figure-1a", "--axis", "seed=1,2"], "use custom"),
        (["figure-1a", "--set", "n_train=1000"], "--set is not allowed with figure-1a: use custom"),
        (["figure-1a", "--epochs", "5"], "--epochs is not allowed with figure-1a: use custom"),
        (["figure-1a", "--epochs", "10"], "--epochs is not allowed with figure-1a: use custom"),
        (["figure-1a", "--stop-train-loss", "0.5"], "--stop-train-loss is not allowed"),
        (["custom", "--scale", "full"], "--scale is not allowed with custom"),
        (["custom", "--scale", "smoke"], "--scale is not allowed with custom"),
        (["custom", "--variant", "report"], "--variant is not allowed with custom"),
        (["custom", "--axis", "seed"], "FIELD=VALUE"),
        (["custom", "--axis", "droput=0.1"], "spec.droput"),
    ],
)
def test_bad_studies_are_refused(
    settings: Settings,  # noqa: ARG001
    arguments: list[str],
    words: str,
) -> None:
    for command in ("plan", "run"):
        answer = CliRunner().invoke(app, ["study", command, *arguments])
        assert isinstance(answer.exception, InvalidInput), "which ends with exit code 2"
        assert words in answer.exception.message
    assert "There are no studies" in rethink("study", "list")


def test_what_is_left_out_of_a_study_is_what_the_help_says(
    settings: Settings,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = rethink("study", "run", "--help")
    for name, options in (
        ("figure-1a", {"--scale": "smoke", "--variant": "paper"}),
        ("custom", {"--epochs": "10"}),
    ):
        rethink("study", "run", name)
        rethink("study", "run", name, *itertools.chain.from_iterable(options.items()))
        for option, value in options.items():
            (line,) = (line for line in text.splitlines() if option in line)
            assert f"Left out: {value}." in line
    assert len(json.loads(rethink("study", "list", "--json"))) == 2, "each is one study"
