"""What a user can type or set is documented, and what is documented exists."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from core.settings import Settings
from rethink.cli import app

ROOT = Path(__file__).parents[1]
TEXT = "\n".join(
    path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
)
SETTINGS = {f"RETHINK_{name.upper()}" for name in Settings.model_fields}


def commands(group: Any, prefix: str = "rethink") -> Iterator[str]:
    """Every command below `group` by its full name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


COMMANDS = set(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("setting", sorted(SETTINGS))
def test_every_setting_is_documented(setting: str) -> None:
    assert f"`{setting}`" in TEXT


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_documented(command: str) -> None:
    assert re.search(rf"`{command}[` ]", TEXT)


def test_no_setting_is_documented_that_does_not_exist() -> None:
    named = set(re.findall(r"RETHINK_[A-Z0-9_]*[A-Z0-9]", TEXT))
    assert named - SETTINGS <= {"RETHINK_TEST_POSTGRES_URL", "RETHINK_TEST_HOME"}


def test_no_command_is_documented_that_does_not_exist() -> None:
    named = set(re.findall(r"`rethink ((?:(?:runs|data) )?[a-z]+)", TEXT))
    groups = {command.rsplit(" ", 1)[0] for command in COMMANDS} | {"rethink"}
    unknown = {f"rethink {name}" for name in named} - COMMANDS - groups
    assert unknown == set()


def test_links_between_documents_lead_somewhere() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name} links to {target}"
