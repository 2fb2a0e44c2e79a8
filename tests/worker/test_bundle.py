"""Work bundles trained without a server: the results of a worker, whatever happens on the way."""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core import bundles
from core.bundles import Result, Work
from core.run.demands import Demand, StopRule
from core.run.errors import Conflict, InvalidInput
from core.run.metrics import TIMINGS
from core.run.spec import RunSpec
from tests.processes import ENDLESS, ROOT, eventually, tiny
from tests.worker.conftest import Bench
from worker import bundle
from worker.bundle import LEFT, Options, Runner

BLOCKED = """
import importlib.abc, os, runpy, sys

class Blocked(importlib.abc.MetaPathFinder):
    names = {"alembic", "backend", "celery", "fastapi", "httpx", "kombu", "matplotlib", "psycopg",
             "redis", "rethink", "sqlalchemy", "starlette", "structlog", "typer", "uvicorn"}

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ModuleNotFoundError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
sys.path.insert(0, os.environ["ROOT"])
arguments = [a for a in sys.argv[1:] if a != "-P"]
if arguments[0] == "-m":  # as this file stands in for python
    sys.argv = arguments[1:]
    sys.executable = __file__
    runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
"""
"""Python without what only servers need."""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter for the runner and its trainers that has no web, queue or database library."""
    file = tmp_path / "python"
    file.write_text(f"#!{sys.executable}\n{BLOCKED}")
    file.chmod(0o755)
    return file


def written(path: Path, *runs: tuple[RunSpec, Demand]) -> Path:
    bundles.write_work(path, "a test", [Work(spec=s, demands=[d]) for s, d in runs])
    return path


def start(python: Path, home: Path, work: Path, *arguments: str) -> "subprocess.Popen[str]":
    variables = {"RETHINK_HOME": str(home), "RETHINK_CHECKPOINT_SECONDS": "0.1", "ROOT": str(ROOT)}
    out = str(work.with_name("results.zip"))
    return subprocess.Popen(
        [str(python), "-m", "worker", "bundle", str(work), "--out", out, *arguments],
        env=os.environ | variables,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    _, text = process.communicate(timeout=300)
    return process.returncode, text


def results(work: Path) -> dict[str, Result]:
    return {r.run_id: r for r in bundles.read_results(work.with_name("results.zip"))}


def epochs_of(state: Path) -> int:
    """Epochs stored of a run that is under way."""
    return len(json.loads(state.read_text())["metrics"]["epoch"]) if state.exists() else 0


def curve(result: Result) -> list[dict[str, Any]]:
    return [m.model_dump(exclude=set(TIMINGS)) for m in result.curve]


def test_results_are_a_workers_to_the_bit(
    python: Path, bench: Bench, home_with_data: Path, tmp_path: Path
) -> None:
    """Without any library of the server, in the runner and in its trainers."""
    spec = tiny(seed=40, randomization="random_labels")
    stopped = tiny(seed=41)
    rule = Demand(epochs=ENDLESS, stop=StopRule(train_loss=2.0))
    work = written(tmp_path / "work.zip", (spec, Demand(epochs=4)), (stopped, rule))
    code, text = ended(start(python, home_with_data, work, "--workers", "2", "--idle"))
    assert code == 0, text
    found = results(work)
    run_id = bench.train(spec, 4)
    assert curve(found[run_id]) == bench.curve(run_id)
    (attempt,) = found[run_id].attempts
    (theirs,) = bench.attempts(run_id)
    assert theirs.provenance is not None
    assert attempt.provenance["numerics"] == theirs.provenance["numerics"]
    losses = [m.train_loss for m in found[stopped.hash()[:16]].curve]
    assert losses[-1] < 2.0 <= min(losses[:-1])
    assert not list((tmp_path / "results.zip.state").glob("*.json")), "nothing is under way"


def test_a_runner_killed_by_force_goes_on_to_the_same_bits(
    python: Path, bench: Bench, home_with_data: Path, tmp_path: Path
) -> None:
    spec, epochs = tiny(seed=42), 100
    work = written(tmp_path / "work.zip", (spec, Demand(epochs=epochs)))
    state = tmp_path / "results.zip.state" / f"{spec.hash()[:16]}.json"
    process = start(python, home_with_data, work)
    eventually(lambda: epochs_of(state))
    process.kill()
    ended(process)
    assert 0 < epochs_of(state) < epochs
    assert not (tmp_path / "results.zip").exists()
    code, text = ended(start(python, home_with_data, work))
    assert code == 0, text
    (result,) = results(work).values()
    assert len(result.attempts) == 2
    assert result.attempts[1].first_epoch > 1, "it did not begin anew"
    assert curve(result) == bench.curve(bench.train(spec, epochs))


def test_what_is_left_when_time_is_up_is_trained_at_the_next_start(
    python: Path, home_with_data: Path, tmp_path: Path
) -> None:
    runs = [(tiny(seed=43), Demand(epochs=2)), (tiny(seed=44), Demand(epochs=ENDLESS))]
    work = written(tmp_path / "work.zip", *runs)
    process = start(python, home_with_data, work, "--workers", "1")
    state = tmp_path / "results.zip.state" / f"{runs[1][0].hash()[:16]}.json"
    eventually(state.exists)
    process.terminate()  # as when time is up
    code, text = ended(process)
    assert (code, len(results(work))) == (LEFT, 1)
    assert "1 runs are left: start again to go on" in text
    shorter = written(work, *runs[:1], (runs[1][0], Demand(epochs=3)))
    code, text = ended(start(python, home_with_data, shorter, "--time-budget", "1h"))
    assert (code, len(results(work))) == (0, 2)
    assert "2 runs, 1 of them are there" in text


def test_a_budget_ends_it(python: Path, home_with_data: Path, tmp_path: Path) -> None:
    work = written(tmp_path / "work.zip", (tiny(seed=45), Demand(epochs=ENDLESS)))
    code, _ = ended(start(python, home_with_data, work, "--time-budget", "1s"))
    assert code == LEFT


def test_divergence_is_a_result_and_weights_are_kept_on_demand(
    python: Path, home_with_data: Path, tmp_path: Path
) -> None:
    wild = tiny(model="mlp-3x512", learning_rate=10.0, initialisation="he_normal", init_scale=10)
    tame = tiny(seed=46)
    work = written(tmp_path / "work.zip", (wild, Demand(epochs=ENDLESS)), (tame, Demand(epochs=2)))
    code, text = ended(start(python, home_with_data, work, "--weights"))
    assert code == 0, text
    diverged, done = (results(work)[spec.hash()[:16]] for spec in (wild, tame))
    assert (diverged.outcome, done.outcome) == ("diverged", "completed")
    assert diverged.error is not None
    assert "The loss was not finite" in diverged.error["message"]
    assert len(bundles.read_weights(work.with_name("results.zip"), done)) > 1000
    code, _ = ended(start(python, home_with_data, work))
    assert code == 0, "there is nothing left to do"


def test_shares_of_a_bundle_are_disjoint_and_whole_and_in_its_order(tmp_path: Path) -> None:
    runs = [Work(spec=tiny(seed=i), demands=[Demand(epochs=1)]) for i in range(7)]
    shares = [Runner(runs, Options(out=tmp_path / "r.zip", part=(i, 3)))._runs for i in (1, 2, 3)]
    seeds = [[run.spec.seed for run in share] for share in shares]
    assert seeds == [[0, 3, 6], [1, 4], [2, 5]]


def test_two_runners_do_not_share_an_out_file(tmp_path: Path) -> None:
    runner = Runner([], Options(out=tmp_path / "r.zip"))
    runner.state.mkdir()
    with (runner.state / "lock").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Conflict, match="give this one an --out of its own"):
            runner.run()


def test_an_out_file_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    work = written(tmp_path / "work.zip", (tiny(), Demand(epochs=1)))
    with pytest.raises(InvalidInput, match="cannot be made"):
        bundle.train(work, Options(out=tmp_path / "file" / "r.zip"))
    with pytest.raises(InvalidInput, match="not allowed below 0"):
        bundle.train(work, Options(out=tmp_path / "r.zip", workers=-1))


def test_a_bundle_of_another_engine_is_refused(tmp_path: Path) -> None:
    work = written(tmp_path / "work.zip", (tiny(engine=1), Demand(epochs=1)))
    with pytest.raises(InvalidInput, match="make it again with `rethink bundle make`"):
        bundle.train(work, Options(out=tmp_path / "r.zip"))


@pytest.mark.parametrize(
    ("text", "seconds"), [("2h30m", 9000), ("45m", 2700), ("90s", 90), ("90", 90), ("1h5s", 3605)]
)
def test_a_time_budget_is_read(text: str, seconds: float) -> None:
    assert bundle.seconds_of(text) == seconds


def test_what_cannot_be_read_is_refused_in_words() -> None:
    with pytest.raises(InvalidInput, match="write it like 2h30m"):
        bundle.seconds_of("2 hours")
    for text in ("0/3", "4/3", "a"):
        with pytest.raises(InvalidInput, match="write it like 1/8"):
            bundle.part_of(text)
