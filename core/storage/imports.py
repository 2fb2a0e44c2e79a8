"""Runs that were trained without this database, taken over from a results bundle."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from core.bundles import Result
from core.run.lifecycle import Outcome, RunState
from core.storage import leases, runs
from core.storage.artifacts import Folder
from core.storage.tables import Attempt, Run

HOW = {
    "added": "runs added",
    "extended": "runs that were here went on with the epochs they lacked",
    "present": "runs were here already, as long or longer",
    "running": "runs are being trained here and were left alone",
}
WORKER = "imported"
"""What stands in place of a worker's id."""


def origin(file: Path) -> dict[str, Any]:
    """What is kept of where a run came from."""
    return {
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def add(
    session: Session,
    folder: Folder,
    result: Result,
    origin: dict[str, Any],
    weights: bytes | None = None,
) -> str:
    """Store a verified result as its attempts would have; returns a key of `HOW`.

    What is stored stays: epochs that are here already are compared with the result's, and a
    difference marks the run as mixed, as when a worker computes an epoch again.
    """
    run = session.get(Run, result.run_id, with_for_update=True)
    curve = result.curve
    how = "added" if run is None or not run.epochs_done else "extended"
    if run is not None and run.state == RunState.RUNNING:
        return "running"
    if run is not None and (run.outcome == "diverged" or run.epochs_done >= len(curve) > 0):
        return "present"
    for demand in result.demands:
        run, _ = runs.submit(session, result.spec, demand, max_queued=2**31)
    assert run is not None
    run.started_at = run.started_at or result.attempts[0].started_at
    ends = [attempt.first_epoch - 1 for attempt in result.attempts[1:]] + [len(curve)]
    for attempt, end in zip(result.attempts, ends, strict=True):
        run.attempt, run.state = run.attempt + 1, RunState.RUNNING
        row = Attempt(run_id=run.id, attempt=run.attempt, worker_id=WORKER)
        row.started_at, row.ended_at = attempt.started_at, attempt.ended_at
        session.add(row)
        session.flush()
        told = attempt.provenance
        told = {**told, "imported": origin, "recorded_on": told.get("name", "unknown")}
        leases.record_provenance(session, run.id, run.attempt, told)
        epochs = curve[attempt.first_epoch - 1 : end]
        leases.record_epochs(session, run.id, run.attempt, epochs)
        row.outcome = Outcome.PREEMPTED
    if result.weights is not None and weights is not None:
        _keep_weights(session, folder, run, result, weights)
    leases.finish(session, run.id, run.attempt, Outcome(result.outcome), result.error)
    row.ended_at = run.finished_at = result.attempts[-1].ended_at
    return how


def _keep_weights(
    session: Session, folder: Folder, run: Run, result: Result, weights: bytes
) -> None:
    assert result.weights is not None
    saved = result.weights
    key = f"{run.id}/{run.attempt:04d}-{saved.step:010d}.pt"
    folder.path(key).write_bytes(weights)
    leases.record_checkpoint(
        session,
        run.id,
        run.attempt,
        step=saved.step,
        epoch=saved.epoch,
        key=key,
        sha256=saved.sha256,
        size=len(weights),
    )
