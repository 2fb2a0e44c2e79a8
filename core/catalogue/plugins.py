"""A user's own models, randomizations and datasets: Python files in `<home>/plugins`, and installed
packages with an entry point `rethink.plugins`.

A plugin adds descriptors to the registries when it is imported, as the built-ins do. It is read
once a process: after a change, start the server and its workers again. One that fails costs itself
alone: what it added is taken out, and its fault is told by `rethink doctor`, the page and the logs.
"""

import contextlib
import hashlib
import importlib.util
import logging
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.catalogue import datasets, models, panels, randomizations
from core.catalogue.registry import Registry, resolve

logger = logging.getLogger(__name__)
GROUP = "rethink.plugins"
FOLDER = "plugins"
CHECK = "core.paper.admission:check"
"""What a descriptor must be for specs and studies to take it; they build on the catalogue."""


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
        _load(source, source.encode, entry.load)
    for path in sorted((root / FOLDER).glob("*.py")):
        _load(str(path), path.read_bytes, _importer(path))
    return loaded()


def loaded() -> list[Plugin]:
    return list(_loaded.values())


def forget(root: Path) -> None:
    """Take out what the home's plugins added: for tests, and for nothing else."""
    for source in [s for s in _loaded if s.startswith(str(root))]:
        _take_out(_loaded.pop(source).adds)


def origins(**names: str) -> dict[str, str]:
    """The SHA-256 of the plugins that added any of these, such as `model="resnet18"`."""
    asked = {f"{kind} {name}" for kind, name in names.items()}
    return {
        added: plugin.sha256
        for plugin in _loaded.values()
        for added in plugin.adds
        if added in asked
    }


REGISTRIES: dict[str, Registry[Any]] = {
    registry.kind: registry for registry in (models, datasets, randomizations, panels)
}


def _known() -> set[str]:
    return {f"{kind} {name}" for kind, registry in REGISTRIES.items() for name in registry}


def _load(source: str, content: Callable[[], bytes], run: Callable[[], object]) -> None:
    if source in _loaded:
        return
    before, sha256, fault = _known(), "", ""
    try:
        sha256 = hashlib.sha256(content()).hexdigest()
        with contextlib.redirect_stdout(sys.stderr):  # a command's output may be read by a program
            run()
        for added in sorted(_known() - before):
            kind, name = added.split()
            resolve(CHECK)(REGISTRIES[kind][name])
    except (Exception, SystemExit) as error:  # whatever a user's code raises
        fault = _told(error)
        logger.warning("plugin %s was not loaded: %s", source, fault)
        _take_out(_known() - before)
    _loaded[source] = Plugin(source, sha256, tuple(sorted(_known() - before)), fault)


def _take_out(adds: Iterable[str]) -> None:
    for added in adds:
        kind, name = added.split()
        REGISTRIES[kind].remove(name)


def _told(error: BaseException) -> str:
    if not isinstance(error, ValidationError):
        return f"{type(error).__name__}: {error}"
    faults = (
        f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
        for detail in error.errors(include_url=False)
    )
    return f"{error.title}: {'; '.join(faults)}"


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
