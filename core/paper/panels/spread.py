"""Mean and spread over seeds, and the reduction of long curves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from core.paper.panel import Spread, SpreadKind

FEW = 5
"""Below this many seeds the range is shown, from it on the standard deviation."""

T_975 = (math.nan, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Student's t at 97.5 % for 0 to 9 degrees of freedom; a study has ten seeds at most."""


@dataclass(frozen=True, slots=True)
class Summary:
    mean: float
    low: float | None
    high: float | None
    sd: float | None
    n: int
    kind: Spread
    """What low and high are."""

    def as_bound(self) -> Self:
        """Where a value is a lower bound: how far up the others lie is then not known."""
        low = self.low if self.kind == "range" else None
        return replace(self, low=low, high=None, sd=None)


def kind_of(asked: SpreadKind, n: int) -> Spread:
    """The spread that is shown for `n` seeds."""
    if n < 2:
        return "none"
    if asked is SpreadKind.AUTO:
        return "range" if n < FEW else "sd"
    return "range" if asked is SpreadKind.RANGE else "sd" if asked is SpreadKind.SD else "ci95"


def summarise(values: Sequence[float], asked: SpreadKind) -> Summary:
    """Mean of `values` (at least one) with the spread that is shown for so many."""
    n = len(values)
    kind = kind_of(asked, n)
    # Rounding may carry the mean of equal values past them; no spread is negative.
    mean = min(max(math.fsum(values) / n, min(values)), max(values))
    if kind == "none":
        return Summary(mean, None, None, None, n, kind)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    if kind == "range":
        return Summary(mean, min(values), max(values), sd, n, kind)
    half = sd if kind == "sd" else T_975[min(n - 1, len(T_975) - 1)] * sd / math.sqrt(n)
    return Summary(mean, mean - half, mean + half, sd, n, kind)


def kept(x: Sequence[float], y: Sequence[float], limit: int, *, log: bool) -> list[int]:
    """Indices of at most `limit` points of a curve, the first and the last among them.

    The axis, as it is drawn (`log`: logarithmic), is cut into equal parts. Of each the points with
    the smallest and the largest y stay, so that no spike is lost. `x` never falls.
    """
    n = len(x)
    if n <= limit:
        return list(range(n))
    drawn = x
    if log:  # what is not above 0 has no place on the axis
        least = min((value for value in x if value > 0), default=1.0)
        drawn = [math.log(max(value, least)) for value in x]
    parts = max((limit - 2) // 2, 1)
    width = (drawn[-1] - drawn[0]) / parts or 1.0
    ends: dict[int, tuple[int, int]] = {}
    for i, at in enumerate(drawn):
        part = min(int((at - drawn[0]) / width), parts - 1)
        low, high = ends.get(part, (i, i))
        ends[part] = (i if y[i] < y[low] else low, i if y[i] > y[high] else high)
    return sorted({0, n - 1}.union(*ends.values()))
