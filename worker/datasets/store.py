"""The prepared datasets: got once, verified, kept as arrays that all processes share.

`<home>/datasets/<name>/` holds the arrays (see `worker.datasets.cache`). Those that a user added
are in `worker.datasets.added`: they have no source to be got from again.

Notable choices:
- The folder appears by one rename, so it is either whole or not there. Work goes on in a folder
  next to it, on the same file system, that only the holder of the lock may have; one left by a
  process that was killed is removed by the next holder.
- The lock is `flock`: the kernel releases it with the process, however that ends.
- Nobody gets images that were not verified: `load` reads every byte of what is there, half a second
  for CIFAR-10, which a process does once. `status` looks at sizes and shapes, which takes a
  millisecond, unless it is to verify.
- A folder that the user named is the only place looked at: to fetch other data in its place would
  hide that it was mistyped, or that a file in it is damaged.
"""

import datetime
import errno
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.catalogue.added import MANIFEST
from core.run.errors import DataCorrupt, DataUnavailable
from core.run.metrics import Progress
from worker.datasets import added, cache
from worker.datasets.cifar10_sources import Cifar10
from worker.datasets.images import ImageDataset
from worker.datasets.lock import locked
from worker.datasets.sources import Arrays, Recipe, Report, preparing, throttled

RECIPES: Mapping[str, Recipe] = {recipe.info.name: recipe for recipe in (Cifar10(),)}


def load(
    name: str, root: Path, *, report: Report | None = None, folder: Path | None = None
) -> ImageDataset:
    """The dataset `name`, verified; prepared below the home `root` if it is not there or damaged.

    Args:
        name: a key of `RECIPES`, or an added dataset's.
        root: the home, as in `Settings.root`.
        report: hears of progress; an exception it raises stops the work and passes through.
        folder: one the user named, in place of anything to fetch.

    Raises:
        InvalidInput: there is no such dataset.
        DataUnavailable: no source gave it, or the home cannot be written.
        DataCorrupt: a file in the user's folder is not what it should be.
    """
    if name not in RECIPES:
        return added.load(name, root)
    recipe = RECIPES[name]
    try:
        dataset = _open(recipe, root, every_byte=True)
    except DataCorrupt:
        dataset = None
    return dataset or _prepare(recipe, root, throttled(report), folder)


def status(
    name: str, root: Path, *, folder: Path | None = None, verify: bool = False
) -> dict[str, Any]:
    """What is prepared and where it could come from, ready for JSON. Changes nothing.

    `state` is "ready", "absent" or "damaged", and `reason` says why it is damaged. `verified` is
    whether every byte was read and found right. `sources` lists each source with its `obstacle`,
    the reason why it cannot be used on this machine, or None.
    """
    if name not in RECIPES:
        return added.status(name, root, verify=verify)
    recipe = RECIPES[name]
    answer: dict[str, Any] = {
        "name": name,
        "title": recipe.info.title,
        "state": "absent",
        "reason": None,
        "folder": str(_place(recipe, root)),
        "bytes": 0,
        "fingerprint": None,
        "provenance": None,
        "verified": False,
        "sources": [
            {"name": source.name, "obstacle": source.obstacle()}
            for source in recipe.sources(folder)
        ],
    }
    try:
        dataset = _open(recipe, root, every_byte=verify)
    except DataCorrupt as error:
        return answer | {"state": "damaged", "reason": error.message}
    if dataset is None:
        return answer
    return answer | {
        "state": "ready",
        "bytes": sum(getattr(dataset, field).nbytes for field in Arrays._fields),
        "fingerprint": dataset.fingerprint,
        "provenance": dataset.provenance,
        "verified": verify,
    }


def names(root: Path) -> list[str]:
    """Every dataset there is a recipe for, or that was added."""
    return [*RECIPES, *added.names(root)]


def _place(recipe: Recipe, root: Path) -> Path:
    return root / "datasets" / recipe.info.name


