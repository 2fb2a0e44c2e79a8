"""How many workers a machine carries side by side, and why.

Each worker trains one run, by default in one thread: two trainers of one thread do more than one of
two, most of all beside other programs (docs/LOG.md). GPUs are counted without torch, which would
take seconds to load: by their device files, of which a container sees its own alone.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from core.settings import Settings

MEMORY = 2_000_000_000
"""Bytes a trainer may take."""
MOST = 64
"""Workers by themselves at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Capacity:
    """What fills a machine."""

    workers: int
    threads: int
    gpus: tuple[str, ...] = ()
    """Their names for CUDA_VISIBLE_DEVICES; a worker takes the one of its slot."""
    why: str

    @property
    def sentence(self) -> str:
        """As in "2 workers of 1 thread: 2 cores"."""
        each = "one GPU each" if self.gpus else f"{_count(self.threads, 'thread')}"
        return f"{_count(self.workers, 'worker')} of {each}: {self.why}"


def capacity(settings: Settings, root: Path = Path("/")) -> Capacity:
    """As many workers as the cores that this process may use and as memory carry, or as are set.

    Where there are GPUs, one for each and none on the CPU. `root`: where the system's files are.
    """
    cores, whose = _cores(root)
    threads = settings.threads or cores
    gpus = _gpus(root)
    if settings.workers:
        count, why = settings.workers, "RETHINK_WORKERS"
    elif gpus:
        count, why = len(gpus), _count(len(gpus), "GPU")
    elif not settings.threads:
        count, why = 1, f"RETHINK_THREADS=0 gives it {whose}"
    else:
        count, why = _on_cpu(cores, whose, threads, _free_memory(root))
    return Capacity(workers=count, threads=threads, gpus=gpus, why=why)


def _on_cpu(cores: int, whose: str, threads: int, memory: int | None) -> tuple[int, str]:
    """By what there is least of."""
    limits = [(max(cores // threads, 1), whose), (MOST, f"no more than {MOST} by themselves")]
    if memory is not None:
        gigabytes = f"{memory / 1e9:.1f} GB of memory is free, and each may take {MEMORY / 1e9:g}"
        limits.append((max(memory // MEMORY, 1), gigabytes))
    return min(limits, key=lambda limit: limit[0])


def _cores(root: Path) -> tuple[int, str]:
    """Cores that this process may use, and in words."""
    there = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else there
    quota = min(_quotas(root), default=float(allowed))
    cores = max(int(min(allowed, quota)), 1)
    return cores, _count(cores, "core") + (f" of {there}" if cores < there else "")


def _quotas(root: Path) -> Iterator[float]:
    """Cores' worth of time that control groups allow, of version 2 and 1."""
    for folder in _groups(root, ""):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        if quota.isdigit() and period.isdigit():
            yield int(quota) / int(period)
    for folder in _groups(root, "cpu"):
        quota, period = (_read(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        if quota.isdigit() and period.isdigit():  # -1: no limit
            yield int(quota) / int(period)


def _free_memory(root: Path) -> int | None:
    """Bytes that new processes may take: of the machine, and of each control group."""
    free = list(_memory_of_groups(root))
    for line in _read(root / "proc/meminfo").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            free.append(int(value.split()[0]) * 1024)
    return max(min(free), 0) if free else None


def _memory_of_groups(root: Path) -> Iterator[int]:
    """A group's limit less what it uses, but for cached files that the system would drop."""
    for controller, limit, usage, cached in (
        ("", "memory.max", "memory.current", "inactive_file"),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        for folder in _groups(root, controller):
            most, used = _read(folder / limit), _read(folder / usage)
            if most.isdigit() and used.isdigit():
                stat = dict(line.split() for line in _read(folder / "memory.stat").splitlines())
                yield int(most) - int(used) + int(stat.get(cached, 0))


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """This process's control group and those around it; "" for version 2.

    A container may see its own group as the root of the file system, whatever its name outside.
    """
    mount = root / "sys/fs/cgroup" / controller
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            inner = mount / path.lstrip("/")
            yield from (f for f in (inner, *inner.parents) if f.is_relative_to(mount))


def _gpus(root: Path) -> tuple[str, ...]:
    """The CUDA devices that torch would find, as CUDA_VISIBLE_DEVICES names them."""
    if not _torch_may_use_cuda():
        return ()
    there = len([f for f in (root / "dev").glob("nvidia*") if f.name[6:].isdigit()])
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None or not there:
        return tuple(map(str, range(there)))
    names = [name.strip() for name in chosen.split(",")]
    return tuple(name for name in names if name and not name.startswith("-"))


def _torch_may_use_cuda() -> bool:
    try:
        return "+cpu" not in metadata.version("torch")
    except metadata.PackageNotFoundError:
        return False


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
