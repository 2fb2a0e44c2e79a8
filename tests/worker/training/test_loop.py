"""The loop: what it reports, when, and that reporting changes nothing."""

import inspect
import math
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from core.run.errors import Conflict
from core.run.metrics import EpochMetrics, Progress
from core.run.spec import Precision, RunSpec
from tests.worker.training.small_runs import (
    CPU,
    FAMILIES,
    REGULARISED,
    at_every_step,
    epochs,
    losses,
    results,
    small,
)
from worker.datasets.images import ImageDataset
from worker.training import loop
from worker.training.checkpoint import load, save, weights_hash
from worker.training.data import as_images, prepare
from worker.training.loop import Diverged, train
from worker.training.state import TrainingState, learning_rate

BOTH_VARIANTS = [
    ("shuffled_pixels", "paper"),
    ("random_pixels", "paper"),
    ("random_pixels", "report"),
    ("gaussian", "paper"),
    ("gaussian", "report"),
]


def test_a_notebook_needs_two_lines(cifar10: ImageDataset) -> None:
    for report in train(small(), cifar10):
        if isinstance(report, EpochMetrics):
            break
    assert report.epoch == 1


def test_a_state_of_another_spec_is_refused(cifar10: ImageDataset) -> None:
    """Its steps would follow one spec, and its labels another."""
    state = TrainingState.start(small(randomization="random_labels"), CPU)
    with pytest.raises(Conflict, match=r"of another spec: .*random_labels"):
        list(train(small(), cifar10, CPU, state))


def test_the_steps_read_on_one_screen() -> None:
    for function in (loop.train, loop.train_epoch, loop._step, loop._evaluate_epoch):
        assert len(inspect.getsource(function).splitlines()) < 45
    lines, first = inspect.getsourcelines(loop._step)
    assert first + len(lines) - inspect.getsourcelines(loop.train_epoch)[1] < 60, "one screen"


def test_metrics_are_a_full_evaluation_after_the_epoch(cifar10: ImageDataset) -> None:
    spec, state = small(), TrainingState.start(small(), CPU)
    (row,) = epochs(spec, cifar10, 1, state)
    data = prepare(spec, cifar10, CPU)
    state.model.eval()
    for images, labels, loss, accuracy in (
        (data.train_images, data.train_labels, row.train_loss, row.train_accuracy),
        (data.test_images, data.test_labels, row.test_loss, row.test_accuracy),
    ):
        logits = state.model(as_images(images, data.image_shape))
        assert F.cross_entropy(logits, labels).item() == pytest.approx(loss, rel=1e-5)
        assert (logits.argmax(1) == labels).float().mean().item() == pytest.approx(accuracy)
    assert (row.epoch, row.step) == (1, 5)
    assert row.learning_rate == 0.01


def test_the_online_loss_weighs_a_last_small_batch_by_its_size(cifar10: ImageDataset) -> None:
    spec = small(batch_size=30)  # 30 + 30 + 30 + 10
    found = losses(spec, cifar10, 4)
    (row,) = epochs(spec, cifar10, 1)
    assert row.step == 4
    assert row.online_loss == pytest.approx((30 * sum(found[:3]) + 10 * found[3]) / 100, rel=1e-6)


def test_accuracies_are_split_where_labels_are_corrupted(cifar10: ImageDataset) -> None:
    spec = small(randomization="corrupted_labels", corruption=0.5, width=0.25)
    row = epochs(spec, cifar10, 40)[-1]
    data = prepare(spec, cifar10, CPU)
    wrong = (data.train_labels != data.true_labels).float().mean().item()
    assert row.clean_accuracy is not None
    assert row.corrupted_accuracy is not None
    assert row.corrupted_true_accuracy is not None
    whole = (1 - wrong) * row.clean_accuracy + wrong * row.corrupted_accuracy
    assert whole == pytest.approx(row.train_accuracy)
    assert row.corrupted_accuracy == 1, "it has memorised the wrong labels"
    assert row.corrupted_true_accuracy == 0