def _open(recipe: Recipe, root: Path, *, every_byte: bool) -> ImageDataset | None:
    """What is prepared, or None. Raises DataCorrupt when it is damaged."""
    place = _place(recipe, root)
    manifest = cache.read_manifest(place)
    if manifest is None:
        return None
    arrays = cache.open_arrays(place, manifest, recipe.info)
    if every_byte:
        recipe.verify(arrays)
        if cache.fingerprint(arrays) != manifest.fingerprint:
            raise DataCorrupt(f"the fingerprint in {place / MANIFEST} is not the data's")
    return cache.as_dataset(arrays, manifest, recipe.info)


def _prepare(recipe: Recipe, root: Path, report: Report, folder: Path | None) -> ImageDataset:
    """What is prepared once the lock is held, or else the dataset newly prepared."""
    place = _place(recipe, root)
    title = recipe.info.title

    def waiting() -> None:
        detail = f"another process prepares {title}"
        report(Progress(phase="waiting for another process", detail=detail))

    failures: dict[str, str] = {}
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with locked(place.with_name(f"{place.name}.lock"), waiting):
            for stale in place.parent.glob(f"{place.name}.partial-*"):
                _discard(stale)
            try:
                dataset = _open(recipe, root, every_byte=True)
            except DataCorrupt as error:
                dataset = None
                failures["local cache"] = error.message
            if dataset is None:
                _fill(recipe, place, report, folder, failures)
                dataset = _open(recipe, root, every_byte=False)  # its source was verified
    except OSError as error:
        raise DataUnavailable(_storage_problem(error, place.parent)) from error
    assert dataset is not None, "the lock is held, and it was just written"
    return dataset


def _fill(
    recipe: Recipe, place: Path, report: Report, folder: Path | None, failures: dict[str, str]
) -> None:
    """Get the dataset and put it in `place`. Whatever happens, nothing else stays behind."""
    started = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix=f"{place.name}.partial-", dir=place.parent))
    try:
        source, arrays = _first_source(recipe, work, report, folder, failures)
        report(preparing("writing the arrays"))
        provenance = {
            "source": source,
            "prepared_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - started, 1),
        }
        cache.write(work / "ready", arrays, recipe.info.name, provenance)
        if place.exists() or place.is_symlink():  # damaged: who has it open keeps what he has
            place.rename(work / "damaged")
        (work / "ready").rename(place)
        cache.sync(place.parent)
    finally:
        _discard(work)


def _first_source(
    recipe: Recipe, work: Path, report: Report, folder: Path | None, failures: dict[str, str]
) -> tuple[str, Arrays]:
    """The name and the verified arrays of the first source that has them."""
    damaged = False
    for source in recipe.sources(folder):
        obstacle = source.obstacle()
        if obstacle is not None:
            failures[source.name] = obstacle
            continue
        own = work / "source"
        own.mkdir()
        try:
            arrays = source.read(own, report)
            report(preparing("verifying every image"))
            recipe.verify(arrays)
        except (DataCorrupt, DataUnavailable) as error:
            failures[source.name] = error.message
            damaged = damaged or not source.remote
        except OSError as error:
            if source.remote:
                raise  # it could not write what it fetched
            failures[source.name] = f"it cannot be read ({error.strerror or error})"
            damaged = True
        else:
            return source.name, arrays
        finally:
            _discard(own)
    if damaged:
        remedy = "replace these files, or name no folder so that the data are fetched"
        raise DataCorrupt(_sentence(recipe, failures, remedy))
    if folder is not None:
        remedy = f"{recipe.advice}, or name no folder so that the data are fetched"
    else:
        remedy = f"connect to the network, or {recipe.advice}"
    raise DataUnavailable(_sentence(recipe, failures, remedy))


def _sentence(recipe: Recipe, failures: Mapping[str, str], remedy: str) -> str:
    tried = "; ".join(f"{source}: {reason}" for source, reason in failures.items())
    return f"{recipe.info.title} could not be prepared. Tried {tried}. What helps: {remedy}."


def _storage_problem(error: OSError, folder: Path) -> str:
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"the disk that holds {folder} is full: preparing a dataset takes up to 300 MB there; "
            "make room or set RETHINK_HOME to a folder on another disk"
        )
    return (
        f"the datasets cannot be kept in {folder} ({reason}: {error.filename}): "
        "set RETHINK_HOME to a folder that you may write to"
    )


def _discard(path: Path) -> None:
    """Remove a folder or a link to one; a process being killed may still write into it."""
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
