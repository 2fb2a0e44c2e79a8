"""A worker and its trainer child take runs through their lives, whatever happens on the way.

Real training on real images, with a child process each test may stop, starve or kill.
"""

import itertools
import os
import resource
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy as sa

from core.failpoints import VARIABLE
from core.run.demands import Demand, StopRule
from core.run.errors import Conflict
from core.run.lifecycle import Outcome, RunState
from core.run.spec import ENGINE, RunSpec
from core.settings import Settings
from core.storage import leases, runs, workers
from core.storage.database import migrate
from core.storage.tables import Metric, Run
from tests.processes import ENDLESS, eventually, slowness, tiny
from tests.stored_runs import is_mixed, parts_of
from tests.worker.conftest import Bench
from tests.worker.training.small_runs import CPU, REGULARISED, small
from worker import supervise, turn
from worker.datasets.images import ImageDataset
from worker.outbox import REST_SECONDS, Outbox
from worker.supervise import Supervisor
from worker.training.loop import Diverged, train

ALL_THAT_DRAWS = [
    pytest.param(tiny(), id="mlp"),
    pytest.param(small("alexnet", **REGULARISED), id="alexnet"),
    pytest.param(small("inception", precision="bf16", **REGULARISED), id="inception-bf16"),
]
"""The last two with dropout and augmentation."""


def test_a_run_trains_to_its_end_and_stores_all_it_measured(bench: Bench) -> None:
    run_id = bench.train(tiny(), 3)
    run = bench.run(run_id)
    assert (run.epochs_done, run.step, run.outcome) == (3, 12, Outcome.COMPLETED)
    assert [row["epoch"] for row in bench.curve(run_id)] == [1, 2, 3]
    (attempt,) = bench.attempts(run_id)
    assert attempt.provenance is not None
    assert attempt.provenance["numerics"]["threads"] == 1
    assert len(attempt.provenance["data_fingerprint"]) == 64
    assert len(attempt.provenance["randomization_fingerprint"]) == 64
    assert attempt.provenance["wrong_labels"] == 0
    assert bench.checkpoints(run_id)[0].is_file()


def test_a_stop_rule_ends_a_run_early(bench: Bench) -> None:
    with bench.database.write() as session:
        demand = Demand(epochs=ENDLESS, stop=StopRule(train_loss=2.0))
        run_id = runs.submit(session, tiny(seed=1), demand)[0].id
    bench.work()
    *before, last = bench.curve(run_id)
    assert last["train_loss"] < 2.0
    assert all(row["train_loss"] >= 2.0 for row in before)


def test_cancelling_ends_a_run_within_two_seconds(bench: Bench) -> None:
    run_id = bench.submit(tiny(seed=2), ENDLESS)
    bench.start_work()
    bench.await_epoch(run_id, 3)
    bench.ask(runs.cancel, run_id)
    seconds = eventually(lambda: bench.run(run_id).state == RunState.CANCELLED)
    bench.end_work()
    assert seconds < 2
    assert bench.run(run_id).epochs_done == len(bench.curve(run_id)) >= 3


def test_cancelling_takes_two_seconds_even_where_the_trainer_is_deep_in_work(
    bench: Bench, worker: Supervisor
) -> None:
    """A long step, a large batch to evaluate, all images to randomize: it listens between them."""
    run_id = bench.submit(tiny(seed=60), ENDLESS)
    bench.start_work()
    bench.await_epoch(run_id, 3)
    os.kill(trainer_pid(worker), signal.SIGSTOP)
    bench.ask(runs.cancel, run_id)
    seconds = eventually(lambda: bench.run(run_id).state == RunState.CANCELLED)
    bench.end_work()
    assert seconds < 2
    assert bench.run(run_id).epochs_done == len(bench.curve(run_id)) >= 3
    bench.ask(runs.retry, run_id)  # by another trainer, from what was saved before
    bench.start_work()
    bench.cut_short(run_id, bench.run(run_id).epochs_done + 2)
    assert bench.is_undisturbed(run_id)


