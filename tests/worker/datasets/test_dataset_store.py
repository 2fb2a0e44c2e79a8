"""A dataset is prepared once, whole or not at all, and shared; damage is noticed and named."""

import errno
import fcntl
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from core.catalogue import Dataset
from core.run.demands import Demand
from core.run.errors import DataCorrupt, DataUnavailable, InvalidInput
from core.run.lifecycle import Outcome
from core.run.metrics import Progress
from core.run.spec import RunSpec
from core.settings import get_settings
from worker import wire
from worker.datasets import cache, store
from worker.datasets.images import ImageDataset
from worker.datasets.sources import Arrays, Report, Source, preparing
from worker.trainer import Trainer

CHECKOUT = Path(__file__).parents[3]
FILES = ["test_images.npy", "test_labels.npy", "train_images.npy", "train_labels.npy"]


class Tiny:
    """Another dataset, grey and of eight images, and its own only source."""

    info = Dataset(
        name="tiny",
        title="Tiny",
        class_names=("even", "odd"),
        channels=1,
        height=2,
        width=3,
        train_size=6,
        test_size=2,
    )
    advice = "give up"
    name = "arithmetic"
    remote = True
    arrays = Arrays(
        train_images=np.arange(36, dtype=np.uint8).reshape(6, 2, 3, 1),
        train_labels=np.arange(6, dtype=np.uint8) % 2,
        test_images=np.arange(12, dtype=np.uint8).reshape(2, 2, 3, 1),
        test_labels=np.arange(2, dtype=np.uint8),
    )

    def __init__(self) -> None:
        self.closed = False

    def sources(self, folder: Path | None) -> Sequence[Source]:  # noqa: ARG002
        return [self]

    def obstacle(self) -> str | None:
        return "closed" if self.closed else None

    def read(self, work: Path, report: Report) -> Arrays:
        (work / "download").write_bytes(b"much")
        report(preparing("counting"))
        return self.arrays

    def verify(self, arrays: Arrays) -> None:
        for name, expected in self.arrays._asdict().items():
            if not np.array_equal(getattr(arrays, name), expected):
                raise DataCorrupt(f"{name} are not Tiny's")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Tiny:
    recipe = Tiny()
    monkeypatch.setattr(store, "RECIPES", {"tiny": recipe})
    return recipe


@pytest.fixture
def prepared(home: Path, tiny: Tiny) -> Path:  # noqa: ARG001
    """The folder of a prepared dataset, which the test may damage."""
    store.load("tiny", home)
    return home / "datasets/tiny"


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Another Python process, in the checkout."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def flip_last_byte(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))


@pytest.mark.usefixtures("no_download")
def test_a_dataset_is_prepared_once_and_then_opened(
    home: Path, binary_folder: Path, cifar10: ImageDataset
) -> None:
    heard: list[Progress] = []
    first = store.load("cifar10", home, report=heard.append, folder=binary_folder)
    again = store.load("cifar10", home, folder=home / "nothing here")
    assert {progress.phase for progress in heard} == {"preparing data"}
    assert first.fingerprint == again.fingerprint == cifar10.fingerprint
    assert first.provenance == again.provenance
    assert first.provenance["source"] == str(binary_folder / "cifar-10-batches-bin")
    assert names(home / "datasets") == ["cifar10", "cifar10.lock"]
    assert names(home / "datasets/cifar10") == sorted([*FILES, "manifest.json"])


def test_arrays_are_read_only_maps_of_the_files(home_with_data: Path) -> None:
    dataset = store.load("cifar10", home_with_data)
    for array in (dataset.train_images, dataset.train_labels, dataset.test_images):
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        dataset.train_labels[0] = 0


def test_opening_what_is_prepared_writes_nothing_and_takes_no_lock(home_with_data: Path) -> None:
    def wait(progress: Progress) -> None:
        pytest.fail(f"it had to work or to wait: {progress}")

    lock = home_with_data / "datasets/cifar10.lock"
    with lock.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        store.load("cifar10", home_with_data, report=wait)


