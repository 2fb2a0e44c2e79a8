"""Which device, how many threads and which number format, each with a reason a user can read.

Notable choices:
- bf16 is recommended where it was shown to leave epochs-to-fit and final error as they are, and is
  faster: on x86 processors with avx512_bf16 or amx_bf16 (docs/LOG.md). Of CUDA devices with tensor
  cores for it, where the arithmetic is the same (bf16 products, float32 sums), the same is assumed,
  and the reason says so.
- Nothing is chosen by timing, so that the same machine always computes the same numbers.
"""

import ctypes
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.run.spec import Precision


def choose_device() -> torch.device:
    """The first CUDA device if there is one, else the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def configure(threads: int = 0) -> None:
    """Make this process compute reproducibly. Call it before anything else uses torch.

    Args:
        threads: CPU threads of matrix products and convolutions; 0 for all cores.

    Denormal numbers count as zero: momentum of a unit that no longer gets a gradient would
    otherwise stay denormal for ever, and slow each step down.
    """
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads or available_cores())
    torch.use_deterministic_algorithms(True)
    # Every tensor is written before it is read; filling it first takes 5 % of an Inception step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # Unlike matrix products, cuDNN's convolutions have TF32 on by default: fp32 would not be fp32.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    # Sums of bf16 products are float32's on a CPU, and are to be on a GPU.
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    _keep_freed_memory()
    if torch.cuda.is_available():
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False


def _keep_freed_memory() -> None:
    """Have glibc keep what is freed: 4 % of an Inception step goes to getting it back as pages."""
    m_mmap_max, m_trim_threshold, m_top_pad = -4, -1, -2  # malloc.h
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(m_mmap_max, 0)
        libc.mallopt(m_trim_threshold, 2**31 - 1)
        libc.mallopt(m_top_pad, 2**26)


def available_cores() -> int:
    """Cores this process may use, which a container may have limited."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def recommended_precision(device: torch.device | None = None) -> tuple[Precision, str]:
    """The number format that `auto` stands for on `device`, and why."""
    device = device or choose_device()
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        if torch.cuda.get_device_capability(device) >= (8, 0):
            shown = "that it changes no result was shown on x86 CPUs only"
            return Precision.BF16, f"bf16: {name} multiplies bf16 in hardware; {shown}"
        return Precision.FP32, f"fp32: {name} has no bf16 in hardware"
    instructions = _bf16_instructions()
    if instructions:
        return Precision.BF16, f"bf16: this CPU has {instructions}"
    return Precision.FP32, "fp32: this CPU has no instructions for bf16 products"


def describe(device: torch.device | None = None) -> dict[str, Any]:
    """What bears on the numbers a run gives, as plain JSON: for capabilities and provenance.

    Runs are comparable to the bit where `numerics` is equal.
    """
    device = device or choose_device()
    precision, reason = recommended_precision(device)
    cuda = device.type == "cuda"
    return {
        "device": device.type,
        "name": torch.cuda.get_device_name(device) if cuda else cpu_name(),
        "memory_bytes": _memory(device),
        "cores": available_cores(),
        "precision": precision.value,
        "precision_reason": reason,
        "numerics": numerics(device),
    }


BIT_CHANGING = (
    *("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS"),
    *("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "NVIDIA_TF32_OVERRIDE"),
)
"""Environment variables by which oneDNN, MKL and CUDA's libraries choose other kernels."""


def numerics(device: torch.device | None = None) -> dict[str, Any]:
    """Equal here, equal trajectories: device kind, CPU features, threads and versions.

    Of the variables that change bits those that are set: what is not here is not set.
    """
    device = device or choose_device()
    found: dict[str, Any] = {
        "device": device.type,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cpu_vendor": cpu_vendor(),
        "cpu_model": f"{_cpuinfo('cpu family')}/{_cpuinfo('model')}",
        "bf16_instructions": _bf16_instructions(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    found |= {name: value for name in BIT_CHANGING if (value := os.environ.get(name))}
    if device.type == "cuda":
        found |= {
            "gpu": torch.cuda.get_device_name(device),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        }
    return found


def cpu_name() -> str:
    """The processor as Linux names it; elsewhere what Python knows, the architecture at least."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def cpu_vendor() -> str:
    """MKL and oneDNN choose other kernels by vendor, and by model."""
    return _cpuinfo("vendor_id") or platform.machine()


def _bf16_instructions() -> str:
    """The x86 extensions that multiply bf16 here; empty where there is none."""
    flags = _cpuinfo("flags").split()
    return ", ".join(flag for flag in ("amx_bf16", "avx512_bf16") if flag in flags)


def _cpuinfo(field: str) -> str:
    """A field of the first processor in Linux's /proc/cpuinfo; empty elsewhere."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name.strip() == field:
                    return value.strip()
    except OSError:
        pass
    return ""


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0
