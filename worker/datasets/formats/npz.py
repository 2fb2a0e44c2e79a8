"""NumPy's .npz: arrays of images and labels, read a few images at a time."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from core.run.errors import DataCorrupt, InvalidInput
from worker.datasets.formats.found import Found, Labels, Part, Pixels, numbered

NAMES = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("images", "labels"),
    ("x", "y"),
)
"""Names of arrays that are accepted: training images and labels, then the test set's if any."""
CLASS_NAMES = ("class_names", "label_names")
CHUNK = 1 << 22
"""Bytes read at once."""
MEMBERS = (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError)


def find(path: Path) -> Found:
    try:
        with zipfile.ZipFile(path) as archive:
            there = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
    except (zipfile.BadZipFile, OSError) as error:
        raise DataCorrupt(f"{path} is damaged or no .npz file ({error})") from error
    names = next((names for names in NAMES if set(names) <= set(there)), None)
    if names is None:
        accepted = "; ".join(", ".join(names) for names in NAMES)
        raise InvalidInput(
            f"{path} has arrays {', '.join(there) or 'of no name'}: name them in one of these "
            f"ways: {accepted}"
        )
    images = [_images(path, name) for name in names[::2]]
    for array in images:
        if array.shape[1:] != images[0].shape[1:]:
            raise InvalidInput(
                f"{array.name} holds images of shape {array.shape[1:]}, and {images[0].name} "
                f"{images[0].shape[1:]}: make all of one size"
            )
    labels = [_read(path, name) for name in names[1::2]]
    class_names, numbers = _classes(path, there, labels, names[1::2])
    parts = [
        _part(array, own, names[2 * i : 2 * i + 2])
        for i, (array, own) in enumerate(zip(images, numbers, strict=True))
    ]
    height, width, channels = (*images[0].shape[1:], 1)[:3]
    unused = [n for n in there if n not in (*names, *CLASS_NAMES)]
    return Found(
        train=parts[0],
        test=parts[1] if len(parts) > 1 else None,
        class_names=class_names,
        shape=(height, width, channels),
        notes=[f"arrays that are no part of it: {', '.join(unused)}"] if unused else [],
    )


@dataclass(frozen=True, slots=True)
class Member:
    """An array in the file."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool

    def chunks(self) -> Iterator[npt.NDArray[Any]]:
        """Some rows at a time."""
        if self.fortran:
            yield _read(self.path, self.name)
            return
        row = self.shape[1:]
        size = self.dtype.itemsize * int(np.prod(row))
        with _open(self.path, self.name) as file:
            _header(file)
            for start in range(0, self.shape[0], max(1, CHUNK // size)):
                rows = min(max(1, CHUNK // size), self.shape[0] - start)
                data = file.read(rows * size)
                yield np.frombuffer(data, self.dtype).reshape(rows, *row)


def _images(path: Path, name: str) -> Member:
    with _open(path, name) as file:
        shape, fortran, dtype = _header(file)
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise InvalidInput(f"{name} is of type {dtype}: images are uint8, or floats from 0 to 1")
    if not (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))):
        raise InvalidInput(
            f"{name} is of shape {shape}: images are (n, height, width), or (n, height, width, 1 "
            "or 3) with the channels last"
        )
    return Member(path, name, shape, dtype, fortran)


def _part(images: Member, labels: Labels, names: tuple[str, ...]) -> Part:
    if len(labels) != images.shape[0]:
        raise InvalidInput(
            f"{names[0]} has {images.shape[0]:,} images and {names[1]} {len(labels):,} labels"
        )

    def pixels() -> Iterator[Pixels]:
        for chunk in images.chunks():
            values = _bytes(chunk, images.name)
            yield values if values.ndim == 4 else values[..., None]

    return Part(labels=labels, images=pixels)


def _bytes(values: npt.NDArray[Any], name: str) -> Pixels:
    """uint8 as they are; whole numbers that are bytes; floats from 0 to 1 times 255, rounded."""
    if values.dtype == np.uint8:
        return values
    low, high = values.min(), values.max()  # NaN if any is
    if values.dtype.kind in "ui":
        if low < 0 or high > 255:
            raise InvalidInput(f"{name} has values from {low} to {high}: pixels are 0 to 255")
        return values.astype(np.uint8)
    if np.isnan(low) or low < 0 or high > 1:
        raise InvalidInput(
            f"{name} has values from {low:g} to {high:g}: floats must be from 0 to 1, which "
            "become 0 to 255; give uint8 for others"
        )
    return np.rint(values * np.float64(255)).astype(np.uint8)


def _classes(
    path: Path, there: list[str], labels: list[npt.NDArray[Any]], names: tuple[str, ...]
) -> tuple[list[str], list[Labels]]:
    """Names of the classes, and the labels as their numbers."""
    labels = [a[:, 0] if a.ndim == 2 and a.shape[1] == 1 else a for a in labels]
    for name, array in zip(names, labels, strict=True):
        if array.ndim != 1 or array.dtype.kind not in "uiUS":
            raise InvalidInput(
                f"{name} is {array.dtype} of shape {array.shape}: labels are whole numbers from 0 "
                "on or text, one an image"
            )
    if len({array.dtype.kind in "US" for array in labels}) > 1:
        raise InvalidInput(f"{' and '.join(names)} must both be numbers, or both text")
    if labels[0].dtype.kind in "US":
        texts = [[_text(value) for value in array] for array in labels]
        found = sorted(set(texts[0]))
        number = {name: i for i, name in enumerate(found)}
        if unknown := set().union(*texts) - set(found):
            raise InvalidInput(f"{names[-1]} has class {min(unknown)}, which {names[0]} has not")
        return found, [np.array([number[t] for t in own], np.int64) for own in texts]
    numbers = [array.astype(np.int64) for array in labels]
    given = next((name for name in CLASS_NAMES if name in there), None)
    if given is None:
        return numbered(numbers[0]), numbers
    return [_text(name) for name in _read(path, given).ravel()], numbers


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _read(path: Path, name: str) -> npt.NDArray[Any]:
    with _open(path, name) as file:
        array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


@contextmanager
def _open(path: Path, name: str) -> Iterator[IO[bytes]]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            yield file
    except MEMBERS as error:
        raise DataCorrupt(f"{name} in {path} cannot be read ({error})") from error


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read = np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    return shape, fortran, dtype
