"""CIFAR-10's published formats, and the check that what was read is exactly CIFAR-10.

Notable choices:
- The reference is the official binary batches: a label byte and 3,072 planar pixel bytes an image.
  Whatever the data came from, these batches are rebuilt from the arrays and their SHA-256 compared.
- A pickle is judged by what is in it: the published one saved anew, by another version of Python or
  NumPy, has other bytes and the same images. So it is unpickled before a checksum holds, though
  unpickling can run any code (Ray's CVE-2026-57516 is a pickle in a dataset), by an unpickler to
  which the five names that arrays need mean classes and functions of this module, and any other
  name is an error. Nothing of NumPy is called with what a file says but `frombuffer`, on bytes that
  are there. The archives of pickles have a checksum of their own before.
- The PNGs of the npm package hold an image a row, height × width × channel.
"""

import hashlib
import io
import json
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from core.run.errors import DataCorrupt
from worker.datasets.sources import Arrays

BATCH_SHA256 = {
    "data_batch_1": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
"""Of the official binary batches, named without `.bin`. Training batches in order, then the test's.
"""

BINARY_FILES = tuple(f"{name}.bin" for name in BATCH_SHA256)
PICKLE_FILES = tuple(BATCH_SHA256)
PNG_LABELS = {"train": "train_lables.json", "test": "test_lables.json"}  # spelled so there
PNG_FILES = (*(f"{name}.png" for name in BATCH_SHA256), *PNG_LABELS.values())

IMAGES = 10_000
"""In each batch."""
PIXELS = 3 * 32 * 32
RECORD = 1 + PIXELS

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.integer[Any]]


def from_binary(files: Mapping[str, bytes]) -> Arrays:
    """From the official binary batches. Raises DataCorrupt where one has not the exact length."""
    labels, images = {}, {}
    for name in BATCH_SHA256:
        data = files[f"{name}.bin"]
        if len(data) != IMAGES * RECORD:
            raise DataCorrupt(
                f"{name}.bin has {len(data):,} bytes where {IMAGES * RECORD:,} are expected: "
                "it is truncated or another file"
            )
        records = np.frombuffer(data, np.uint8).reshape(IMAGES, RECORD)
        labels[name] = records[:, 0]
        images[name] = _interleaved(records[:, 1:])
    return _joined(labels, images)


def from_pickles(files: Mapping[str, bytes]) -> Arrays:
    """From the official python batches. Raises DataCorrupt where one is anything else."""
    labels, images = {}, {}
    for name in PICKLE_FILES:
        try:
            batch = {_text(key): value for key, value in unpickle(files[name]).items()}
            labels[name] = _whole_numbers(batch["labels"])
            images[name] = _interleaved(_whole_numbers(batch["data"]))
        except DataCorrupt:
            raise
        except Exception as error:  # a damaged pickle can fail in any way
            raise DataCorrupt(
                f"{name} is truncated, damaged or no batch of CIFAR-10 "
                f"({type(error).__name__}: {error})"
            ) from error
    return _joined(labels, images)


def from_pngs(files: Mapping[str, bytes], decoding: Callable[[str], None]) -> Arrays:
    """From the files of the npm package; `decoding` hears each batch's name before its turn.

    The package's checksum must have held. Raises DataCorrupt where a picture is another one.
    """
    every = {part: json.loads(files[name]) for part, name in PNG_LABELS.items()}
    labels, images = {}, {}
    for number, name in enumerate(BATCH_SHA256):
        decoding(name)
        own = every["test"] if name == "test_batch" else every["train"][number * IMAGES :]
        labels[name] = np.asarray(own[:IMAGES], np.uint8)
        images[name] = _decode_png(name, files[f"{name}.png"])
    return _joined(labels, images)


def official_batches(arrays: Arrays) -> Iterator[tuple[str, bytes]]:
    """The official binary batches, rebuilt one at a time: name, bytes."""
    for number, name in enumerate(BATCH_SHA256):
        if name == "test_batch":
            labels, images = arrays.test_labels, arrays.test_images
        else:
            part = slice(number * IMAGES, (number + 1) * IMAGES)
            labels, images = arrays.train_labels[part], arrays.train_images[part]
        planes = images.transpose(0, 3, 1, 2).reshape(len(images), PIXELS)
        yield name, np.concatenate([labels[:, None], planes], axis=1).tobytes()


