"""What a panel is made from: planned runs, and the stored run that answers to each.

A panel reads only the prefix its demand asked for, so that a later extension of a run never alters
a finished figure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from core.paper.criteria import Criterion, Fit, FitState, epochs_to_fit
from core.paper.labels import label_in
from core.paper.panel import Counts, Provenance, RunProvenance
from core.paper.plans import Planned, Role
from core.run.lifecycle import Outcome, RunState
from core.run.metrics import Epoch


@dataclass(frozen=True, slots=True)
class Part:
    """What one attempt added to a run's curve, and what it told of itself."""

    provenance: Mapping[str, Any]
    """Empty if it told nothing."""
    first: int = 1
    """The first epoch that it stored."""
    attempt: int = 1
    ended_at: float | None = None
    """Seconds since 1970 UTC."""
    kind: str = field(init=False)
    """Equal where trajectories of one spec are."""
    machine: str = field(init=False)
    """Equal where those of different specs may be compared."""

    def __post_init__(self) -> None:
        machine = repr(numerics(self.provenance))
        object.__setattr__(self, "machine", machine)
        object.__setattr__(self, "kind", f"{machine} {sorted(self.plugins.items())}")

    @property
    def plugins(self) -> Mapping[str, str]:
        """SHA-256 of the plugins that had a part in it, by what they added."""
        found: Mapping[str, str] = self.provenance.get("plugins", {})
        return found

    @property
    def differs(self) -> bool:
        """Whether epochs that it computed again came out differently."""
        return "mixed" in self.provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRun:
    """A run as stored, with its whole curve."""

    id: str
    spec_hash: str
    state: RunState
    outcome: str | None
    curve: Sequence[Epoch]
    """From epoch 1 on."""
    parts: Sequence[Part] = ()
    """One for each attempt that stored an epoch of it."""
    started_at: float | None = None
    """Seconds since 1970 UTC."""
    question: str = ""
    how: Mapping[str, Any] = field(default_factory=dict)
    """Its spec's fields of `core.run.questions.HOW`."""

    @property
    def diverged(self) -> bool:
        return self.outcome == Outcome.DIVERGED


