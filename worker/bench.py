"""`python -m worker.bench`: how fast the engine trains here, against the conventional pipeline.

Notable choices:
- The conventional pipeline is what most reproductions have: a DataLoader with per-image PIL and
  torchvision transforms, `nn` layers in their default layout, fp32, `torch.optim.SGD` and a loss
  read at every step. Model, batch size and threads are the engine's; of 0 and 2 loader workers the
  better counts.
- Each trains in a process of its own. All start together, then they train one at a time, in short
  turns, so that a busy machine slows both. Ratios are taken per round, then the median; the
  spread is the range over rounds.
- Threads of both wait as a trainer's do (`child.environment`): that is no part of the pipeline,
  and loader workers beside threads that spin might cost the conventional one more. Otherwise it
  has PyTorch's defaults, for memory too: what the engine sets in its process is its own.
- FLOPs are those of the executed step, counted by PyTorch; the peak is the best matrix product
  measured in the engine's process, after all have started and while no other trains.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from core.catalogue import models
from core.run.spec import Precision, RunSpec
from core.settings import get_settings
from worker import child
from worker.datasets import store
from worker.datasets.images import ImageDataset
from worker.training import device, loop
from worker.training.data import as_images, prepare
from worker.training.models import build
from worker.training.models.convolution import SameConv2d
from worker.training.models.layers import LocalResponseNorm
from worker.training.models.mlp import Classifier
from worker.training.state import TrainingState

Turn = Callable[[float], float]
"""Trains for about so many seconds and returns the images trained a second."""
ENGINE = "engine"
FACTS = "facts"
CONVENTIONAL = {"0 loader workers": 0, "2 loader workers": 2}


class Side:
    """A process that trains one model in one of the pipelines, a turn at a time."""

    def __init__(self, model: str, pipeline: str) -> None:
        command = [sys.executable, "-m", "worker.bench", "--model", model, "--side", pipeline]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=child.environment(get_settings().root),
        )

    def await_ready(self) -> None:
        """Until it has loaded everything."""
        self._answer()

    def turn(self, seconds: float) -> float:
        """Images trained a second."""
        return float(self._ask(seconds))

    def facts(self) -> dict[str, Any]:
        """What the engine says of itself; nothing runs beside it."""
        return dict(self._ask(FACTS))

    def end(self) -> None:
        """Have it end; `await_end` waits until it has."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def await_end(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process.wait()

    def _ask(self, question: object) -> Any:
        assert self._process.stdin is not None
        print(question, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the measuring process ended; what it printed is above")
        return json.loads(line)


def bench(model: str, *, rounds: int, seconds: float) -> dict[str, Any]:
    """Measure one model, as plain JSON.

    Args:
        rounds: turns of each pipeline.
        seconds: length of a turn.
    """
    sides = {name: Side(model, name) for name in (ENGINE, *CONVENTIONAL)}
    for side in sides.values():
        side.await_ready()
    sides[ENGINE].turn(0.5)
    facts = sides[ENGINE].facts()
    for name in CONVENTIONAL:
        sides[name].turn(0.5)
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            found[name].append(side.turn(seconds))
    for side in sides.values():
        side.end()
    for side in sides.values():
        side.await_end()
    best = max(CONVENTIONAL, key=lambda name: statistics.median(found[name]))
    ratios = [a / b for a, b in zip(found[ENGINE], found[best], strict=True)]
    speed = statistics.median(found[ENGINE])
    flop_per_second = facts["flops_per_image"] * speed
    result: dict[str, Any] = facts | {
        "images_per_second": speed,
        "images_per_second_range": [min(found[ENGINE]), max(found[ENGINE])],
        "conventional_images_per_second": statistics.median(found[best]),
        "conventional_range": [min(found[best]), max(found[best])],
        "conventional_loader": best,
        "ratio": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
        "rounds": rounds,
        "flop_per_second": flop_per_second,
        "fraction_of_peak": flop_per_second / facts["matrix_peak"],
    }
    return result


def take_turns(model: str, pipeline: str, threads: int) -> None:
    """Say when ready; then answer each number of seconds on standard input with the images trained
    a second, and `FACTS` with the engine's.
    """
    settings, where, spec = get_settings(), device.choose_device(), RunSpec(model=model)
    if pipeline == ENGINE:
        device.configure(threads)
    else:
        torch.set_num_threads(threads or device.available_cores())
    dataset = store.load("cifar10", settings.root, folder=settings.cifar10)
    if pipeline == ENGINE:
        spec = spec.replace(precision=device.recommended_precision(where)[0])
        turn = engine(spec, dataset, where)
    else:
        turn = conventional(spec, dataset, where, CONVENTIONAL[pipeline])
    print(json.dumps("ready"), flush=True)
    for line in map(str.strip, sys.stdin):
        answer = facts_of(spec, where) if line == FACTS else turn(float(line))
        print(json.dumps(answer), flush=True)


def facts_of(spec: RunSpec, where: torch.device) -> dict[str, Any]:
    """What the engine does and could do here. Its memory is what it has needed so far."""
    return {
        "model": spec.model,
        "batch_size": spec.batch_size,
        "precision": spec.precision.value,
        "precision_reason": device.recommended_precision(where)[1],
        "memory_bytes": _memory_used(where),
        "flops_per_image": step_flops(spec, where) / spec.batch_size,
        "matrix_peak": matrix_peak(where, spec.precision),
        "matrix_peak_fp32": matrix_peak(where, Precision.FP32),
        "machine": device.describe(where),
    }


def engine(spec: RunSpec, dataset: ImageDataset, where: torch.device) -> Turn:
    """The engine's own steps: batches gathered, trained and counted as in any run."""
    data = prepare(spec, dataset, where)
    state = TrainingState.start(spec, where)

    def turn(seconds: float) -> float:
        first, start = state.step, time.perf_counter()

        def over() -> bool:
            return time.perf_counter() - start > seconds

        while not over():
            for _ in loop.train_epoch(state, data, over):
                break
            if state.position == spec.steps_per_epoch:
                state.end_epoch()
        return (state.step - first) * spec.batch_size / (time.perf_counter() - start)

    return turn


def conventional(spec: RunSpec, dataset: ImageDataset, where: torch.device, workers: int) -> Turn:
    """DataLoader, PIL, plain layers, fp32: see the module's docstring."""
    model = plain_model(spec).to(where).train()
    optimiser = torch.optim.SGD(model.parameters(), lr=spec.learning_rate, momentum=spec.momentum)
    loader = DataLoader(
        PilImages(dataset, spec.crop),
        batch_size=spec.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        generator=torch.Generator().manual_seed(spec.seed),
    )
    batches = _for_ever(loader)

    def turn(seconds: float) -> float:
        images, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            inputs, labels = (t.to(where) for t in next(batches))
            optimiser.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            loss.item()
            images += len(labels)
        return images / (time.perf_counter() - start)

    return turn


class PilImages(Dataset[tuple[Tensor, int]]):
    """Images as most training scripts have them: decoded and transformed one at a time."""

    def __init__(self, dataset: ImageDataset, crop: int) -> None:
        from torchvision import transforms

        self.images, self.labels = dataset.train_images, dataset.train_labels
        self.transform = transforms.Compose(
            [transforms.ToPILImage(), transforms.CenterCrop(crop), transforms.ToTensor(), _whiten]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index]), int(self.labels[index])


