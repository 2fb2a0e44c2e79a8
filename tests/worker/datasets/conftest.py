"""CIFAR-10 in its published forms, rebuilt from the real images: the archives cannot be shipped."""

import io
import pickle
import pickletools
import shutil
import struct
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from worker.datasets import cifar10 as formats
from worker.datasets import cifar10_sources, store
from worker.datasets.images import ImageDataset
from worker.datasets.sources import Arrays

REFUSED = "http://127.0.0.1:9/cifar-10-python.tar.gz"
"""An address at which nothing listens."""


@pytest.fixture(scope="session")
def arrays(cifar10: ImageDataset) -> Arrays:
    return Arrays(*(getattr(cifar10, name) for name in Arrays._fields))


@pytest.fixture(scope="session")
def binary_files(arrays: Arrays) -> dict[str, bytes]:
    """The official binary batches, by file name."""
    return {f"{name}.bin": data for name, data in formats.official_batches(arrays)}


@pytest.fixture(scope="session")
def pickle_files(binary_files: dict[str, bytes]) -> dict[str, bytes]:
    """The python batches, by file name, but without the pictures' file names, which are lost."""
    files = {}
    for name in formats.PICKLE_FILES:
        records = np.frombuffer(binary_files[f"{name}.bin"], np.uint8).reshape(10_000, 3073)
        labels = [int(label) for label in records[:, 0]]
        files[name] = python2_pickle(
            {b"batch_label": name.encode(), b"labels": labels, b"data": records[:, 1:].copy()}
        )
    return files


@pytest.fixture(scope="session")
def binary_folder(
    binary_files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """What the user may name: a folder with `cifar-10-batches-bin`. Not to be changed."""
    folder = tmp_path_factory.mktemp("binary")
    write_files(folder / "cifar-10-batches-bin", binary_files)
    yield folder
    shutil.rmtree(folder)  # pytest would keep it for some runs: 184 MB


@pytest.fixture
def closed_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the authors' site nor npm can be reached."""
    monkeypatch.setattr(cifar10_sources, "ARCHIVE_URL", REFUSED)
    monkeypatch.setattr("shutil.which", lambda _: None)


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test in which fetching anything is a failure."""

    def read(*_: Any) -> Arrays:
        pytest.fail("a remote source was tried")

    for source in store.RECIPES["cifar10"].sources(None):
        monkeypatch.setattr(type(source), "read", read)


@pytest.fixture(scope="session")
def write() -> Callable[[Path, Mapping[str, bytes]], None]:
    return write_files


@pytest.fixture(scope="session")
def pack() -> Callable[..., None]:
    """Writes a `.tar.gz` with the files in one folder."""

    def packed(path: Path, folder: str, files: Mapping[str, bytes], *, level: int = 0) -> None:
        with tarfile.open(path, "w:gz", compresslevel=level) as archive:
            for name, data in files.items():
                member = tarfile.TarInfo(f"{folder}/{name}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))

    return packed


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


class _Python2Pickler(pickle._Pickler):  # type: ignore[name-defined,misc]
    """Writes byte strings as Python 2 did, and arrays as the numpy of that time."""

    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

    def save_bytes(self, value: bytes) -> None:
        self.write(b"T" + struct.pack("<i", len(value)) + value)
        self.memoize(value)

    dispatch[bytes] = save_bytes

    def save_text(self, value: str) -> None:
        self.save_bytes(value.encode("latin1"))

    dispatch[str] = save_text

    def save_global(self, value: Any, name: str | None = None) -> None:
        module = value.__module__.replace("numpy._core", "numpy.core")
        self.write(f"c{module}\n{name or value.__name__}\n".encode())
        self.memoize(value)

    dispatch[type] = save_global


def python2_pickle(value: Any) -> bytes:
    stream = io.BytesIO()
    _Python2Pickler(stream, protocol=2).dump(value)
    data = stream.getvalue()
    globals_ = {arg for op, arg, _ in pickletools.genops(data) if op.name == "GLOBAL"}
    assert "numpy.core.multiarray _reconstruct" in globals_, "as in the published batches"
    return data


@pytest.fixture(scope="session")
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Waits for a condition, or fails after ten seconds."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.02)

    return wait
