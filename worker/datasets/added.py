"""A user's own datasets: read once from a folder or a file, then kept as arrays like any other.

`<home>/datasets/<name>@<first 8 hex digits of the fingerprint>/` holds the arrays and a manifest
that describes them (`core.catalogue.added`).

Notable choices:
- Identity is the content's: added again it is the same dataset, and another under the same name
  is another dataset. So a run's spec says which images it was trained on.
- Images go straight into the files that stay, allocated beforehand: a dataset may be larger than
  the memory, and a full disk is told before it is filled.
- What is removed keeps its manifest, so that runs trained on it can still be read.
"""

import datetime
import math
import re
import shutil
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from core.catalogue import Dataset, datasets
from core.catalogue.added import Added, Manifest
from core.run.errors import DataCorrupt, DataUnavailable, InvalidInput
from core.run.metrics import Progress
from worker.datasets import cache, filling, formats
from worker.datasets.formats.found import Options
from worker.datasets.images import ImageDataset
from worker.datasets.lock import locked
from worker.datasets.sources import Arrays, Report, preparing, throttled

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MAX_TITLE = 80
SIZES = (8, 1024)
"""Sides in pixels that images may be resized to."""


def add(
    name: str,
    source: str,
    root: Path,
    *,
    title: str = "",
    options: Options | None = None,
    report: Report | None = None,
) -> str:
    """Read the dataset at `source` and keep it; returns the name it has in specs.

    Raises:
        InvalidInput: the name, an option or the source cannot be used.
        DataCorrupt, DataUnavailable: a file is damaged, cannot be fetched, or cannot be written.
    """
    options, report = options or Options(), throttled(report)
    _check(name, title, options)
    folder = root / "datasets"

    def waiting() -> None:
        detail = f"another process adds {name}"
        report(Progress(phase="waiting for another process", detail=detail))

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / f"{name}.lock", waiting):
            for stale in folder.glob(f"{name}.partial-*"):
                shutil.rmtree(stale, ignore_errors=True)
            work = _work(folder, name)
            try:
                return _add(name, source, work, title, options, report)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise DataUnavailable(
            f"{source} cannot be added ({error.strerror or error}"
            f"{f': {error.filename}' if error.filename else ''}): make it readable and "
            f"{folder} writable, with room for the images"
        ) from error


def load(name: str, root: Path) -> ImageDataset:
    """The dataset, every byte of it verified.

    Raises:
        InvalidInput: there is no such dataset.
        DataUnavailable: it was removed.
        DataCorrupt: it is damaged.
    """
    place = root / "datasets" / find(name, root)
    return _open(place, every_byte=True)


def status(name: str, root: Path, *, verify: bool = False) -> dict[str, Any]:
    """As `worker.datasets.store.status`; `state` may also be "removed"."""
    place = root / "datasets" / find(name, root)
    info = Added(root)().get(place.name)
    answer: dict[str, Any] = {
        "name": place.name,
        "title": info.title if info else place.name,
        "state": "damaged",
        "reason": None,
        "folder": str(place),
        "bytes": 0,
        "fingerprint": None,
        "provenance": None,
        "verified": False,
        "sources": [],
    }
    if info is not None and info.removed:
        return answer | {"state": "removed"}
    try:
        dataset = _open(place, every_byte=verify)
    except DataCorrupt as error:
        return answer | {"reason": error.message}
    return answer | {
        "state": "ready",
        "bytes": sum(getattr(dataset, field).nbytes for field in Arrays._fields),
        "fingerprint": dataset.fingerprint,
        "provenance": dataset.provenance,
        "verified": verify,
    }


def remove(name: str, root: Path) -> str:
    """Remove the images of a dataset and keep its description; returns its name in specs.

    Who has it open keeps what he has.

    Raises:
        InvalidInput: there is no such dataset.
        DataUnavailable: it cannot be removed.
    """
    place = root / "datasets" / find(name, root)
    try:
        manifest = _manifest(place)
    except DataCorrupt:  # nothing is known of it: nothing is to be kept
        manifest = None
    try:
        work = _work(place.parent, place.name.split("@")[0])
        try:
            if manifest is not None and manifest.info is not None:
                gone = manifest.model_copy(update={"info": replace(manifest.info, removed=True)})
                (work / "ready").mkdir()
                cache.write_manifest(work / "ready", gone)
            place.rename(work / "removed")
            if (work / "ready").exists():
                (work / "ready").rename(place)
            cache.sync(place.parent)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise DataUnavailable(
            f"{place} cannot be removed ({error.strerror or error}): make {place.parent} writable"
        ) from error
    return place.name


def names(root: Path) -> list[str]:
    """Every added dataset's name in specs, damaged and removed ones too."""
    return sorted(path.name for path in (root / "datasets").glob("*@*") if path.is_dir())


