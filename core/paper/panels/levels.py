"""Points over levels of corruption: the seeds' values at each, and what its other runs came to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.paper.criteria import Fit, FitState
from core.paper.labels import label_of
from core.paper.panel import Flag, Series
from core.paper.panels.columns import Columns
from core.paper.panels.entries import Entry
from core.paper.panels.frame import Options, plural
from core.run.lifecycle import RunState

Level = float
DIVERGED = "diverged"


@dataclass(slots=True)
class Point:
    """A level of p in one series."""

    flag: Flag
    """What the point is if one of its runs is not a plain value."""
    plain: Flag = Flag.VALUE
    """What it is else."""
    runs: int = 0
    values: list[float] = field(default_factory=list)
    censored: int = 0
    flagged: int = 0
    diverged: int = 0
    said: Counter[str] = field(default_factory=Counter)
    """Runs by what is to be said of them: censored, diverged, failed."""

    def add(self, value: float, words: str = "", *, censored: bool = False) -> None:
        """A run's value; with `words`, it is not a plain one."""
        self.runs += 1
        self.values.append(value)
        self.censored += censored
        if words:
            self.flagged += 1
            self.said[words] += 1

    def leave_out(self, words: str) -> None:
        """A run that has no value, and why; without `words` it may still come."""
        self.runs += 1
        if words:
            self.said[words] += 1
        self.diverged += words == DIVERGED

    @property
    def pending(self) -> int:
        left_out = self.said.total() - self.flagged
        return self.runs - len(self.values) - left_out


def lack(entry: Entry, fit: Fit) -> str:
    """What to say of a run without a value, such as failed; empty while it may still come."""
    if fit.state is FitState.DIVERGED:
        return DIVERGED
    if fit.state is not FitState.NEEDS_EXTENDING or entry.run is None:
        return ""
    ends = {RunState.FAILED: "failed", RunState.CANCELLED: "cancelled"}
    return ends.get(entry.run.state, "to be extended")


def series_over(
    found: dict[Level, Point], model: str, measure: str, entries: Sequence[Entry], options: Options
) -> Series:
    """The levels that have values; what has none is said in the note."""
    columns = Columns(options.spread)
    for p, point in sorted(found.items()):
        if point.values:
            flag = point.flag if point.flagged else point.plain
            columns.add(p, point.values, censored=point.censored, flag=flag)
    points = found.values()
    whole = all(len(point.values) + point.diverged == point.runs for point in points)
    return columns.series(
        key=model,
        label=label_of(model),
        measure=measure,
        state="missing" if not columns.x else "complete" if whole else "partial",
        note=_note(found, len(entries)),
        runs=[e.run.id for e in entries if e.run],
        diverged=sum(point.diverged for point in points),
        diverged_at=sorted(p for p, point in found.items() if point.diverged),
    )


def _note(found: dict[Level, Point], planned: int) -> str:
    parts = []
    if pending := sum(point.pending for point in found.values()):
        parts.append(f"{pending} of {plural(planned, 'run')} missing")
    for p, point in sorted(found.items()):
        for words, count in point.said.items():
            parts.append(f"p = {p:g}: {count} of {plural(point.runs, 'run')} {words}")
    return "; ".join(parts)


def of_seed(series: Series, seed: int) -> Series:
    """The series of that seed's runs alone, marked as such; the mean's note says the rest."""
    named = {"kind": "seed", "seed": seed, "label": f"{series.label}, seed {seed}", "note": ""}
    return series.model_copy(update=named)