def test_predictions_are_compared_with_corrupted_test_labels_too(cifar10: ImageDataset) -> None:
    spec = small(randomization="corrupted_labels", corruption=0.5, width=0.25)
    state = TrainingState.start(spec, CPU)
    (row,) = epochs(spec, cifar10, 1, state)
    data = prepare(spec, cifar10, CPU)
    assert data.noisy_test_labels is not None
    state.model.eval()
    logits = state.model(as_images(data.test_images, data.image_shape))
    for labels, loss, accuracy in (
        (data.test_labels, row.test_loss, row.test_accuracy),
        (data.noisy_test_labels, row.noisy_test_loss, row.noisy_test_accuracy),
    ):
        assert F.cross_entropy(logits, labels).item() == pytest.approx(loss, rel=1e-5)
        assert (logits.argmax(1) == labels).float().mean().item() == pytest.approx(accuracy)


@pytest.mark.parametrize("p", [0.2, 0.7, 1.0])
def test_the_error_on_corrupted_test_labels_is_what_chance_makes_of_the_true_one(
    p: float, cifar10: ImageDataset
) -> None:
    """1 - ((1 - p)(1 - e) + p / 10), within four standard errors; at p = 1 that is chance."""
    kind = {"randomization": "random_labels"}
    if p < 1:
        kind = {"randomization": "corrupted_labels", "corruption": p}
    spec = small(n_train=1000, n_test=10_000, width=0.25, **kind)
    row = epochs(spec, cifar10, 3)[-1]
    expected = (1 - p) * row.test_accuracy + p / 10
    assert row.noisy_test_accuracy == pytest.approx(expected, abs=4 * (0.25 / 10_000) ** 0.5)
    if p == 0.2:
        assert row.test_accuracy > 0.2
        assert abs(row.noisy_test_accuracy - row.test_accuracy) > 0.01


@pytest.mark.parametrize("randomization", ["true_labels", "random_pixels"])
def test_accuracies_are_not_split_where_labels_are_true(
    randomization: str, cifar10: ImageDataset
) -> None:
    (row,) = epochs(small(randomization=randomization), cifar10, 1)
    assert row.clean_accuracy is row.corrupted_accuracy is row.corrupted_true_accuracy is None
    assert row.noisy_test_loss is row.noisy_test_accuracy is None


@pytest.mark.parametrize("model", FAMILIES)
def test_reporting_at_every_step_changes_nothing(model: str, cifar10: ImageDataset) -> None:
    spec = small(model, **REGULARISED)
    quiet, chatty = TrainingState.start(spec, CPU), TrainingState.start(spec, CPU)
    undisturbed = epochs(spec, cifar10, 2, quiet)
    asked = epochs(spec, cifar10, 2, chatty, should_yield=lambda: True)
    assert results(undisturbed) == results(asked)
    assert weights_hash(quiet.model) == weights_hash(chatty.model)


COLD = """
import pathlib, sys, torch
from core.run.metrics import EpochMetrics
from core.run.spec import Precision, RunSpec
from worker.datasets import store
from worker.training import device
from worker.training.checkpoint import weights_hash
from worker.training.loop import train
from worker.training.state import TrainingState

device.configure(threads=int(sys.argv[3]))
spec, cpu = RunSpec.model_validate_json(sys.argv[1]), torch.device("cpu")
state = TrainingState.start(spec, cpu)
for report in train(spec, store.load("cifar10", pathlib.Path(sys.argv[2])), cpu, state):
    if isinstance(report, EpochMetrics) and state.epoch == 2:
        break
print(weights_hash(state.model))
"""


@pytest.mark.parametrize(
    ("model", "precision", "threads"),
    [
        pytest.param("mlp-1x512", "fp32", 1, marks=pytest.mark.slow),
        pytest.param("alexnet", "fp32", 2, marks=pytest.mark.slow),
        ("mlp-1x512", "bf16", 2),
        ("inception", "bf16", 2),
    ],
    indirect=["threads"],
)
def test_a_warm_trainer_gives_the_weights_of_a_cold_one(
    model: str, precision: str, threads: int, cifar10: ImageDataset, data_home: Path
) -> None:
    """Whatever ran before in the process; a cold one has run nothing."""
    spec = small(model, precision=precision, **REGULARISED)
    cold = subprocess.run(
        [sys.executable, "-c", COLD, spec.canonical_json(), str(data_home), str(threads)],
        capture_output=True,
        text=True,
        check=True,
    )
    epochs(small("alexnet", randomization="gaussian", dropout=0.3, seed=4), cifar10, 1)
    epochs(small("mlp-3x512", precision="bf16", seed=4), cifar10, 1)
    torch.rand(17)
    warm = TrainingState.start(spec, CPU)
    epochs(spec, cifar10, 2, warm)
    assert weights_hash(warm.model) == cold.stdout.strip()


