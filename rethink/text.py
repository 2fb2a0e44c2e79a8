"""Numbers and states as people read them, and lines for the terminal."""

import contextlib
from typing import TYPE_CHECKING

from core.run.lifecycle import Outcome

if TYPE_CHECKING:
    from rethink.client import Run


def state(run: "Run") -> str:
    """The state of a run; a run that diverged has ended as it should, and is told apart."""
    return f"{run.state} (diverged)" if run.outcome == Outcome.DIVERGED else str(run.state)


def duration(seconds: float | None) -> str:
    """`seconds` in the two largest units: 45 s, 3 min 20 s, 2 h 5 min."""
    if seconds is None:
        return "unknown"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def loss(value: float) -> str:
    """Four figures, whatever the size: 2.3026, 123.4, 5.123e+31."""
    if value and not 1e-3 <= abs(value) < 1e4:
        return f"{value:.3e}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.4g}"


def percent(fraction: float | None, digits: int = 1) -> str:
    return "" if fraction is None else f"{fraction:.{digits}%}"


def say(line: str) -> None:
    """Print a line at once; a terminal that is gone is no reason to fail."""
    with contextlib.suppress(OSError):
        print(line, flush=True)