def numerics(provenance: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What must be equal for trajectories to be: device kind, CPU features, threads, versions."""
    found = provenance.get("numerics") or {k: provenance.get(k) for k in ("device", "threads")}
    return sorted(found.items())


def mixed(parts: Sequence[Part]) -> bool:
    """Whether curves of these parts are not of one kind, or one came out differently."""
    return len({part.kind for part in parts}) > 1 or any(part.differs for part in parts)


@dataclass(frozen=True, slots=True)
class Entry:
    """A planned run and, where there is one, the stored run."""

    planned: Planned
    run: StoredRun | None = None
    curve: Sequence[Epoch] = field(init=False)
    """The prefix that the demand asked for."""
    met: bool = field(init=False)
    """Whether the curve holds all of it."""

    def __post_init__(self) -> None:
        demand = self.planned.demand
        curve = demand.prefix(self.run.curve) if self.run else ()
        # The prefix ends where the stop rule first holds: its last epoch tells.
        met = len(curve) >= demand.epochs or demand.is_met(curve[-1:])
        object.__setattr__(self, "curve", curve)
        object.__setattr__(self, "met", met)

    @property
    def role(self) -> Role:
        return self.planned.role

    @property
    def diverged(self) -> bool:
        """Whether the loss became infinite within the prefix."""
        return self.run is not None and self.run.diverged and not self.met

    @property
    def complete(self) -> bool:
        """Whether no more is to be expected: as far as asked, or diverged."""
        return self.run is not None and (self.met or self.diverged)

    @property
    def ended(self) -> bool:
        return self.run is not None and self.run.state.terminal

    @property
    def parts(self) -> list[Part]:
        """The parts that the prefix is made of, of those that tell anything of themselves."""
        parts = self.run.parts if self.run else ()
        return [part for part in parts if part.first <= len(self.curve) and part.provenance]

    @property
    def mixed(self) -> bool:
        """Whether the prefix is not one trajectory."""
        return mixed(self.parts)

    def fit(self, criterion: Criterion) -> Fit:
        if self.run is None:
            return Fit(FitState.MISSING, 0)
        # A prefix that the stop rule ended is over, even if others let the run go on.
        return epochs_to_fit(
            self.curve,
            criterion,
            limit=self.planned.demand.epochs,
            diverged=self.diverged,
            ended=self.met or self.ended,
        )


def match(plan: Iterable[Planned], stored: Mapping[str, StoredRun]) -> list[Entry]:
    """Each planned run with the stored run of the same spec hash."""
    return [Entry(planned, stored.get(planned.spec.hash())) for planned in plan]


def by_series(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """The entries of each series, seeds in order."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.role.series, []).append(entry)
    for group in groups.values():
        group.sort(key=lambda e: (e.role.corruption or 0, e.role.seed))
    return groups


def counts(entries: Sequence[Entry]) -> Counts:
    complete = [e for e in entries if e.complete]
    open_ = [e for e in entries if e.run is not None and not e.complete]
    ended = [e for e in open_ if e.ended]
    short = [e for e in ended if e.run is not None and e.run.state is RunState.SUCCEEDED]
    return Counts(
        planned=len(entries),
        complete=len(complete),
        running=len(open_) - len(ended),
        failed=len(ended) - len(short),
        short=len(short),
        missing=sum(e.run is None for e in entries),
        diverged=sum(e.diverged for e in entries),
    )


def provenance(entries: Sequence[Entry], command: str) -> Provenance:
    parts = [part for entry in entries for part in entry.parts]
    told = list({id(part.provenance): part.provenance for part in parts}.values())
    starts = [e.run.started_at for e in entries if e.run and e.run.started_at is not None]
    ends = [part.ended_at for part in parts if part.ended_at is not None]
    specs = [entry.planned.spec for entry in entries if entry.run is not None]
    precisions = sorted({str(spec.precision) for spec in specs})
    engines = sorted({spec.engine for spec in specs})
    plugins = {one for part in parts for one in part.plugins.items()}
    differ = (
        len({part.machine for part in parts}) > 1
        or len(plugins) > len(dict(plugins))  # two versions of one
        or any(entry.mixed for entry in entries)
    )
    return Provenance(
        runs=[_run(entry) for entry in entries],
        code_versions=_distinct(_code_version(s) for s in told),
        torch_versions=_distinct(s.get("versions", {}).get("torch") for s in told),
        devices=_distinct(s.get("name") or s.get("device") for s in told),
        precisions=precisions,
        engines=engines,
        data_fingerprints=_distinct(s.get("data_fingerprint") for s in told),
        first=_iso(min(starts, default=None)),
        last=_iso(max(ends, default=None)),
        mixed=differ or len(precisions) > 1 or len(engines) > 1,
        command=command,
    )


def _run(entry: Entry) -> RunProvenance:
    run = entry.run
    return RunProvenance(
        id=run.id if run else entry.planned.spec.hash()[:16],
        spec_hash=run.spec_hash if run else entry.planned.spec.hash(),
        series=entry.role.series,
        label=label_in(entry.role.panel, entry.role.series),
        corruption=entry.role.corruption,
        seed=entry.role.seed,
        state=str(run.state) if run else "missing",
        epochs=len(entry.curve),
        asked=entry.planned.demand.epochs,
        wrong_labels=wrong_labels(part.provenance for part in entry.parts),
        mixed=entry.mixed,
    )


def wrong_labels(told: Iterable[Mapping[str, Any] | None]) -> int | None:
    """Training images whose label is not the true one, as an attempt counted them in its data."""
    counts = ((one or {}).get("wrong_labels") for one in told)
    return next((count for count in counts if count is not None), None)


def _code_version(segment: Mapping[str, Any]) -> str | None:
    """The program's version and, where it is stored, that of the training code in it."""
    version, engine = segment.get("versions", {}).get("rethink"), segment.get("engine")
    return f"{version}, engine {engine}" if version and engine else version


def _distinct(values: Iterable[Any]) -> list[str]:
    return sorted({str(value) for value in values if value})


def _iso(time: float | None) -> str | None:
    return None if time is None else datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")
