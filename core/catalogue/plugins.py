"""A user's own models, randomizations and datasets: Python files in `<home>/plugins`, and installed
packages with an entry point `rethink.plugins`.

A plugin adds descriptors to the registries when it is imported, as the built-ins do. It is read
once a process: after a change, start the server and its workers again. One that fails costs itself
alone, and its fault is told by `rethink doctor`, the page and the logs.
"""

import hashlib
import importlib.util
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from core.catalogue import datasets, models, panels, randomizations
from core.catalogue.registry import Registry

logger = logging.getLogger(__name__)
GROUP = "rethink.plugins"
FOLDER = "plugins"


@dataclass(frozen=True, slots=True)
class Plugin:
    """Where descriptors came from, and what went wrong, if anything."""

    source: str
    """Path of the file, or name and version of the package."""
    sha256: str
    """Of the file, or of the package's name and version: part of each attempt's provenance."""
    adds: tuple[str, ...] = ()
    """As in "model resnet18"."""
    fault: str = ""


_loaded: dict[str, Plugin] = {}


def load(root: Path) -> list[Plugin]:
    """Import the plugins of the home `root` and of installed packages, each once."""
    for entry in metadata.entry_points(group=GROUP):
        version = entry.dist.version if entry.dist else ""
        source = f"{entry.value} {version}".strip()
        _load(source, hashlib.sha256(source.encode()).hexdigest(), entry.load)
    for path in sorted((root / FOLDER).glob("*.py")):
        _load(str(path), hashlib.sha256(path.read_bytes()).hexdigest(), _importer(path))
    return loaded()


def loaded() -> list[Plugin]:
    return list(_loaded.values())


def forget(root: Path) -> None:
    """Take out what the home's plugins added: for tests, and for nothing else."""
    for source in [s for s in _loaded if s.startswith(str(root))]:
        for added in _loaded.pop(source).adds:
            kind, name = added.split()
            next(r for r in REGISTRIES if r.kind == kind).remove(name)


def origins(*names: str) -> dict[str, str]:
    """The SHA-256 of the plugins that added any of these names, by what they added."""
    return {
        added: plugin.sha256
        for plugin in _loaded.values()
        for added in plugin.adds
        if added.split()[1] in names
    }


REGISTRIES: tuple[Registry[Any], ...] = (models, datasets, randomizations, panels)


def _known() -> set[str]:
    return {f"{registry.kind} {name}" for registry in REGISTRIES for name in registry}


def _load(source: str, sha256: str, run: Callable[[], object]) -> None:
    if source in _loaded:
        return
    before = _known()
    fault = ""
    try:
        run()
    except Exception as error:  # whatever a user's code raises
        fault = f"{type(error).__name__}: {error}"
        logger.warning("plugin %s was not loaded: %s", source, fault)
    _loaded[source] = Plugin(source, sha256, tuple(sorted(_known() - before)), fault)


def _importer(path: Path) -> Callable[[], object]:
    """What imports the file, under a name by which its functions can be found again."""

    def run() -> object:
        name = f"rethink_plugins_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    return run