def test_a_run_paused_twice_gives_the_numbers_of_an_undisturbed_one(bench: Bench) -> None:
    run_id = bench.submit(tiny(seed=3, dropout=0.2, random_flip=True), ENDLESS)
    for _ in range(2):
        bench.start_work()
        bench.await_epoch(run_id, bench.run(run_id).epochs_done + 5)
        bench.ask(runs.pause, run_id)
        assert eventually(lambda: bench.run(run_id).state == RunState.PAUSED) < 3
        bench.end_work()
        bench.ask(runs.resume, run_id)
    bench.start_work()
    bench.cut_short(run_id, bench.run(run_id).epochs_done + 5)
    assert [a.outcome for a in bench.attempts(run_id)] == ["paused", "paused", "completed"]
    assert bench.is_undisturbed(run_id)


@pytest.mark.parametrize("spec", ALL_THAT_DRAWS)
def test_a_run_that_was_extended_gives_the_numbers_of_a_longer_one(
    spec: RunSpec, bench: Bench
) -> None:
    run_id = bench.train(spec.replace(seed=4), 3)
    finished = bench.curve(run_id)
    bench.ask(runs.extend, run_id, 6)
    bench.work()
    assert bench.curve(run_id)[:3] == finished
    assert bench.run(run_id).epochs_done == 6
    second = bench.attempts(run_id)[1]
    assert second.provenance is not None
    assert second.provenance["first_step"] == 3 * spec.steps_per_epoch
    assert bench.is_undisturbed(run_id)


def test_other_demands_in_mid_run_are_met_in_the_same_attempt(bench: Bench) -> None:
    run_id = bench.submit(tiny(seed=5), ENDLESS)
    bench.start_work()
    bench.await_epoch(run_id, 2)
    bench.submit(tiny(seed=5), ENDLESS - 1, owner="study:a")
    bench.ask(runs.cancel, run_id)  # the launch's demand; the study's stays
    bench.await_epoch(run_id, bench.run(run_id).epochs_done + 5)
    bench.submit(tiny(seed=5), bench.run(run_id).epochs_done + 5)
    with bench.database.write() as session:
        runs.cancel(session, run_id, owner="study:a")
    bench.end_work()
    assert bench.run(run_id).state == RunState.SUCCEEDED
    assert len(bench.attempts(run_id)) == 1


