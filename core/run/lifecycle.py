"""The life of a run.

    QUEUED ──claim──▶ RUNNING ──▶ SUCCEEDED | FAILED | CANCELLED
      ▲  ▲               │ │
      │  └──preempted, ──┘ └─pause─▶ PAUSED ──resume──▶ QUEUED
      │     lease lost
      └──extend, retry (a new attempt) from a terminal state

Cancel and pause are requests that the trainer honours at its next step. A worker never leaves a
terminal state. Divergence is a result: the run SUCCEEDED, its outcome is DIVERGED.
"""

from enum import StrEnum


class RunState(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        return self in TERMINAL


TERMINAL = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED})


class Outcome(StrEnum):
    """Why an attempt of a worker ended."""

    COMPLETED = "completed"
    """Every demand is met."""
    DIVERGED = "diverged"
    """The loss became infinite or NaN: the trajectory ends here, and that is its result."""
    FAILED = "failed"
    """An error that another attempt would meet too."""
    CANCELLED = "cancelled"
    PAUSED = "paused"
    PREEMPTED = "preempted"
    """The worker was asked to stop; the run goes back to the queue at no cost."""


NEXT_STATE: dict[Outcome, RunState] = {
    Outcome.COMPLETED: RunState.SUCCEEDED,
    Outcome.DIVERGED: RunState.SUCCEEDED,
    Outcome.FAILED: RunState.FAILED,
    Outcome.CANCELLED: RunState.CANCELLED,
    Outcome.PAUSED: RunState.PAUSED,
    Outcome.PREEMPTED: RunState.QUEUED,
}
"""State of the run after a worker's attempt ended."""

MAX_LOST_ATTEMPTS = 3
"""A run whose worker was lost this often is FAILED, with the reason."""


class Interrupt(StrEnum):
    """Why a trainer stops before its demands are met."""

    CANCEL = "cancel"
    PAUSE = "pause"
    PREEMPT = "preempt"
    STALE = "stale"
    """Another attempt owns the run: write nothing more."""
