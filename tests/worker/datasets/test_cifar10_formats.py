"""CIFAR-10 is what was published, whatever form it was read from, and nothing else is accepted."""

import ast
import hashlib
import importlib.util
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.run.errors import DataCorrupt
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


def with_data(data: object) -> bytes:
    """A batch with such pixels."""
    return pickle.dumps({b"labels": [0] * 10_000, b"data": data})


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
    pickle_files: dict[str, bytes], arrays: Arrays
) -> None:
    assert equal(cifar10.from_pickles(pickle_files), arrays)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("form", ["bytes", "text", "arrays"])
def test_batches_saved_anew_give_the_same_arrays(
    binary_files: dict[str, bytes], arrays: Arrays, protocol: int, form: str
) -> None:
    """By any protocol, with the keys of either Python, labels as numbers or an array."""
    files = {}
    for name in cifar10.PICKLE_FILES:
        records = np.frombuffer(binary_files[f"{name}.bin"], np.uint8).reshape(10_000, 3073)
        labels = records[:, 0].astype(np.int64)
        batch: dict[Any, Any] = {
            "labels": labels if form == "arrays" else labels.tolist(),
            "data": np.array(records[:, 1:], order="F" if form == "arrays" else "C"),
            "filenames": ["leptodactylus_pentadactylus_s_000004.png"],
        }
        if form == "bytes":
            batch = {key.encode(): value for key, value in batch.items()}
        files[name] = pickle.dumps(batch, protocol)
    assert equal(cifar10.from_pickles(files), arrays)


@pytest.mark.parametrize("field", Arrays._fields)
def test_one_flipped_bit_anywhere_is_refused(arrays: Arrays, field: str) -> None:
    changed = getattr(arrays, field).copy()
    changed.reshape(-1)[-1] ^= 1
    with pytest.raises(DataCorrupt, match=r"test_batch|data_batch_5"):
        cifar10.verify(arrays._replace(**{field: changed}))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_runs_code_is_refused_before_it_does(
    pickle_files: dict[str, bytes], tmp_path: Path, protocol: int
) -> None:
    evil = pickle.dumps([Evil(f"touch {tmp_path / 'owned'}")], protocol)
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
        pytest.param(with_data(np.array([None], object)), id="an array of nothing"),
        pytest.param(with_data(np.zeros((10_000, 3072))), id="an array of fractions"),
        pytest.param(with_data(np.full((10_000, 3072), 256)), id="numbers that are no bytes"),
        pytest.param(with_data([[0] * 3072]), id="a list of lists"),
        pytest.param(with_data(np.zeros((10_000, 3071), np.uint8)), id="too few pixels"),
        pytest.param(pickle.dumps([1, 2, 3]), id="no dict"),
        pytest.param(b"\x80\x02}q\x00U\x05la", id="a truncated pickle"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_the_unpickler_knows_arrays_of_whole_numbers_alone(
    pickle_files: dict[str, bytes], data: bytes
) -> None:
    with pytest.raises(DataCorrupt):
        cifar10.from_pickles(pickle_files | {"data_batch_1": data})


def test_what_a_pickle_does_to_the_names_it_may_use_does_not_last(
    pickle_files: dict[str, bytes], arrays: Arrays
) -> None:
    """Opcode BUILD sets attributes of what the pickle has: here of classes and functions."""
    names = ("numpy.core.multiarray\n_reconstruct", "_codecs\nencode", "numpy\nndarray")
    for name in (*names, "numpy\ndtype", "numpy.core.numeric\n_frombuffer"):
        spoil = f"c{name}\nN(dV__init__\nNs".encode() + pickle.TUPLE2 + b"b."
        with pytest.raises(DataCorrupt):
            cifar10.from_pickles(pickle_files | {"data_batch_1": spoil})
    assert equal(cifar10.from_pickles(pickle_files), arrays)


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
    names = [name for name, _ in facts["train_list"] + facts["test_list"]]
    assert names == list(cifar10.PICKLE_FILES)
