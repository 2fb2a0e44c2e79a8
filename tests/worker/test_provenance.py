"""What trained a run: the version of the code, with its commit where there is one."""

import subprocess
from pathlib import Path

import pytest

from core import __version__
from worker.provenance import code_version


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