def test_another_dataset_needs_a_recipe_and_nothing_else(home: Path, tiny: Tiny) -> None:
    dataset = store.load("tiny", home)
    assert dataset.info is tiny.info
    assert dataset.train_images.shape == (6, 2, 3, 1)
    assert np.array_equal(dataset.test_labels, tiny.arrays.test_labels)
    assert names(home / "datasets") == ["tiny", "tiny.lock"]


def test_a_truncated_prepared_file_is_prepared_anew(home: Path, prepared: Path) -> None:
    os.truncate(prepared / "train_images.npy", 140)
    assert store.status("tiny", home)["state"] == "damaged"
    store.load("tiny", home)
    assert store.status("tiny", home, verify=True)["state"] == "ready"
    assert names(home / "datasets") == ["tiny", "tiny.lock"]


def test_a_damaged_cache_that_cannot_be_replaced_is_named(
    home: Path, prepared: Path, tiny: Tiny
) -> None:
    os.truncate(prepared / "test_labels.npy", 100)
    tiny.closed = True
    with pytest.raises(
        DataUnavailable,
        match=r"test_labels.npy has 100 bytes where 130 are .*; arithmetic: closed. .* give up",
    ):
        store.load("tiny", home)


@pytest.mark.parametrize("damage", ["missing", "not json", "another dataset", "no array", "object"])
def test_every_damage_that_shows_without_reading_all_is_noticed(
    home: Path, prepared: Path, damage: str
) -> None:
    labels, manifest = prepared / "test_labels.npy", prepared / cache.MANIFEST
    facts = json.loads(manifest.read_text())
    match damage:
        case "missing":
            labels.unlink()
        case "not json":
            manifest.write_text("{")
        case "another dataset":
            manifest.write_text(json.dumps(facts | {"dataset": "cifar10"}))
        case "no array":
            labels.write_bytes(b"x" * labels.stat().st_size)
        case "object":
            np.save(labels, np.array([{}]), allow_pickle=True)
            facts["sizes"][labels.name] = labels.stat().st_size
            manifest.write_text(json.dumps(facts))
    status = store.status("tiny", home)
    assert status["state"] == "damaged"
    assert str(prepared) in status["reason"]


def test_a_flipped_byte_in_the_cache_is_found_and_repaired(home: Path, prepared: Path) -> None:
    flip_last_byte(prepared / "test_images.npy")
    assert store.status("tiny", home)["state"] == "ready", "it looks at sizes alone"
    status = store.status("tiny", home, verify=True)
    assert (status["state"], status["reason"]) == ("damaged", "test_images are not Tiny's")
    assert store.load("tiny", home).test_images.tobytes() == Tiny.arrays.test_images.tobytes()
    assert store.status("tiny", home, verify=True)["verified"] is True


@pytest.mark.usefixtures("closed_network")
def test_nothing_is_trained_on_damaged_images(home: Path, data_home: Path) -> None:
    """A byte of CIFAR-10 that changed on the disk, and no source to fetch it from again."""
    shutil.copytree(data_home / "datasets/cifar10", home / "datasets/cifar10")
    flip_last_byte(home / "datasets/cifar10/train_images.npy")
    order = wire.Train(
        run_id="r", attempt=1, spec=RunSpec(), demands=[Demand(epochs=1)], curve=[], checkpoints=[]
    )
    ended = Trainer(get_settings(), io.StringIO()).carry_out(order)
    assert ended.outcome is Outcome.FAILED
    assert ended.error is not None
    assert "local cache: data_batch_5 is damaged or not CIFAR-10" in ended.error["message"]


def test_a_manifest_with_another_fingerprint_is_found_by_reading_all(
    home: Path, prepared: Path
) -> None:
    manifest = prepared / cache.MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"fingerprint": "0" * 64}))
    assert "fingerprint" in store.status("tiny", home, verify=True)["reason"]


def test_status_tells_what_is_there_and_where_it_could_come_from(home_with_data: Path) -> None:
    status = store.status("cifar10", home_with_data, folder=home_with_data)
    assert json.loads(json.dumps(status)) == status
    assert (status["state"], status["bytes"]) == ("ready", 60_000 * 3073)
    assert [source["obstacle"] is None for source in status["sources"]] == [False]
    (archive, _) = store.status("cifar10", home_with_data)["sources"]
    assert archive["obstacle"] is None


