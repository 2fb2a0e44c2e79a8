"""Checkpoints: complete, verified, atomic, and exact to the bit."""

import os
from pathlib import Path

import pytest
import torch
from torch import OutOfMemoryError

from core.run.errors import Conflict, DataCorrupt
from core.run.metrics import EpochMetrics
from core.run.spec import RunSpec
from tests.worker.training.small_runs import (
    CPU,
    FAMILIES,
    REGULARISED,
    at_every_step,
    epochs,
    results,
    small,
)
from worker.datasets.images import ImageDataset
from worker.training import checkpoint
from worker.training.checkpoint import load, save, weights_hash
from worker.training.state import TrainingState


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.pt"


ON_TWO_THREADS = [
    ("inception", {"precision": "bf16"}),
    ("mlp-1x512", {"precision": "bf16"}),
    ("alexnet", {"width": 1.0}),
]
"""Runs use all cores; other tests one thread."""


@pytest.mark.parametrize(
    ("model", "changes", "threads"),
    [
        *((model, {}, 1) for model in FAMILIES),
        ("alexnet", {"width": 1.0}, 1),  # with the Winograd weight gradient
        ("inception", {"precision": "bf16"}, 1),
        *((model, changes, 2) for model, changes in ON_TWO_THREADS),
    ],
    indirect=["threads"],
)
@pytest.mark.usefixtures("threads")
def test_a_run_saved_and_loaded_at_every_step_ends_in_the_same_bits(
    model: str, changes: dict[str, object], path: Path, cifar10: ImageDataset
) -> None:
    drawing = {"n_train": 60, "randomization": "random_labels"} | REGULARISED
    spec = small(model, **drawing | changes)
    straight = TrainingState.start(spec, CPU)
    expected = epochs(spec, cifar10, 2, straight)
    state, rows = TrainingState.start(spec, CPU), list[EpochMetrics]()
    while len(rows) < 2:
        before = (state.step, state.position)
        for report in at_every_step(spec, cifar10, state):
            if isinstance(report, EpochMetrics):
                rows.append(report)
            if (state.step, state.position) != before:
                break
        sha256, _ = save(state, path)
        state = load(path, spec, CPU, sha256)
    assert results(rows) == results(expected)
    assert weights_hash(state.model) == weights_hash(straight.model)


@pytest.mark.parametrize("model", FAMILIES)
def test_ten_epochs_and_then_ten_more_are_twenty(
    model: str, path: Path, cifar10: ImageDataset
) -> None:
    check_extension(small(model, n_train=40, n_test=20, **REGULARISED), 10, path, cifar10)


@pytest.mark.parametrize("threads", [2], indirect=True)
@pytest.mark.parametrize(("model", "changes"), ON_TWO_THREADS)
@pytest.mark.usefixtures("threads")
def test_an_epoch_and_then_another_are_two_on_two_threads(
    model: str, changes: dict[str, object], path: Path, cifar10: ImageDataset
) -> None:
    spec = small(model, **{"n_train": 40, "n_test": 20} | REGULARISED | changes)
    check_extension(spec, 1, path, cifar10)


def check_extension(spec: RunSpec, half: int, path: Path, dataset: ImageDataset) -> None:
    """Two halves, with a checkpoint between them, are the whole."""
    whole, first = TrainingState.start(spec, CPU), TrainingState.start(spec, CPU)
    at_once = epochs(spec, dataset, 2 * half, whole)
    rows = epochs(spec, dataset, half, first)
    save(first, path)
    extended = load(path, spec, CPU, None)
    rows += epochs(spec, dataset, half, extended)
    assert results(rows) == results(at_once)
    assert weights_hash(extended.model) == weights_hash(whole.model)


def test_evaluation_that_was_interrupted_is_done_again(path: Path, cifar10: ImageDataset) -> None:
    spec, state = small(), TrainingState.start(small(), CPU)
    for report in at_every_step(spec, cifar10, state):
        if report.phase == "evaluating":
            break
    assert (state.epoch, state.position) == (0, 5)
    save(state, path)
    rows = epochs(spec, cifar10, 1, load(path, spec, CPU, None))
    assert results(rows) == results(epochs(spec, cifar10, 1))