def test_a_run_of_milliseconds_an_epoch_does_not_keep_the_database_to_itself(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries: list[float] = []
    deliver = Outbox.deliver

    def counted(outbox: Outbox) -> bool:
        deliveries.append(time.monotonic())
        return deliver(outbox)

    monkeypatch.setattr(Outbox, "deliver", counted)
    run_id = bench.submit(tiny(seed=71), ENDLESS)
    bench.start_work()
    bench.await_epoch(run_id, 300)
    bench.ask(runs.cancel, run_id)
    bench.end_work()
    *ordinary, _end = deliveries
    gaps = [later - earlier for earlier, later in itertools.pairwise(ordinary)]
    assert min(gaps) >= REST_SECONDS


@pytest.mark.parametrize("spec", ALL_THAT_DRAWS)
def test_a_worker_told_to_stop_hands_its_run_back_at_no_cost(
    spec: RunSpec, bench: Bench, worker: Supervisor
) -> None:
    run_id = bench.submit(spec.replace(seed=6), ENDLESS)
    bench.start_work()
    bench.await_epoch(run_id, 2)
    with bench.stopping():
        started = time.monotonic()
        bench.end_work()
        assert time.monotonic() - started < 3 * slowness()
    run = bench.run(run_id)
    assert (run.state, run.lost, worker.handed_back) == (RunState.QUEUED, 0, True)
    bench.start_work()
    bench.cut_short(run_id, run.epochs_done + 2)
    assert bench.is_undisturbed(run_id)


def test_a_worker_told_to_stop_does_not_wait_for_a_trainer_that_hangs(
    bench: Bench, worker: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "HAND_BACK_SECONDS", 0.5)
    run_id = bench.submit(tiny(seed=7), ENDLESS)
    bench.start_work()
    bench.await_epoch(run_id, 1)
    os.kill(trainer_pid(worker), signal.SIGSTOP)
    with bench.stopping():
        bench.end_work()
    assert (bench.run(run_id).state, bench.run(run_id).lost) == (RunState.QUEUED, 0)


def trainer_pid(worker: Supervisor) -> int:
    assert worker._child is not None
    return worker._child.pid


def test_a_spec_of_another_version_fails_with_a_sentence(bench: Bench) -> None:
    run_id, after = bench.submit(tiny(seed=8), 1), bench.submit(tiny(seed=9), 1)
    with bench.database.write() as session:
        run = session.get_one(Run, run_id)
        run.spec = {**run.spec, "engine": 99}
    bench.work()
    run = bench.run(run_id)
    assert run.state == RunState.FAILED
    assert run.error is not None
    assert "engine" in run.error["message"]
    assert "another version of Rethink" in run.error["message"]
    assert bench.run(after).state == RunState.SUCCEEDED


def test_a_run_on_a_dataset_that_the_worker_has_not_is_left_to_others(bench: Bench) -> None:
    run_id = bench.submit(tiny(seed=1010), 1)
    with bench.database.write() as session:
        run = session.get_one(Run, run_id)
        run.spec = {**run.spec, "dataset": "pets@01234567"}
    bench.work()
    run = bench.run(run_id)
    assert (run.state, run.attempt) == (RunState.QUEUED, 0)


def test_a_run_of_other_training_code_is_left_to_wait(bench: Bench) -> None:
    """Going on with it would join two trajectories."""
    older, after = bench.submit(tiny(seed=11, engine=ENGINE - 1), 1), bench.submit(tiny(seed=12), 1)
    bench.work()
    run = bench.run(older)
    assert (run.state, run.attempt, run.epochs_done) == (RunState.QUEUED, 0, 0)
    assert bench.run(after).state == RunState.SUCCEEDED


def test_data_that_cannot_be_had_fail_the_run_and_not_the_worker(
    bench: Bench, worker: Supervisor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    link = worker.settings.root / "datasets"
    target = link.readlink()
    link.unlink()
    (link.with_name("datasets")).write_text("a file where a folder should be")
    worker._child.kill()  # type: ignore[union-attr]  # a warm trainer has the data open
    monkeypatch.setenv("RETHINK_CIFAR10", str(tmp_path))
    try:
        run_id = bench.submit(tiny(seed=10), 1)
        bench.work()
    finally:
        link.unlink()
        link.symlink_to(target)
    run = bench.run(run_id)
    assert run.state == RunState.FAILED
    assert run.error is not None
    assert "datasets" in run.error["message"]
    bench.ask(runs.retry, run_id)
    bench.work()
    assert bench.run(run_id).state == RunState.SUCCEEDED


def test_a_killed_trainer_costs_no_epoch(bench: Bench, worker: Supervisor) -> None:
    run_id = bench.submit(tiny(seed=11), ENDLESS)
    bench.start_work()
    bench.await_epoch(run_id, 15)
    os.kill(trainer_pid(worker), signal.SIGKILL)
    eventually(lambda: bench.run(run_id).attempt == 2)
    bench.cut_short(run_id, bench.run(run_id).epochs_done + 5)
    assert [a.outcome for a in bench.attempts(run_id)] == ["lost", "completed"]
    assert bench.is_undisturbed(run_id)
    with bench.database.read() as session:
        assert not is_mixed(session, run_id)


def test_a_trainer_killed_three_times_costs_no_bit(
    bench: Bench, worker: Supervisor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Within an epoch, before a checkpoint gets its name, and after: each in a trainer of its own,
    with dropout and augmentation on.
    """
    points = ("trainer.step@23", "trainer.before-rename@3", "trainer.after-rename@3")
    for point in points:
        (tmp_path / point).touch()
    monkeypatch.setenv(VARIABLE, ",".join(f"{point}={tmp_path / point}" for point in points))
    worker._child.kill()  # type: ignore[union-attr]  # the next one has the points
    run_id = bench.submit(small("alexnet", seed=61, **REGULARISED), ENDLESS)
    bench.start_work()
    eventually(lambda: bench.run(run_id).attempt == 4)
    bench.cut_short(run_id, bench.run(run_id).epochs_done + 2)
    assert [a.outcome for a in bench.attempts(run_id)] == ["lost", "lost", "lost", "completed"]
    assert not any((tmp_path / point).exists() for point in points)
    assert bench.is_undisturbed(run_id)


def test_a_loss_that_is_not_finite_ends_the_run_with_its_step_and_epoch(
    bench: Bench, cifar10: ImageDataset
) -> None:
    spec = tiny(model="mlp-3x512", learning_rate=1.0, momentum=0.99, initialisation="he_normal")
    with pytest.raises(Diverged) as end:
        for _ in train(spec, cifar10, CPU):
            pass
    assert end.value.epoch > 1
    run_id = bench.submit(spec, 100)
    bench.work()
    run = bench.run(run_id)
    assert (run.state, run.outcome) == (RunState.SUCCEEDED, Outcome.DIVERGED)
    assert run.error is not None
    assert (run.error["step"], run.error["epoch"]) == (end.value.step, end.value.epoch)
    assert run.error["message"] == str(end.value)
    assert run.epochs_done == len(bench.curve(run_id)) == end.value.epoch - 1
    with pytest.raises(Conflict, match="diverged"):
        bench.ask(runs.extend, run_id, 200)


def test_a_trainer_that_hangs_is_killed_and_the_run_goes_on(
    bench: Bench, worker: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = worker.settings.model_copy(update={"hang_seconds": 2.0})
    monkeypatch.setattr(worker, "settings", impatient)
    run_id = bench.submit(tiny(seed=1212), ENDLESS)
    bench.start_work()
    bench.await_epoch(run_id, 5)
    os.kill(trainer_pid(worker), signal.SIGSTOP)
    eventually(lambda: bench.run(run_id).attempt == 2)
    bench.cut_short(run_id, bench.run(run_id).epochs_done + 5)
    assert [a.outcome for a in bench.attempts(run_id)] == ["lost", "completed"]
    assert bench.is_undisturbed(run_id)


def test_a_run_whose_trainer_always_dies_fails_with_the_reason(
    bench: Bench, worker: Supervisor
) -> None:
    run_id = bench.submit(tiny(n_train=50_000, width=1, seed=13), ENDLESS)
    bench.start_work()
    for attempt in (1, 2, 3):
        eventually(lambda n=attempt: bench.run(run_id).attempt == n)  # type: ignore[misc]
        os.kill(trainer_pid(worker), signal.SIGKILL)
    bench.end_work()
    run = bench.run(run_id)
    assert (run.state, run.epochs_done) == (RunState.FAILED, 0)
    assert run.error is not None
    assert (
        "The trainer was killed, as the system does when memory runs out, 3 times in a row"
        in (run.error["message"])
    )


def test_a_stale_worker_writes_nothing_and_gives_up(bench: Bench, worker: Supervisor) -> None:
    run_id = bench.submit(tiny(seed=14), ENDLESS)
    bench.start_work()
    bench.await_epoch(run_id, 3)
    with bench.database.write() as session:
        session.execute(sa.update(Run).where(Run.id == run_id).values(lease_until=0))
        leases.take_back(session)
        taken = leases.claim(session, "another worker", 60)
        assert taken is not None
    bench.end_work()
    run = bench.run(run_id)
    assert (run.state, run.worker_id, run.attempt) == (RunState.RUNNING, "another worker", 2)
    with bench.database.read() as session:
        written = sa.select(Metric.attempt).where(Metric.run_id == run_id)
        assert set(session.scalars(written)) == {1}
    assert worker._child is not None
    assert worker._child.alive, "a trainer that stops when asked stays warm"
    with bench.database.write() as session:
        runs.cancel(session, run_id)
        leases.finish(session, run_id, 2, Outcome.CANCELLED)


def test_a_run_goes_on_when_checkpoints_cannot_be_written(
    bench: Bench, worker: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str | None] = []
    monkeypatch.setattr(turn.Turn, "_pass_on", lambda _, progress: shown.append(progress.detail))
    run_id = bench.submit(tiny(seed=15), ENDLESS)
    bench.start_work()
    bench.await_epoch(run_id, 10)
    # What a full disk does to a checkpoint, a limit on the size of files does too.
    unlimited = resource.prlimit(trainer_pid(worker), resource.RLIMIT_FSIZE)
    resource.prlimit(trainer_pid(worker), resource.RLIMIT_FSIZE, (1000, unlimited[1]))
    bench.await_epoch(run_id, bench.run(run_id).epochs_done + 20)
    bench.ask(runs.pause, run_id)
    bench.end_work()
    resource.prlimit(trainer_pid(worker), resource.RLIMIT_FSIZE, unlimited)
    assert bench.run(run_id).state == RunState.PAUSED
    assert "the checkpoint could not be saved (File too large)" in shown
    assert not [f for f in (worker.folder.root / run_id).iterdir() if f.suffix != ".pt"]
    bench.ask(runs.resume, run_id)  # from an older checkpoint, or from the start
    bench.start_work()
    bench.cut_short(run_id, bench.run(run_id).epochs_done + 5)
    assert bench.is_undisturbed(run_id)


def test_memory_that_runs_out_fails_the_run_and_not_the_worker(
    bench: Bench, worker: Supervisor
) -> None:
    bench.train(tiny(seed=16), 1)
    pid = trainer_pid(worker)
    unlimited = resource.prlimit(pid, resource.RLIMIT_AS)
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (used + 50_000_000, unlimited[1]))
    run_id = bench.submit(tiny(n_train=50_000, width=4, seed=16), 1)
    bench.work()
    resource.prlimit(pid, resource.RLIMIT_AS, unlimited)
    run = bench.run(run_id)
    assert run.error is not None
    assert (run.state, run.error["message"]) == (
        RunState.FAILED,
        "The trainer ran out of memory. Use a smaller batch_size or width.",
    )
    bench.train(tiny(seed=17), 1)
    assert trainer_pid(worker) == pid


def test_a_damaged_checkpoint_is_passed_over(bench: Bench) -> None:
    run_id = bench.train(tiny(seed=18), 3)
    for file in bench.checkpoints(run_id):
        file.write_bytes(b"damaged")
    bench.ask(runs.extend, run_id, 6)
    bench.work()
    second = bench.attempts(run_id)[1].provenance
    assert second is not None
    assert second["first_step"] == 0
    assert bench.is_undisturbed(run_id)
    bench.ask(runs.extend, run_id, 7)
    bench.work()
    last = bench.attempts(run_id)[-1].provenance
    assert last is not None
    assert last["first_step"] == 24, "the damaged ones must not hide what was saved later"


def test_what_killed_attempts_left_in_the_folder_is_removed(
    bench: Bench, worker: Supervisor
) -> None:
    run_id = bench.train(tiny(seed=19), 2)
    folder = worker.folder.root / run_id
    (folder / ".0001-0000000008.pt.x.tmp").write_bytes(b"half a checkpoint")
    (folder / "0001-0000000099.pt").write_bytes(b"one that no row points at")
    bench.ask(runs.extend, run_id, 3)
    bench.work()
    assert set(folder.iterdir()) == set(bench.checkpoints(run_id))


def test_epochs_computed_again_are_compared_with_what_is_stored(bench: Bench) -> None:
    run_id = bench.train(tiny(seed=20), 4)
    with bench.database.write() as session:
        session.get_one(Metric, (run_id, 2)).train_loss += 1e-9
        for row in leases.checkpoints(session, run_id):
            session.delete(row)
    stored = bench.curve(run_id)
    bench.ask(runs.extend, run_id, 6)
    bench.work()
    assert bench.curve(run_id)[:4] == stored, "what a figure may have shown never changes"
    provenance = bench.attempts(run_id)[1].provenance
    assert provenance is not None
    assert provenance["mixed"]["epochs"] == [2]
    assert list(provenance["mixed"]["first"]) == ["train_loss"]
    with bench.database.read() as session:
        found = [(part.attempt, part.first) for part in parts_of(session, run_id)]
        assert is_mixed(session, run_id)
    assert found == [(1, 1), (2, 5)]


def test_a_column_younger_than_a_stored_epoch_does_not_make_a_run_mixed(bench: Bench) -> None:
    run_id = bench.train(tiny(seed=21, randomization="random_labels"), 2)
    with bench.database.write() as session:
        metric = session.get_one(Metric, (run_id, 2))
        assert metric.noisy_test_loss is not None
        metric.noisy_test_loss = metric.noisy_test_accuracy = None
        for row in leases.checkpoints(session, run_id):
            session.delete(row)
    bench.ask(runs.extend, run_id, 3)
    bench.work()
    with bench.database.read() as session:
        assert not is_mixed(session, run_id)
        last = session.get_one(Metric, (run_id, 3))
        assert (last.attempt, last.noisy_test_accuracy is not None) == (2, True)


def test_requests_that_cross_the_end_of_an_attempt_are_not_lost(bench: Bench) -> None:
    """The user changed his mind after the trainer had been told, and before it had stopped."""
    for seed, asks, outcome, state in (
        (30, [runs.cancel], Outcome.PREEMPTED, RunState.CANCELLED),
        (31, [runs.pause], Outcome.PREEMPTED, RunState.PAUSED),
        (32, [runs.pause, runs.resume], Outcome.PAUSED, RunState.QUEUED),
        (33, [runs.pause, runs.cancel], Outcome.PAUSED, RunState.CANCELLED),
    ):
        run_id = bench.submit(tiny(seed=seed), 5, priority=seed)
        with bench.database.write() as session:
            claimed = leases.claim(session, "w", 60)
            assert claimed is not None
        for ask in asks:
            bench.ask(ask, run_id)
        with bench.database.write() as session:
            assert leases.finish(session, run_id, claimed.attempt, outcome) == state


def test_a_worker_frees_what_it_holds_by_accident(bench: Bench, worker: Supervisor) -> None:
    """As when the connection broke while its claim was committed."""
    run_id = bench.submit(tiny(seed=40), 2)
    with bench.database.write() as session:
        assert leases.claim(session, worker.id, 3600) is not None
    bench.work()
    assert bench.run(run_id).state == RunState.SUCCEEDED


def test_the_list_of_workers_says_what_each_is_doing(bench: Bench) -> None:
    def row() -> tuple[str | None, dict[str, object]]:
        with bench.database.read() as session:
            (found,) = workers.listed(session)
            return found.run_id, found.status

    run_id = bench.submit(tiny(seed=41), ENDLESS)
    bench.start_work()
    assert eventually(lambda: row()[0] == run_id) < 2
    assert int(str(row()[1]["memory_bytes"])) > 50_000_000
    bench.ask(runs.cancel, run_id)
    bench.end_work()
    assert eventually(lambda: row()[0] is None) < 2


def test_a_forgotten_worker_makes_itself_known_again(bench: Bench, worker: Supervisor) -> None:
    """As after a night with the laptop's lid closed."""
    with bench.database.write() as session:
        workers.leave(session, worker.id)
    worker._changed.set()

    def known() -> bool:
        with bench.database.read() as session:
            return [w.id for w in workers.listed(session)] == [worker.id]

    eventually(known)
    with bench.database.read() as session:
        assert workers.listed(session)[0].capabilities["models"]


def test_messages_that_come_while_it_works_do_nothing(bench: Bench, worker: Supervisor) -> None:
    run_id = bench.submit(tiny(seed=42), ENDLESS)
    bench.start_work()
    bench.await_epoch(run_id, 1)
    started = time.monotonic()
    for _ in range(5):
        worker.work()
    assert time.monotonic() - started < 0.5 * slowness()
    bench.cut_short(run_id, 1)
    assert len(bench.attempts(run_id)) == 1


def test_a_worker_that_is_told_to_stop_while_it_claims_gives_the_run_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = bench.submit(tiny(seed=43), ENDLESS)
    claim = leases.claim
    with ExitStack() as later:

        def claim_and_hear_the_signal(*arguments: object) -> Run | None:
            later.enter_context(bench.stopping())
            return claim(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(leases, "claim", claim_and_hear_the_signal)
        bench.work()
    assert (bench.run(run_id).state, bench.run(run_id).attempt) == (RunState.QUEUED, 1)


def test_a_worker_told_to_stop_while_its_trainer_starts_stops_at_once(
    bench: Bench, worker: Supervisor
) -> None:
    worker._child.kill()  # type: ignore[union-attr]
    run_id = bench.submit(tiny(seed=44), ENDLESS)
    bench.start_work()
    time.sleep(0.1)
    with bench.stopping():
        started = time.monotonic()
        bench.end_work()
        assert time.monotonic() - started < 2 * slowness()
    assert bench.run(run_id).state == RunState.QUEUED


def test_a_worker_waits_for_a_database_that_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a schema, as when the worker starts before the server that makes it."""

    class NoTrainer:
        capabilities: ClassVar[dict[str, object]] = {}
        pid = os.getpid()

        def kill(self) -> None:
            pass

    monkeypatch.setattr(supervise, "Child", lambda _: NoTrainer())
    monkeypatch.setattr(supervise, "RETRY_SECONDS", 0.05)
    said: list[str] = []  # not caplog, which other tests' logging set-up can leave deaf
    monkeypatch.setattr(supervise.logger, "warning", lambda text, *_: said.append(text))
    settings = Settings(home=tmp_path, token="t")
    early = Supervisor(settings, "early")
    thread = threading.Thread(target=early.start)
    thread.start()
    eventually(lambda: any("waiting for the database" in text for text in said))
    migrate(settings)
    thread.join(10)
    with early.database.read() as session:
        assert [w.id for w in workers.listed(session)] == [early.id]
    early.stop()
