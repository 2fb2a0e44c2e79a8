"""The device: which precision it means, why, and what two machines must share to compute alike."""

from collections.abc import Callable

import pytest
import torch

from worker.training import device

CUDA = torch.device("cuda", 0)
CPU = torch.device("cpu")
ASSUMED = "; that it changes no result was shown on x86 CPUs only"


@pytest.fixture
def cpu_flags(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes this processor one with the given flags, as in /proc/cpuinfo."""

    def become(flags: str) -> None:
        known = {"flags": flags, "vendor_id": "AuthenticAMD", "model name": "A processor"}
        monkeypatch.setattr(device, "_cpuinfo", lambda field: known.get(field, ""))

    return become


@pytest.mark.parametrize(
    ("capability", "precision", "reason"),
    [
        ((8, 0), "bf16", f"bf16: NVIDIA A100 multiplies bf16 in hardware{ASSUMED}"),
        ((9, 0), "bf16", f"bf16: NVIDIA A100 multiplies bf16 in hardware{ASSUMED}"),
        ((7, 5), "fp32", "fp32: NVIDIA A100 has no bf16 in hardware"),
    ],
)
def test_a_gpu_gets_bf16_from_ampere_on(
    capability: tuple[int, int], precision: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA A100")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert device.recommended_precision(CUDA) == (precision, reason)


@pytest.mark.parametrize(
    ("flags", "precision", "reason"),
    [
        ("fpu avx512f avx512_bf16", "bf16", "bf16: this CPU has avx512_bf16"),
        ("fpu amx_bf16", "bf16", "bf16: this CPU has amx_bf16"),
        ("fpu avx512_bf16 amx_bf16", "bf16", "bf16: this CPU has amx_bf16, avx512_bf16"),
        ("fpu avx2 avx512f", "fp32", "fp32: this CPU has no instructions for bf16 products"),
        ("", "fp32", "fp32: this CPU has no instructions for bf16 products"),
    ],
)
def test_a_cpu_gets_bf16_where_it_multiplies_it(
    flags: str, precision: str, reason: str, cpu_flags: Callable[[str], None]
) -> None:
    cpu_flags(flags)
    assert device.recommended_precision(CPU) == (precision, reason)


def test_processors_that_multiply_bf16_differently_are_not_the_same_kind(
    cpu_flags: Callable[[str], None],
) -> None:
    """Otherwise a bf16 run that moves between them would not be marked as mixed."""
    kinds = []
    for flags in ("avx512f", "avx512f avx512_bf16", "avx512f avx512_bf16 amx_bf16"):
        cpu_flags(flags)
        kinds.append(device.numerics(CPU))
    assert [kind["bf16_instructions"] for kind in kinds] == [
        "",
        "avx512_bf16",
        "amx_bf16, avx512_bf16",
    ]
    assert len({repr(kind) for kind in kinds}) == 3


@pytest.mark.parametrize(
    "name", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS"]
)
def test_a_variable_that_changes_bits_makes_another_kind(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name, raising=False)
    unset = device.numerics(CPU)
    monkeypatch.setenv(name, "AVX2")
    assert device.numerics(CPU) == unset | {name: "AVX2"}
    monkeypatch.setenv(name, "")
    assert device.numerics(CPU) == unset, "as the attempts that were stored before it was recorded"


def test_fp32_means_fp32_on_a_gpu_too() -> None:
    """cuDNN's convolutions would otherwise round their inputs to TF32's ten bits."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    device.configure(threads=1)
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction
