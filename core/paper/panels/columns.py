"""Points over seeds, gathered into the columns of a series."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.paper.panel import Flag, Series, Spread, SpreadKind
from core.paper.panels.spread import kind_of, summarise


@dataclass(slots=True)
class Columns:
    """A series in the making: each point has the spread that is shown for its number of seeds."""

    asked: SpreadKind
    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    low: list[float | None] = field(default_factory=list)
    high: list[float | None] = field(default_factory=list)
    sd: list[float | None] = field(default_factory=list)
    n: list[int] = field(default_factory=list)
    censored: list[int] = field(default_factory=list)
    flag: list[Flag] = field(default_factory=list)
    kinds: list[Spread] = field(default_factory=list)

    def add(
        self, x: float, values: Sequence[float], *, censored: int = 0, flag: Flag = Flag.VALUE
    ) -> None:
        """The point at `x`: the mean of the seeds' `values`, at least one."""
        found = summarise(values, self.asked)
        if flag is Flag.LOWER_BOUND:
            found = found.as_bound()
        self.x.append(x)
        self.y.append(found.mean)
        self.low.append(found.low)
        self.high.append(found.high)
        self.sd.append(found.sd)
        self.n.append(found.n)
        self.censored.append(censored)
        self.flag.append(flag)
        self.kinds.append(found.kind)

    def series(self, **named: Any) -> Series:
        """The columns with `key`, `label`, `measure` and whatever else describes them."""
        spread = kind_of(self.asked, max(self.n, default=0))
        differ = any(kind not in ("none", spread) for kind in self.kinds)
        columns = {
            "x": self.x,
            "y": self.y,
            "low": self.low,
            "high": self.high,
            "sd": self.sd,
            "n": self.n,
            "censored": self.censored,
            "flag": self.flag,
            "spread_at": self.kinds if differ else [],
        }
        # Copied in: to validate the numbers one by one takes longer than the means.
        return Series(x=[], y=[], spread=spread, **named).model_copy(update=columns)
