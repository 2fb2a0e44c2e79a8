"""A dataset of one's own through the programs themselves, all of which run when it is added."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.run.lifecycle import RunState
from tests.processes import ROOT, TOKEN, System
from tests.worker.datasets import own


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """API and worker, in a home without any dataset."""
    home = tmp_path / "home"
    home.mkdir()
    running = System(home, f"sqlite:///{home / 'rethink.db'}")
    try:
        running.start_api()
        running.start_worker()
        yield running
    finally:
        running.close()


def rethink(system: System, *arguments: str) -> str:
    """What the command prints."""
    url = {"RETHINK_URL": f"http://127.0.0.1:{system.port}", "RETHINK_TOKEN": TOKEN}
    answer = subprocess.run(
        [sys.executable, "-m", "rethink", *arguments],
        cwd=ROOT,
        env={**system.environment, **url, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_a_dataset_added_while_all_runs_is_offered_trained_on_and_removed(
    system: System, tmp_path: Path
) -> None:
    def capabilities() -> dict[str, Any]:
        found: dict[str, Any] = system.http.get("/capabilities").json()
        return found

    def offered() -> list[str]:
        schemas = capabilities()["run_schema"]["$defs"]
        names: list[str] = schemas["SpecRequest"]["properties"]["dataset"]["enum"]
        return names

    assert offered() == ["cifar10"]
    folder = own.folder(tmp_path / "photographs")
    said = rethink(system, "data", "add", "pets", str(folder), "--title", "My pets", "--json")
    name = json.loads(said)["name"]

    assert offered() == ["cifar10", name]
    (pets,) = [d for d in capabilities()["datasets"] if d["name"] == name]
    assert (pets["title"], pets["classes"], pets["height"]) == ("My pets", 2, 12)
    assert f"My pets: ready, as {name}" in rethink(system, "data", "status")

    run = json.loads(rethink(system, "run", "--dataset", name, "--epochs", "2", "--json"))
    assert run["changes"] == {"dataset": name}
    system.await_state(run["id"], RunState.SUCCEEDED)
    assert len(system.http.get(f"/runs/{run['id']}/metrics").json()["items"]) == 2

    rethink(system, "data", "remove", "pets")
    assert offered() == ["cifar10"]
    assert system.http.get(f"/runs/{run['id']}").json()["spec"]["dataset"] == name
    refused = system.http.post("/runs", json={"spec": {"dataset": name}, "epochs": 1})
    assert refused.status_code == 422
    assert "it was removed" in refused.json()["detail"]
