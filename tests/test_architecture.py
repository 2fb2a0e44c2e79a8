"""Which room may import what (pyproject.toml, `tool.importlinter`), and what a process may load."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import grimp
import pytest
from importlinter import cli

from core.catalogue import models, panels, randomizations

ROOT = Path(__file__).parents[1]
HOUSES = ("core.catalogue", "core.run", "core.paper")


def test_the_import_contracts_hold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    assert cli.lint_imports(cache_dir=str(tmp_path)) == cli.EXIT_STATUS_SUCCESS


def test_the_domain_imports_only_the_standard_library_and_pydantic() -> None:
    graph = grimp.build_graph("core", include_external_packages=True, cache_dir=None)
    imported = {
        found
        for house in HOUSES
        for module in (house, *graph.find_descendants(house))
        for found in graph.find_modules_directly_imported_by(module)
    }
    assert imported, "the graph is empty: the test would prove nothing"
    foreign = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}
    allowed = (*HOUSES, "pydantic", "pydantic_core")
    assert {name for name in foreign if not name.startswith(allowed)} == set()


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("backend.app", ["torch", "torchvision", "celery.worker", "worker", "matplotlib"]),
        ("rethink.cli", ["torch", "celery", "sqlalchemy", "httpx", "fastapi", "rich.progress"]),
        ("worker.app", ["torch", "torchvision", "fastapi", "backend"]),
        ("core", ["torch", "celery", "fastapi", "sqlalchemy", "pydantic"]),
    ],
)
def test_importing_a_room_loads_nothing_it_should_do_without(
    module: str, unwanted: list[str]
) -> None:
    loaded = _printed(f"import sys, {module}; print(*sys.modules)")
    assert module in loaded
    assert loaded.isdisjoint(unwanted)


def test_import_alembic_is_the_library_although_a_folder_has_its_name() -> None:
    (file,) = _printed("import alembic, alembic.command; print(alembic.__file__)")
    assert "site-packages" in file
    assert not (ROOT / "alembic" / "__init__.py").exists()


def _printed(code: str) -> set[str]:
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(answer.stdout.split())


FIRST = """
import importlib, os, sys
import pydantic, sqlalchemy.orm  # what most of them need, once
names = sys.argv[1:]
assert not [name for name in names if name in sys.modules]
for name in names:
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(name)
        except ImportError as error:
            print(f"{name}: {error}", file=sys.stderr, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_each_module_of_core_can_be_the_first_to_be_imported() -> None:
    folders = [ROOT / "core" / name for name in ("catalogue", "run", "paper", "storage")]
    files = [file for folder in folders for file in folder.rglob("*.py")]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    assert {"core.paper.checks", "core.storage.runs"} <= set(names)
    answer = subprocess.run(
        [sys.executable, "-c", FIRST, *names], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stderr == ""


@pytest.mark.parametrize("room", ["core", "backend", "worker", "rethink"])
def test_no_imports_of_a_room_form_a_circle(room: str) -> None:
    graph = grimp.build_graph(room, cache_dir=None)
    circles = [
        (module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if module in graph.find_upstream_modules(imported)
    ]
    assert circles == []


MAY_NAME = ("core/catalogue/", "core/paper/", "worker/training/models/")


def names_in(path: Path, names: set[str]) -> set[str]:
    """The names that stand in the file as texts of their own; docstrings do not count."""
    text = path.read_text()
    if path.suffix == ".js":
        found = re.findall(r"""(["'`])([\w-]+)\1""", text)
        return names & {literal for _, literal in found}
    texts = (n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant))
    return names & {value for value in texts if isinstance(value, str)}


def test_nothing_but_the_catalogue_and_the_paper_names_what_is_in_the_catalogue() -> None:
    names = {*models, *randomizations, *panels}
    assert names_in(ROOT / "core/catalogue/builtin/panels.py", names) == {*panels}
    files = [f for room in ROOMS for f in (ROOT / room).rglob("*") if f.suffix in (".py", ".js")]
    named = {
        str(path.relative_to(ROOT)): found
        for path in files
        if not str(path.relative_to(ROOT)).startswith(MAY_NAME) and (found := names_in(path, names))
    }
    assert named == {}


ROOMS = ("core", "backend", "rethink", "worker", "frontend")