def plain_model(spec: RunSpec) -> nn.Module:
    """The spec's network of PyTorch's own layers, in their default layout."""
    model = build(spec)
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, LocalResponseNorm):
                setattr(parent, name, nn.LocalResponseNorm(9, alpha=1e-3, beta=0.75, k=1.0))
            elif isinstance(layer, Classifier):
                setattr(parent, name, _plain_linear(layer))
            elif isinstance(layer, SameConv2d):
                setattr(parent, name, _plain_convolution(layer))
    return model


def step_flops(spec: RunSpec, where: torch.device) -> float:
    """Floating-point operations of one training step: matrix products and convolutions."""
    state = TrainingState.start(spec, where)
    side, channels = spec.crop, spec.dataset_info.channels
    rows = torch.randn(spec.batch_size, side * side * channels, device=where)
    labels = torch.zeros(spec.batch_size, dtype=torch.int64, device=where)
    with FlopCounterMode(display=False) as counter:
        with state.autocast():
            logits = state.model(as_images(rows, (side, side, channels)))
        torch.autograd.grad(F.cross_entropy(logits.float(), labels), state.parameters.own)
    return float(counter.get_total_flops())


def matrix_peak(where: torch.device, precision: Precision) -> float:
    """Best FLOP/s of square matrix products in `precision`."""
    dtype = torch.bfloat16 if precision is Precision.BF16 else torch.float32
    best = 0.0
    for size in (512, 1024, 2048):
        a, b = (torch.randn(size, size, device=where, dtype=dtype) for _ in range(2))
        for _ in range(5):
            start = time.perf_counter()
            repeats = max(1, 2048 // size)
            for _ in range(repeats):
                product = a @ b
            product[0, 0].item()  # waits for a GPU
            best = max(best, 2 * size**3 * repeats / (time.perf_counter() - start))
    return best


def table(results: Sequence[dict[str, Any]]) -> str:
    """The results for people, a model a line."""
    lines = [
        f"{'model':12}{'img/s':>9}{'conventional':>14}{'loaders':>9}{'ratio':>7}{'range':>13}"
        f"{'GFLOP/s':>9}{'peak':>7}{'of peak':>9}{'memory':>9}"
    ]
    for r in results:
        low, high = r["ratio_range"]
        lines.append(
            f"{r['model']:12}{r['images_per_second']:9,.0f}"
            f"{r['conventional_images_per_second']:14,.0f}"
            f"{CONVENTIONAL[r['conventional_loader']]:9}{r['ratio']:7.2f}"
            f"{f'{low:.2f}-{high:.2f}':>13}{r['flop_per_second'] / 1e9:9.0f}"
            f"{r['matrix_peak'] / 1e9:7.0f}{r['fraction_of_peak']:9.0%}"
            f"{r['memory_bytes'] / 2**30:6.1f} GB"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m worker.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
    parser.add_argument("--model", action="append", choices=list(models), help="only this")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a turn")
    parser.add_argument("--side", choices=[ENGINE, *CONVENTIONAL], help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    chosen = given.model or list(models)
    if given.side:
        take_turns(chosen[0], given.side, get_settings().threads)
        return 0
    settings = get_settings()
    store.load("cifar10", settings.root, folder=settings.cifar10)  # fetched once, by one process
    results = [bench(model, rounds=given.rounds, seconds=given.seconds) for model in chosen]
    machine = results[0]["machine"] | {"python": platform.python_version()}
    for result in results:
        del result["machine"]
    if given.json:
        print(json.dumps({"machine": machine, "results": results}, indent=2))
    else:
        numerics = machine["numerics"]
        print(f"{machine['name']}, {numerics['threads']} threads, torch {numerics['torch']}")
        print(f"{results[0]['precision_reason']}\n{table(results)}")
    return 0


def _whiten(image: Tensor) -> Tensor:
    return (image - image.mean()) / image.std(correction=0).clamp_min(image.numel() ** -0.5)


def _plain_linear(layer: Classifier) -> nn.Linear:
    plain = nn.Linear(layer.in_features, layer.out_features)
    plain.load_state_dict(layer.state_dict())
    return plain


def _plain_convolution(layer: SameConv2d) -> nn.Conv2d:
    plain = nn.Conv2d(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size[0],
        padding=layer.kernel_size[0] // 2,
        bias=layer.bias is not None,
    )
    plain.load_state_dict(layer.state_dict())
    return plain


def _for_ever(loader: DataLoader[tuple[Tensor, int]]) -> Iterator[Any]:
    while True:
        yield from loader


def _memory_used(where: torch.device) -> int:
    """Most memory in use so far: of the GPU, or of this process."""
    if where.type == "cuda":
        return int(torch.cuda.max_memory_allocated(where))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    sys.exit(main())
