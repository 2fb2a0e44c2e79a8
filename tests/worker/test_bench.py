"""`rethink bench`: what it prints, by a short run of the real thing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.catalogue import models
from worker.bench import table
from worker.training.device import recommended_precision

RESULT = {
    *("model", "batch_size", "precision", "precision_reason", "memory_bytes", "rounds"),
    *("images_per_second", "images_per_second_range", "ratio", "ratio_range"),
    *("conventional_images_per_second", "conventional_range", "conventional_loader"),
    *("flops_per_image", "flop_per_second", "fraction_of_peak"),
    *("matrix_peak", "matrix_peak_fp32"),
}
MACHINE = {
    *("name", "device", "cores", "memory_bytes", "precision", "precision_reason"),
    *("numerics", "python"),
}


def bench(*options: str) -> str:
    command = [sys.executable, "-m", "rethink", "bench", "--rounds", "2", "--seconds", "0.3"]
    command += options
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout


@pytest.mark.usefixtures("home_with_data")
def test_it_measures_both_pipelines_in_turns() -> None:
    found = json.loads(bench("--model", "mlp-1x512", "--json"))
    (result,) = found["results"]
    assert (set(found), set(result)) == ({"machine", "results"}, RESULT)
    assert set(found["machine"]) == MACHINE
    assert result["model"] == "mlp-1x512"
    assert result["precision"] == recommended_precision()[0]
    assert result["images_per_second"] > 0
    assert result["conventional_images_per_second"] > 0
    low, high = result["ratio_range"]
    assert low <= result["ratio"] <= high
    assert result["rounds"] == 2
    # A product of 2352 × 512 and one of 512 × 10, forward and for the weights, and backwards from
    # the second: 2 operations a multiplication. Convolutions are counted too, but there are none.
    expected = 2 * (2 * 2352 * 512 + 3 * 512 * 10)
    assert result["flops_per_image"] == pytest.approx(expected, rel=0.01)
    assert result["fraction_of_peak"] == pytest.approx(
        result["images_per_second"] * result["flops_per_image"] / result["matrix_peak"]
    )
    assert result["memory_bytes"] > 100_000_000
    assert result["flop_per_second"] == pytest.approx(
        result["images_per_second"] * result["flops_per_image"]
    )
    header, line = table([result]).splitlines()
    assert len(header) == len(line) <= 100
    loaders = dict(zip(header.split(), line.split(), strict=False))["loaders"]
    assert result["conventional_loader"] == f"{loaders} loader workers"


@pytest.mark.slow
@pytest.mark.usefixtures("home_with_data")
def test_the_table_has_a_line_a_model(home: Path) -> None:  # noqa: ARG001
    lines = bench().splitlines()
    assert [line.split()[0] for line in lines[3:]] == list(models)