def test_status_of_an_empty_home_changes_nothing(home: Path) -> None:
    assert store.status("cifar10", home, verify=True)["state"] == "absent"
    assert names(home) == []


def test_an_unknown_dataset_is_refused(home: Path) -> None:
    with pytest.raises(InvalidInput, match="dataset 'imagenet' is not known: use one of cifar10"):
        store.load("imagenet", home)


@pytest.mark.usefixtures("tiny")
def test_a_home_that_cannot_be_written_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataUnavailable, match=r"Not a directory.*: set RETHINK_HOME to a folder"):
        store.load("tiny", tmp_path / "file/home")


@pytest.mark.usefixtures("tiny")
def test_a_full_disk_gets_one_sentence_and_leaves_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:  # noqa: ARG001
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataUnavailable, match=r"the disk that holds .* is full: .* make room"):
        store.load("tiny", home)
    assert names(home / "datasets") == ["tiny.lock"]


@pytest.mark.usefixtures("tiny")
def test_work_stopped_by_its_listener_leaves_nothing(home: Path) -> None:
    def cancel(progress: Progress) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.load("tiny", home, report=cancel)
    assert names(home / "datasets") == ["tiny.lock"]


KILLED_WHILE_WRITING = """
import sys, time
from pathlib import Path
import numpy as np
from worker.datasets import store
save = np.save
def slow(file, array, allow_pickle):
    save(file, array, allow_pickle=allow_pickle)
    print("writing", flush=True)
    time.sleep(60)
np.save = slow
store.load("cifar10", Path(sys.argv[1]), folder=Path(sys.argv[2]))
"""


def test_a_process_killed_while_writing_leaves_nothing_that_is_ever_used(
    home: Path, binary_folder: Path
) -> None:
    with start(KILLED_WHILE_WRITING, home, binary_folder) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
    assert store.status("cifar10", home)["state"] == "absent"
    store.load("cifar10", home, folder=binary_folder)
    assert store.status("cifar10", home, verify=True)["state"] == "ready"
    assert names(home / "datasets") == ["cifar10", "cifar10.lock"]


LOADED = """
import sys
from pathlib import Path
from worker.datasets import store
dataset = store.load("cifar10", Path(sys.argv[1]), folder=Path(sys.argv[2]),
                     report=lambda progress: print(progress.phase))
print(dataset.fingerprint, dataset.provenance["prepared_at"], dataset.provenance["seconds"])
"""


def test_of_two_processes_at_once_one_prepares_and_the_other_waits(
    home: Path, binary_folder: Path
) -> None:
    processes = [start(LOADED, home, binary_folder) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs[0][-1] == outputs[1][-1], "the same preparation"
    assert sorted("preparing data" in output for output in outputs) == [False, True]


@pytest.mark.usefixtures("tiny")
def test_waiting_for_another_process_is_reported(
    home: Path, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    (home / "datasets").mkdir()
    heard: list[str] = []
    thread = threading.Thread(
        target=store.load,
        args=("tiny", home),
        kwargs={"report": lambda progress: heard.append(progress.phase)},
    )
    with (home / "datasets/tiny.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread.start()
        wait_until(lambda: "waiting for another process" in heard)
        assert set(heard) == {"waiting for another process"}
    thread.join(timeout=30)
    assert store.status("tiny", home)["state"] == "ready"


@pytest.mark.usefixtures("no_download")
def test_damaged_files_of_the_user_are_refused_and_nothing_is_fetched_instead(
    home: Path, tmp_path: Path, binary_folder: Path
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(binary_folder, folder)
    path = folder / "cifar-10-batches-bin/data_batch_3.bin"
    flip_last_byte(path)
    with pytest.raises(DataCorrupt, match="data_batch_3 is damaged or not CIFAR-10"):
        store.load("cifar10", home, folder=folder)
    os.truncate(path, 12_345)
    with pytest.raises(DataCorrupt, match=r"data_batch_3.bin has 12,345 bytes .* replace these"):
        store.load("cifar10", home, folder=folder)
    path.unlink()
    with pytest.raises(DataCorrupt, match=r"has no file data_batch_3.bin"):
        store.load("cifar10", home, folder=folder)
    assert names(home / "datasets") == ["cifar10.lock"]
