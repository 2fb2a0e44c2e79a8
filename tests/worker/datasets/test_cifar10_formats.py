"""CIFAR-10 is what was published, whatever form it was read from, and nothing else is accepted."""

import ast
import hashlib
import importlib.util
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.domain.errors import DataCorrupt
from worker.datasets import cifar10, cifar10_sources
from worker.datasets.sources import Arrays

PUBLISHED = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def equal(one: Arrays, other: Arrays) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_prepared_images_rebuild_the_six_official_batches(
    binary_files: dict[str, bytes],
) -> None:
    assert {n: hashlib.sha256(data).hexdigest() for n, data in binary_files.items()} == PUBLISHED


def test_images_are_height_width_channel_and_every_class_is_balanced(arrays: Arrays) -> None:
    assert arrays.train_images.shape == (50_000, 32, 32, 3)
    assert arrays.test_images.shape == (10_000, 32, 32, 3)
    assert np.bincount(arrays.train_labels).tolist() == [5_000] * 10
    assert np.bincount(arrays.test_labels).tolist() == [1_000] * 10
    assert arrays.train_labels[:5].tolist() == [6, 9, 9, 4, 1]
    assert arrays.train_images[0, 0, 0].tolist() == [59, 62, 63]  # the frog's first pixel, RGB


def test_binary_batches_give_the_same_arrays(
    binary_files: dict[str, bytes], arrays: Arrays
) -> None:
    assert equal(cifar10.from_binary(binary_files), arrays)


def test_python_batches_give_the_same_arrays(
    pickle_files: dict[str, bytes], accept_pickles: Callable[..., None], arrays: Arrays
) -> None:
    accept_pickles()
    assert equal(cifar10.from_pickles(pickle_files), arrays)


@pytest.mark.parametrize("field", Arrays._fields)
def test_one_flipped_bit_anywhere_is_refused(arrays: Arrays, field: str) -> None:
    changed = getattr(arrays, field).copy()
    changed.reshape(-1)[-1] ^= 1
    with pytest.raises(DataCorrupt, match=r"test_batch|data_batch_5"):
        cifar10.verify(arrays._replace(**{field: changed}))


def test_a_python_batch_is_not_unpickled_unless_its_checksum_holds(
    pickle_files: dict[str, bytes],
    accept_pickles: Callable[..., None],
    tmp_path: Path,
) -> None:
    accept_pickles()
    evil = pickle.dumps(Evil(f"touch {tmp_path / 'owned'}"))
    with pytest.raises(DataCorrupt, match="test_batch is truncated, damaged or another file"):
        cifar10.from_pickles(pickle_files | {"test_batch": evil})
    assert not (tmp_path / "owned").exists()


def test_a_pickle_that_runs_code_is_refused_even_with_the_right_checksum(
    pickle_files: dict[str, bytes],
    accept_pickles: Callable[..., None],
    tmp_path: Path,
) -> None:
    evil = pickle.dumps([Evil(f"touch {tmp_path / 'owned'}")])
    accept_pickles(data_batch_1=evil)
    with pytest.raises(DataCorrupt, match=r"asks for posix\.system"):
        cifar10.from_pickles(pickle_files | {"data_batch_1": evil})
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"cbuiltins\neval\n(S'1'\ntR.", id="a builtin"),
        pytest.param(b"c__builtin__\ngetattr\n.", id="a builtin of Python 2"),
        pytest.param(b"cnumpy\nload\n.", id="another function of numpy"),
        pytest.param(b"cnumpy.core.multiarray\nfromfile\n.", id="a neighbour of _reconstruct"),
        pytest.param(b"cnumpy\nndarray.tofile\n.", id="an attribute of an allowed class"),
        pytest.param(pickle.dumps(np.array([print], object), protocol=2), id="an array of objects"),
        pytest.param(b"\x80\x02}q\x00U\x05la", id="a truncated pickle"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_the_unpickler_knows_arrays_of_bytes_alone(data: bytes) -> None:
    with pytest.raises(DataCorrupt):
        cifar10.unpickle_arrays(data)


def test_a_binary_batch_of_another_length_is_refused(binary_files: dict[str, bytes]) -> None:
    short = binary_files | {"data_batch_2.bin": binary_files["data_batch_2.bin"][:-1]}
    with pytest.raises(DataCorrupt, match=r"data_batch_2\.bin has 30,729,999 bytes where 30,730,0"):
        cifar10.from_binary(short)


def test_address_and_checksums_are_those_of_torchvision() -> None:
    """Read from torchvision's source, because importing it takes seconds."""
    torchvision = importlib.util.find_spec("torchvision")
    assert torchvision is not None
    assert torchvision.submodule_search_locations
    source = Path(torchvision.submodule_search_locations[0], "datasets", "cifar.py")
    body = next(
        node.body
        for node in ast.parse(source.read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == "CIFAR10"
    )
    facts = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert facts["url"] == cifar10_sources.ARCHIVE_URL
    assert facts["filename"] == cifar10_sources.ARCHIVE
    assert dict(facts["train_list"] + facts["test_list"]) == cifar10.PICKLE_MD5