def test_it_yields_at_every_step_and_evaluated_batch_when_asked(cifar10: ImageDataset) -> None:
    state = TrainingState.start(small(), CPU)
    phases = []
    for report in at_every_step(small(), cifar10, state):
        if isinstance(report, EpochMetrics):
            break
        phases.append((report.phase, report.step))
    assert phases == [
        ("preparing data", 0),
        *(("training", step) for step in range(1, 6)),
        ("evaluating", 5),
        ("evaluating", 5),
    ]


def test_a_request_to_yield_is_met_at_the_next_step(cifar10: ImageDataset) -> None:
    wanted = threading.Event()
    state = TrainingState.start(small(n_train=2000), CPU)
    reports = train(state.spec, cifar10, CPU, state, wanted.is_set)
    assert isinstance(next(reports), Progress)  # preparing
    assert next(reports).step == 1  # the first step is reported at once
    wanted.set()
    assert next(reports).step == 2


def test_progress_says_how_far_the_epoch_is(cifar10: ImageDataset) -> None:
    state = TrainingState.start(small(), CPU)
    seen = [r for r, _ in zip(at_every_step(small(), cifar10, state), range(8), strict=False)]
    training = [r for r in seen if isinstance(r, Progress) and r.phase == "training"]
    assert [r.fraction for r in training] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert all(r.loss and r.loss > 0 and r.images_per_second for r in training)


def test_the_learning_rate_falls_by_the_interval_and_never_by_the_runs_length() -> None:
    spec = small(decay=0.5, decay_steps=3, learning_rate=0.8)
    assert [learning_rate(spec, step) for step in range(7)] == [0.8] * 3 + [0.4] * 3 + [0.2]
    assert learning_rate(RunSpec(model="inception"), 391 * 10 - 1) == pytest.approx(0.1 * 0.95**9)
    assert learning_rate(RunSpec(model="inception"), 391 * 10) == pytest.approx(0.1 * 0.95**10)


def test_the_learning_rate_warms_up_linearly() -> None:
    spec = small(warmup_steps=4, learning_rate=0.8, decay=1.0)
    assert [learning_rate(spec, s) for s in range(6)] == pytest.approx(
        [0.2, 0.4, 0.6, 0.8, 0.8, 0.8]
    )


@pytest.mark.parametrize("asked", [True, False])
def test_divergence_names_the_exact_step_however_often_it_looks(
    asked: bool, cifar10: ImageDataset
) -> None:
    spec = small("mlp-3x512", learning_rate=10.0, initialisation="he_normal", init_scale=10)
    with pytest.raises(Diverged) as each_step:
        for _ in at_every_step(spec, cifar10, TrainingState.start(spec, CPU)):
            pass
    with pytest.raises(Diverged) as end:
        for _ in train(spec, cifar10, CPU, should_yield=lambda: asked):
            pass
    assert (end.value.step, end.value.epoch) == (each_step.value.step, each_step.value.epoch)
    assert end.value.epoch == math.ceil(end.value.step / 5)
    assert str(end.value) == (
        f"The loss was not finite at step {end.value.step}, in epoch {end.value.epoch}."
    )


def test_weights_that_overflow_in_an_epochs_last_step_end_the_run(cifar10: ImageDataset) -> None:
    state = TrainingState.start(small(), CPU)
    for report in at_every_step(small(), cifar10, state):
        if isinstance(report, Progress) and report.phase == "training" and report.step == 5:
            break
    state.model.load_state_dict(
        {name: torch.full_like(v, math.inf) for name, v in state.model.state_dict().items()}
    )
    with pytest.raises(Diverged) as end:
        epochs(small(), cifar10, 1, state)
    assert (end.value.step, end.value.epoch) == (5, 1)


