"""Numbers as people read them, and lines for the terminal."""

import contextlib


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


def percent(fraction: float | None, digits: int = 1) -> str:
    return "" if fraction is None else f"{fraction:.{digits}%}"


def say(line: str) -> None:
    """Print a line at once; a terminal that is gone is no reason to fail."""
    with contextlib.suppress(OSError):
        print(line, flush=True)
