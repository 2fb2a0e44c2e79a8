"""A condition of a claim: a number, the range in which it passes, and what keeps it from that."""

from core.paper.panel import Check, Fact, Panel

ROUNDING = 1e-9


def within(
    label: str, value: float | None, low: float | None = None, high: float | None = None
) -> Check:
    passed = None
    if value is not None:
        above = low is None or value >= low - ROUNDING
        passed = above and (high is None or value <= high + ROUNDING)
    return Check(label=label, value=value, low=low, high=high, passed=passed)


def fact(panel: Panel, key: str, name: str) -> Fact | None:
    return next((f for f in panel.facts if (f.key, f.name) == (key, name)), None)


def judged(check: Check, *facts: Fact | None) -> Check:
    """The check, unless one of the facts it rests on diverged or still lacks seeds."""
    if any(found is not None and found.diverged for found in facts):
        return diverged(check)
    return settled(check, all(found and found.n >= found.planned for found in facts))


def settled(check: Check, known: bool) -> Check:
    """The check; while not all that it rests on is there, it neither passes nor fails."""
    return check if known else check.model_copy(update={"passed": None})


def diverged(check: Check) -> Check:
    return check.model_copy(update={"passed": False, "label": f"{check.label} (diverged)"})