def test_the_hash_and_size_are_those_of_the_file(path: Path) -> None:
    import hashlib

    sha256, size = save(TrainingState.start(small(), CPU), path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    assert path.stat().st_size == size
    assert list(path.parent.iterdir()) == [path], "no temporary file is left"


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "missing"])
def test_a_damaged_checkpoint_is_refused(damage: str, path: Path) -> None:
    sha256, _ = save(TrainingState.start(small(), CPU), path)
    _damage(path, damage)
    with pytest.raises(DataCorrupt, match=r"run\.pt"):
        load(path, small(), CPU, sha256)


@pytest.mark.parametrize("damage", ["truncate", "empty", "missing"])
def test_damage_is_found_without_a_hash_as_well(damage: str, path: Path) -> None:
    save(TrainingState.start(small(), CPU), path)
    _damage(path, damage)
    with pytest.raises(DataCorrupt, match=r"run\.pt"):
        load(path, small(), CPU, None)


def test_a_checkpoint_of_another_spec_is_refused(path: Path) -> None:
    sha256, _ = save(TrainingState.start(small(), CPU), path)
    with pytest.raises(Conflict, match="another spec"):
        load(path, small(seed=1), CPU, sha256)


def test_a_file_with_code_in_it_is_not_run(path: Path) -> None:
    torch.save({"format": 1, "attack": _Attack(path.parent / "owned")}, path)
    with pytest.raises(DataCorrupt):
        load(path, small(), CPU, None)
    assert not (path.parent / "owned").exists()


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory"), OutOfMemoryError()],
    ids=repr,
)
def test_lack_of_memory_is_not_taken_for_damage(
    error: Exception, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run would go on from further back, and in time forget its newest checkpoints."""

    def load_nothing(*_: object, **__: object) -> None:
        raise error

    spec = small()
    sha256, _ = save(TrainingState.start(spec, CPU), path)
    monkeypatch.setattr(torch, "load", load_nothing)
    with pytest.raises(type(error)):
        load(path, spec, CPU, sha256)


def test_a_file_of_another_kind_is_refused(path: Path) -> None:
    torch.save([1, 2, 3], path)
    with pytest.raises(DataCorrupt, match="not a checkpoint of format 3"):
        load(path, small(), CPU, None)


def test_a_failed_save_leaves_the_previous_checkpoint(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256, _ = save(TrainingState.start(small(), CPU), path)

    def disk_full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        save(TrainingState.start(small(), CPU), path)
    assert list(path.parent.iterdir()) == [path]
    load(path, small(), CPU, sha256)


def test_the_file_reaches_the_disk_before_it_gets_its_name(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(checkpoint.os, "fsync", lambda h: (order.append("fsync"), fsync(h))[1])
    monkeypatch.setattr(Path, "replace", lambda a, b: (order.append("rename"), replace(a, b))[1])
    save(TrainingState.start(small(), CPU), path)
    assert order == ["fsync", "rename", "fsync"]


def test_data_that_changed_under_a_checkpoint_is_noticed(path: Path, cifar10: ImageDataset) -> None:
    """Resuming on other labels or pixels, as when a corruption seed is lost, ends the run."""
    spec, state = small(), TrainingState.start(small(), CPU)
    epochs(spec, cifar10, 1, state)
    state.data_fingerprint = "of other data"
    save(state, path)
    with pytest.raises(DataCorrupt, match="has changed since the checkpoint"):
        epochs(spec, cifar10, 1, load(path, spec, CPU, None))


def test_weights_hashes_tell_weights_apart() -> None:
    one, same = (TrainingState.start(small(), CPU).model for _ in range(2))
    assert weights_hash(one) == weights_hash(same)
    with torch.no_grad():
        next(one.parameters())[0, 0] += 1e-6
    assert weights_hash(one) != weights_hash(same)


def _damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    elif how == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    else:
        path.write_bytes(data[: len(data) // 2 if how == "truncate" else 0])


class _Attack:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.target,)