def test_the_last_layers_of_a_run_end_at_chance_before_training(cifar10: ImageDataset) -> None:
    """Loss near ln 10 at the first step: inputs and initial weights have the right scale."""
    for model in FAMILIES:
        assert losses(small(model), cifar10, 1)[0] == pytest.approx(math.log(10), abs=0.4)


@pytest.mark.parametrize(("randomization", "variant"), BOTH_VARIANTS)
def test_every_randomization_trains(
    randomization: str, variant: str, cifar10: ImageDataset
) -> None:
    spec = small(randomization=randomization, variant=variant, width=0.25)
    rows = epochs(spec, cifar10, 30)
    assert rows[-1].train_accuracy > 0.9
    assert rows[-1].train_loss < rows[0].train_loss


def test_a_bf16_run_learns_as_well(cifar10: ImageDataset) -> None:
    """By emulation where the CPU has no bf16: the path works; its speed is not the point here."""
    spec = small("alexnet", precision="bf16", learning_rate=0.02, initialisation="he_normal")
    rows = epochs(spec, cifar10, 2)
    assert all(math.isfinite(row.train_loss) for row in rows)
    fp32 = epochs(spec.replace(precision="fp32"), cifar10, 2)
    assert rows[-1].train_loss == pytest.approx(fp32[-1].train_loss, rel=0.02)
    assert rows[-1].train_loss != fp32[-1].train_loss


# ------------------------------------------------------------------------------- a GPU


@pytest.fixture
def gpu() -> torch.device:
    if not torch.cuda.is_available():
        pytest.skip("NO CUDA DEVICE: the CUDA path of the engine is untested on this machine")
    return torch.device("cuda", 0)


ON_A_GPU = [(model, precision) for model in FAMILIES for precision in Precision]


@pytest.mark.cuda
@pytest.mark.parametrize(("model", "precision"), ON_A_GPU)
def test_a_gpu_learns_what_the_processor_learns(
    model: str, precision: str, gpu: torch.device, cifar10: ImageDataset
) -> None:
    """Without dropout, whose noise each kind of device draws by a generator of its own."""
    spec = small(model, precision=precision, **REGULARISED | {"dropout": 0.0})
    (row,) = epochs(spec, cifar10, 1, TrainingState.start(spec, gpu))
    (on_cpu,) = epochs(spec, cifar10, 1)
    assert row.train_loss == pytest.approx(on_cpu.train_loss, rel=0.05)


@pytest.mark.cuda
@pytest.mark.parametrize(("model", "precision"), ON_A_GPU)
def test_a_gpu_repeats_itself_to_the_bit(
    model: str, precision: str, gpu: torch.device, cifar10: ImageDataset
) -> None:
    spec = small(model, precision=precision, **REGULARISED)
    first, second = TrainingState.start(spec, gpu), TrainingState.start(spec, gpu)
    assert results(epochs(spec, cifar10, 2, first)) == results(epochs(spec, cifar10, 2, second))
    assert weights_hash(first.model) == weights_hash(second.model)


@pytest.mark.cuda
@pytest.mark.parametrize(("model", "precision"), ON_A_GPU)
def test_a_run_saved_and_loaded_on_a_gpu_ends_in_the_same_bits(
    model: str, precision: str, gpu: torch.device, cifar10: ImageDataset, tmp_path: Path
) -> None:
    spec = small(model, precision=precision, **REGULARISED)
    straight, state = TrainingState.start(spec, gpu), TrainingState.start(spec, gpu)
    expected = epochs(spec, cifar10, 2, straight)
    for report in train(spec, cifar10, gpu, state, lambda: True):
        if isinstance(report, Progress) and report.step == 3:
            break
    sha256, _ = save(state, tmp_path / "run.pt")
    resumed = load(tmp_path / "run.pt", spec, gpu, sha256)
    assert results(epochs(spec, cifar10, 2, resumed)) == results(expected)
    assert weights_hash(resumed.model) == weights_hash(straight.model)
