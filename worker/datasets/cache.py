"""The folder of a prepared dataset: four arrays and a manifest, written once, opened often."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from core.catalogue import Dataset
from core.catalogue.added import MANIFEST, Manifest
from core.run.errors import DataCorrupt
from worker.datasets.images import ImageDataset
from worker.datasets.sources import Arrays


def fingerprint(arrays: Arrays, info: Dataset | None = None) -> str:
    """SHA-256 of the four arrays' bytes, in hex; of an added dataset's shapes and classes before.

    A published dataset's follow from its name; of an added one they make another dataset.
    """
    digest = hashlib.sha256()
    if info is not None:
        digest.update(f"{[array.shape for array in arrays]} {info.classes}".encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def write(folder: Path, arrays: Arrays, dataset: str, provenance: dict[str, Any]) -> None:
    """Make `folder` and put everything into it, on the disk when this returns."""
    folder.mkdir()
    sizes = {}
    for name, array in arrays._asdict().items():
        path = folder / f"{name}.npy"
        with path.open("wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        sizes[path.name] = path.stat().st_size
    write_manifest(
        folder,
        Manifest(
            dataset=dataset, fingerprint=fingerprint(arrays), sizes=sizes, provenance=provenance
        ),
    )


def allocate(folder: Path, info: Dataset) -> Arrays:
    """Make `folder` and the dataset's arrays in it, empty, as files to be written in place.

    Raises:
        OSError: the disk has no room for them; to run out of it later would kill the process.
    """
    folder.mkdir()
    arrays = []
    for name, shape in zip(Arrays._fields, _shapes(info), strict=True):
        path = folder / f"{name}.npy"
        arrays.append(np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape))
        with path.open("r+b") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return Arrays(*arrays)


def seal(folder: Path, arrays: Arrays, info: Dataset, provenance: dict[str, Any]) -> Manifest:
    """Put what `allocate` made, and was filled since, on the disk, and the manifest beside it.

    The dataset is named here, after its fingerprint: `info.name` is the part before the @.
    """
    found = fingerprint(arrays, info)
    sizes = {}
    for name, array in arrays._asdict().items():
        path = folder / f"{name}.npy"
        array.flush()
        with path.open("rb") as file:
            os.fsync(file.fileno())
        sizes[path.name] = path.stat().st_size
    info = replace(info, name=f"{info.name}@{found[:8]}")
    manifest = Manifest(
        dataset=info.name, fingerprint=found, sizes=sizes, provenance=provenance, info=info
    )
    write_manifest(folder, manifest)
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    with (folder / MANIFEST).open("w") as text:
        text.write(json.dumps(manifest.model_dump(exclude_none=True), indent=2) + "\n")
        text.flush()
        os.fsync(text.fileno())


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest, or None where nothing has been prepared.

    Raises:
        DataCorrupt: there is something, but no manifest that can be read.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError) and not folder.exists():
            return None
        reason = error.strerror if isinstance(error, OSError) else "it is not a manifest"
        raise DataCorrupt(f"{path} cannot be read ({reason})") from error


def open_arrays(folder: Path, manifest: Manifest, info: Dataset) -> Arrays:
    """The arrays, memory-mapped and read-only, after a look at sizes and shapes.

    Raises:
        DataCorrupt: a file is missing, truncated or not the array it should be.
    """
    arrays = Arrays(*(_open_array(folder / f"{name}.npy", manifest) for name in Arrays._fields))
    shapes = tuple(array.shape for array in arrays)
    if manifest.dataset != info.name or shapes != _shapes(info):
        raise DataCorrupt(
            f"the prepared dataset in {folder} is damaged: it holds {manifest.dataset} "
            f"with arrays of shapes {shapes}"
        )
    return arrays


def as_dataset(arrays: Arrays, manifest: Manifest, info: Dataset) -> ImageDataset:
    return ImageDataset(
        info=info,
        fingerprint=manifest.fingerprint,
        provenance=manifest.provenance,
        **arrays._asdict(),
    )


def sync(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _shapes(info: Dataset) -> tuple[tuple[int, ...], ...]:
    image = (info.height, info.width, info.channels)
    return (
        (info.train_size, *image),
        (info.train_size,),
        (info.test_size, *image),
        (info.test_size,),
    )


def _open_array(path: Path, manifest: Manifest) -> npt.NDArray[np.uint8]:
    """One array. Sizes are compared first: a map beyond a file's end would kill the process."""
    try:
        size = path.stat().st_size
        if size != manifest.sizes.get(path.name):
            raise DataCorrupt(
                f"the prepared file {path} has {size:,} bytes "
                f"where {manifest.sizes.get(path.name, 0):,} are expected"
            )
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataCorrupt(f"the prepared file {path} cannot be opened ({error})") from error
    if array.dtype != np.uint8:
        raise DataCorrupt(f"the prepared file {path} holds {array.dtype}, not bytes")
    return array  # type: ignore[no-any-return]
