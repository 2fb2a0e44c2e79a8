"""Which room may import what (pyproject.toml, `tool.importlinter`), and what a process may load."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest
from importlinter import cli

ROOT = Path(__file__).parents[1]


def test_the_import_contracts_hold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    assert cli.lint_imports(cache_dir=str(tmp_path)) == cli.EXIT_STATUS_SUCCESS


def test_the_domain_imports_only_the_standard_library_and_pydantic() -> None:
    graph = grimp.build_graph("core", include_external_packages=True, cache_dir=None)
    imported = {
        found
        for module in ("core.domain", *graph.find_descendants("core.domain"))
        for found in graph.find_modules_directly_imported_by(module)
    }
    assert imported, "the graph is empty: the test would prove nothing"
    foreign = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}
    allowed = ("core.domain", "core.catalogue", "pydantic", "pydantic_core")
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
