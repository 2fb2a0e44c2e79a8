"""How many workers a machine is given, on file systems that say what it has."""

import os
from pathlib import Path

import pytest

from core.settings import Settings
from rethink import capacity as module
from rethink.capacity import MOST, Capacity, capacity

MEMINFO = "MemTotal: 1 kB\nMemAvailable: {} kB\n"


@pytest.fixture(autouse=True)
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    set_cores(monkeypatch, 16)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(module, "_torch_may_use_cuda", lambda: True)


def set_cores(monkeypatch: pytest.MonkeyPatch, there: int, allowed: int | None = None) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: there)
    cores = set(range(allowed or there))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cores, raising=False)


def machine(root: Path, *, free_gb: float = 1000, groups: str = "", **files: str) -> Path:
    """A file system with these files."""
    texts = {"proc/meminfo": MEMINFO.format(int(free_gb * 1e9 / 1024)), "proc/self/cgroup": groups}
    for name, text in {**texts, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def found(root: Path, **settings: int) -> Capacity:
    return capacity(Settings(**settings), root)  # type: ignore[arg-type]


def test_a_worker_of_one_thread_for_each_core(tmp_path: Path) -> None:
    assert found(machine(tmp_path)).sentence == "16 workers of 1 thread: 16 cores"


def test_as_many_as_have_their_threads_each(tmp_path: Path) -> None:
    assert found(machine(tmp_path), threads=3).sentence == "5 workers of 3 threads: 16 cores"
    alone = found(machine(tmp_path), threads=0)
    assert alone.sentence == "1 worker of 16 threads: RETHINK_THREADS=0 gives it 16 cores"
    assert found(machine(tmp_path), threads=40).workers == 1


def test_cores_that_this_process_may_not_use_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_cores(monkeypatch, 16, allowed=2)
    assert found(machine(tmp_path)).sentence == "2 workers of 1 thread: 2 cores of 16"


@pytest.mark.parametrize(
    ("groups", "files", "workers"),
    [
        ("0::/", {"sys/fs/cgroup/cpu.max": "350000 100000"}, 3),
        ("0::/", {"sys/fs/cgroup/cpu.max": "50000 100000"}, 1),
        ("0::/", {"sys/fs/cgroup/cpu.max": "max 100000"}, 16),
        ("0::/a/b", {"sys/fs/cgroup/a/cpu.max": "400000 100000"}, 4),
        (
            "4:cpu,cpuacct:/docker/x",  # as the host names it: the container sees it as the root
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            2,
        ),
        (
            "4:cpu,cpuacct:/",
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            16,
        ),
    ],
)
def test_a_containers_share_of_the_processor_counts(
    tmp_path: Path, groups: str, files: dict[str, str], workers: int
) -> None:
    assert found(machine(tmp_path, groups=groups, **files)).workers == workers


@pytest.mark.parametrize(
    ("groups", "files"),
    [
        ("", {"proc/meminfo": MEMINFO.format(7_000_000)}),
        (
            "0::/",
            {
                "sys/fs/cgroup/memory.max": "9000000000",
                "sys/fs/cgroup/memory.current": "3000000000",
                "sys/fs/cgroup/memory.stat": "anon 2000000000\ninactive_file 1000000000",
            },
        ),
        (
            "7:memory:/",
            {
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9000000000",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "3000000000",
                "sys/fs/cgroup/memory/memory.stat": "total_inactive_file 1000000000",
            },
        ),
    ],
)
def test_memory_counts_too(tmp_path: Path, groups: str, files: dict[str, str]) -> None:
    carried = found(machine(tmp_path, groups=groups, **files))
    assert carried.workers == 3
    assert carried.why.endswith("GB of memory is free, and each may take 2")


def test_there_is_one_at_least_and_no_endless_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(machine(tmp_path, free_gb=0.5)).workers == 1
    set_cores(monkeypatch, 256)
    assert found(machine(tmp_path)).workers == MOST


def test_a_number_that_is_set_is_kept(tmp_path: Path) -> None:
    assert found(machine(tmp_path), workers=40).sentence == (
        "40 workers of 1 thread: RETHINK_WORKERS"
    )


def test_where_there_are_gpus_each_has_one_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = {"dev/nvidia0": "", "dev/nvidia1": "", "dev/nvidiactl": "", "dev/nvidia-uvm": ""}
    root = machine(tmp_path, **devices)
    carried = found(root)
    assert (carried.gpus, carried.sentence) == (("0", "1"), "2 workers of one GPU each: 2 GPUs")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert found(root).gpus == ("1",)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert found(root).sentence == "16 workers of 1 thread: 16 cores"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(module, "_torch_may_use_cuda", lambda: False)
    assert found(root).workers == 16