def verify(arrays: Arrays) -> None:
    """Raises DataCorrupt unless `arrays` are CIFAR-10 to the last bit."""
    for name, data in official_batches(arrays):
        found = hashlib.sha256(data).hexdigest()
        if found != BATCH_SHA256[name]:
            raise DataCorrupt(
                f"{name} is damaged or not CIFAR-10: rebuilt as an official binary batch its "
                f"SHA-256 is {found[:16]}…, where {BATCH_SHA256[name][:16]}… is expected"
            )


def unpickle(data: bytes) -> Any:
    """Unpickle numbers, texts, bytes, lists, dicts and arrays, which come as `_Array`.

    Raises:
        DataCorrupt: it asks for anything else.
        Exception: it is damaged; of any kind.
    """
    return _ArrayUnpickler(io.BytesIO(data), encoding="bytes").load()


class _Array:
    """An array of whole numbers in a pickle, or the class of arrays."""

    def __init__(self, values: Integers | None = None) -> None:
        self.values = values

    def __setstate__(self, state: tuple[int, Any, "_Type", bool, bytes]) -> None:
        _, shape, kind, fortran, data = state
        self.values = kind.read(data, shape, "F" if fortran else "C")


class _Type:
    """The type of an array's numbers."""

    def __init__(self, code: str | bytes, *_: object) -> None:
        self.code, self.order = _text(code), "|"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = _text(state[1])

    def read(self, data: bytes | bytearray, shape: Any, layout: Any) -> Integers:
        if not re.fullmatch("[<>|=][iu][1248]", self.order + self.code):
            raise DataCorrupt(
                f"a batch has an array of type {self.code!r} where whole numbers are expected"
            )
        return np.frombuffer(data, self.order + self.code).reshape(shape, order=layout)


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The names that arrays need, as ours; every other one is refused, builtins too."""
        match module.replace("numpy._core", "numpy.core"), name:
            case "numpy.core.multiarray", "_reconstruct":
                return lambda *_: _Array()
            case "numpy.core.numeric", "_frombuffer":  # of protocol 5
                return lambda data, kind, shape, layout: _Array(kind.read(data, shape, layout))
            case "_codecs", "encode":  # bytes, of Python 3 in protocols before 3
                return lambda text, _: text.encode("latin1")
            case "numpy", "ndarray":
                return _Array
            case "numpy", "dtype":
                return _Type
        raise DataCorrupt(f"a batch asks for {module}.{name}, which no CIFAR-10 file needs")


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _whole_numbers(value: object) -> Bytes:
    """A list or an array of whole numbers from 0 to 255."""
    if isinstance(value, list) and all(type(number) is int for number in value):
        found = np.asarray(value)
    elif isinstance(value, _Array) and value.values is not None:
        found = value.values
    else:
        raise DataCorrupt(f"a batch has a {type(value).__name__} where numbers are expected")
    if found.size and not 0 <= found.min() <= found.max() <= 255:
        raise DataCorrupt("a batch has numbers that are no bytes")
    return found.astype(np.uint8)


def _decode_png(name: str, data: bytes) -> Bytes:
    """A batch's picture, a row an image, as (n, 32, 32, 3). Well below Pillow's own size limit."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            if picture.size != (32 * 32, IMAGES) or picture.mode != "RGB":  # known before decoding
                raise DataCorrupt(f"{name}.png is a {picture.mode} picture of size {picture.size}")
            return np.asarray(picture, np.uint8).reshape(IMAGES, 32, 32, 3)
    except (OSError, SyntaxError) as error:
        raise DataCorrupt(f"{name}.png is damaged ({error})") from error


def _interleaved(planes: Bytes) -> Bytes:
    """(n, 3072) planar to (n, 32, 32, 3)."""
    return planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def _joined(labels: Mapping[str, Bytes], images: Mapping[str, Bytes]) -> Arrays:
    training = [name for name in BATCH_SHA256 if name != "test_batch"]
    return Arrays(
        train_images=np.concatenate([images[name] for name in training]),
        train_labels=np.concatenate([labels[name] for name in training]),
        test_images=np.ascontiguousarray(images["test_batch"]),
        test_labels=np.ascontiguousarray(labels["test_batch"]),
    )
