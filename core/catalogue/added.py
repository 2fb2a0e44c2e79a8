"""Datasets that a user added with `rethink data add`: what their manifests say, without the images.

Notable choices:
- A process follows the folder for as long as it lives: a dataset added or removed meanwhile changes
  the folder's time, which each look-up of a name compares.
- A manifest that cannot be read is no dataset here; `rethink data status` says what is wrong.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from core.catalogue import Dataset, datasets

MANIFEST = "manifest.json"
SETTLED_NS = 2_000_000_000
"""A folder changed more recently than this may change again within the same tick of its clock."""


class Manifest(BaseModel):
    """What is known of a prepared dataset without reading its arrays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    fingerprint: str
    """SHA-256 of the arrays, in hex; of an added dataset, of their shapes and its number of classes
    as well."""
    sizes: dict[str, int]
    """Of each file, in bytes."""
    provenance: dict[str, Any]
    info: Dataset | None = None
    """Of an added dataset; others are described in the catalogue."""


class Added:
    """The datasets below a home, by name, read anew when there are others."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "datasets"
        self._changed_at = 0
        self._found: Mapping[str, Dataset] = {}

    def __call__(self) -> Mapping[str, Dataset]:
        try:
            changed_at = self._folder.stat().st_mtime_ns
            if changed_at != self._changed_at or time.time_ns() - changed_at < SETTLED_NS:
                read = [_info(place) for place in sorted(self._folder.glob("*@*"))]
                self._found = {info.name: info for info in read if info is not None}
                self._changed_at = changed_at
        except OSError:  # it may not be there yet
            self._found, self._changed_at = {}, 0
        return self._found


def follow(root: Path) -> None:
    """Have this process know the datasets added to the home `root`, now and later."""
    datasets.follow(Added(root))


def _info(place: Path) -> Dataset | None:
    try:
        manifest = Manifest.model_validate_json((place / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None
    info = manifest.info
    return info if info is not None and info.name == manifest.dataset == place.name else None