def find(name: str, root: Path) -> str:
    """The name in specs of a dataset that is named in full or without its fingerprint.

    Raises:
        InvalidInput: there is none, or several.
    """
    there = names(root)
    if name in there:
        return name
    found = [each for each in there if each.split("@")[0] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidInput(f"dataset {name!r} is not one but {' and '.join(found)}: name one")
    known = ", ".join([*datasets, *(each for each in there if each not in datasets)])
    raise InvalidInput(f"dataset {name!r} is not known: use one of {known}")


def _work(folder: Path, name: str) -> Path:
    """A new folder beside the datasets, which the next `add` removes if this process is killed."""
    return Path(tempfile.mkdtemp(prefix=f"{name}.partial-", dir=folder))


def _check(name: str, title: str, options: Options) -> None:
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"NAME {name!r} is not allowed: use up to 40 lower-case letters, digits, - and _, a "
            "letter or digit first"
        )
    if name in datasets:
        raise InvalidInput(f"NAME {name!r} is not allowed: it is a dataset of Rethink's own")
    if len(title) > MAX_TITLE or not title.isprintable():
        raise InvalidInput(
            f"title {title[:100]!r} is not allowed: use up to {MAX_TITLE} characters"
        )
    if not 0 < options.test_fraction < 1:
        raise InvalidInput(
            f"test fraction {options.test_fraction:g} is not allowed: use one between 0 and 1"
        )
    if not 0 <= options.split_seed < 2**31:
        raise InvalidInput(f"split seed {options.split_seed} is not allowed: use 0 to 2147483647")
    low, high = SIZES
    if options.size is not None and not low <= options.size <= high:
        raise InvalidInput(f"size {options.size} is not allowed: use {low} to {high} pixels")


def _add(name: str, source: str, work: Path, title: str, options: Options, report: Report) -> str:
    started = time.monotonic()
    (work / "source").mkdir()
    found = formats.find(source, options, work / "source", report)
    found.check()
    placed = filling.place(found, options)
    test_size = sum(int(each.to_test.sum()) for each in placed)
    train_size = sum(len(each.to_test) for each in placed) - test_size
    if not test_size:
        raise InvalidInput("no class has two images: none can be spared for a test set")
    info = Dataset(
        name=name,
        title=title or found.title or name,
        class_names=tuple(found.class_names),
        height=found.shape[0],
        width=found.shape[1],
        channels=found.shape[2],
        train_size=train_size,
        test_size=test_size,
    )
    needed = (train_size + test_size) * math.prod(found.shape)
    free = shutil.disk_usage(work).free
    if needed > free:
        raise DataUnavailable(
            f"the images take {needed / 1e6:,.0f} MB, and {work.parent} has {free / 1e6:,.0f} MB "
            "left: make room or set RETHINK_HOME to a folder on another disk"
        )
    ready = work / "ready"
    arrays = cache.allocate(ready, info)
    found.notes += filling.fill(arrays, placed, report)
    report(preparing("writing the arrays"))
    provenance = {
        "source": formats.named(source),
        "prepared_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - started, 1),
        "options": {k: v for k, v in asdict(options).items() if v is not None},
        "notes": found.notes,
    }
    manifest = cache.seal(ready, arrays, info, provenance)
    place = work.parent / manifest.dataset
    if place.exists():
        _refuse_another(place, manifest)
        place.rename(work / "before")  # who has it open keeps what he has
    ready.rename(place)
    cache.sync(place.parent)
    return place.name


def _open(place: Path, *, every_byte: bool) -> ImageDataset:
    manifest = _manifest(place)
    info = manifest.info
    remedy = f"`rethink data add` it again from {manifest.provenance.get('source')}"
    if info is None or info.name != place.name:
        raise DataCorrupt(f"{place} does not hold {place.name}: {remedy}")
    if info.removed:
        raise DataUnavailable(f"{info.title} ({info.name}) was removed here: {remedy}")
    try:
        arrays = cache.open_arrays(place, manifest, info)
        if every_byte and cache.fingerprint(arrays, info) != manifest.fingerprint:
            raise DataCorrupt(f"the images in {place} are damaged: they have another fingerprint")
    except DataCorrupt as error:
        raise DataCorrupt(f"{error.message}; {remedy}") from error
    return cache.as_dataset(arrays, manifest, info)


def _manifest(place: Path) -> Manifest:
    manifest = cache.read_manifest(place)
    if manifest is None:
        raise DataCorrupt(f"{place} is gone: `rethink data add` it again")
    return manifest


def _refuse_another(place: Path, manifest: Manifest) -> None:
    """Two datasets of one name whose fingerprints begin alike: one in four thousand million."""
    try:
        before = cache.read_manifest(place)
    except DataCorrupt:
        return
    if before is not None and before.fingerprint != manifest.fingerprint:
        raise InvalidInput(f"{place.name} is another dataset already: choose another name")
