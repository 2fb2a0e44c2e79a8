"""What trained a run: the version of the code, with its commit where there is one; from where."""

import io
import subprocess
from pathlib import Path

import pytest

from core import __version__
from core.run.demands import Demand
from core.run.lifecycle import Outcome
from core.run.spec import RunSpec
from core.settings import get_settings
from core.storage.artifacts import Folder
from worker import wire
from worker.provenance import code_version
from worker.trainer import Trainer


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit of one file."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "-m", "one")
    code_version.cache_clear()
    return tmp_path


def test_a_checkout_names_its_commit(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "--short=7", "HEAD")
    assert code_version(checkout) == f"{__version__} ({commit})"
    code_version.cache_clear()
    (checkout / "file").write_text("2")
    assert code_version(checkout) == f"{__version__} ({commit}+)"


def test_an_installation_inside_a_repository_has_no_commit(checkout: Path) -> None:
    (checkout / "site-packages").mkdir()
    assert code_version(checkout / "site-packages") == __version__


def test_without_git_there_is_the_version_alone(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert code_version(checkout) == __version__


def test_checkpoints_that_were_passed_over_are_recorded(home_with_data: Path) -> None:  # noqa: ARG001
    spec = RunSpec(n_train=20, n_test=20, batch_size=10, width=0.05)
    folder = Folder.of(get_settings())

    def carry_out(epochs: int, *checkpoints: wire.SavedState) -> list[wire.Report]:
        order = wire.Train(
            run_id=spec.hash()[:16],
            attempt=1,
            spec=spec,
            demands=[Demand(epochs=epochs)],
            curve=[],
            checkpoints=checkpoints,
        )
        out = io.StringIO()
        trainer = Trainer(get_settings(), out)
        trainer.demands = order.demands
        assert trainer.carry_out(order).outcome is Outcome.COMPLETED
        return [wire.REPORT.validate_json(line) for line in out.getvalue().splitlines()]

    (saved,) = [report for report in carry_out(1) if isinstance(report, wire.Saved)]
    damaged = folder.path(saved.key).with_name("damaged.pt")
    damaged.write_bytes(folder.path(saved.key).read_bytes()[:-1])
    whole = wire.SavedState(key=saved.key, sha256=saved.sha256)
    key = f"{damaged.parent.name}/damaged.pt"
    reports = carry_out(2, wire.SavedState(key=key, sha256=saved.sha256), whole)
    (told,) = [r.provenance for r in reports if isinstance(r, wire.Provenance)]
    (passed,) = told["passed_over"]
    assert passed["checkpoint"] == key
    assert "damaged.pt" in passed["reason"]
    assert told["first_step"] == saved.step, "the older one was whole"
    (told,) = [r.provenance for r in carry_out(2, whole) if isinstance(r, wire.Provenance)]
    assert "passed_over" not in told
