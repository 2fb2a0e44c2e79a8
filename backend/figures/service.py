"""From a query to a panel: which runs it reads, their curves, and a cache of what was drawn.

Notable choices:
- A panel is looked up by the versions of its runs (attempt, epochs, state), which one query gives.
  Only when one changed is the panel computed anew, and only that run's new epochs are read.
- A figure of the catalogue asks questions and takes the runs that answer them best, whatever their
  engine and precision (`core.paper.answers`). Which runs a study has is settled when it is
  submitted.
"""

import functools
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

import core
from backend.figures import commands
from backend.figures.schemas import FigureQuery
from backend.kept import Kept
from core.catalogue import panels, plugins
from core.paper.answers import answered
from core.paper.criteria import CRITERIA
from core.paper.panel import Panel
from core.paper.panels import build
from core.paper.panels.entries import Entry, StoredRun, match
from core.paper.panels.frame import Options, plural
from core.paper.plans import Plan, planned
from core.paper.scales import Scale
from core.paper.studies import StudyName, Subject, plan, unavailable
from core.run.comparison import told_apart
from core.run.demands import Demand
from core.run.errors import InvalidInput, RethinkError
from core.run.lifecycle import Outcome, RunState
from core.run.questions import question_of
from core.run.spec import RunSpec, Variant
from core.run.stored import UnknownSpec, read_spec, unknown_how
from core.storage import curves, runs, studies
from core.storage.database import Database
from core.storage.tables import DemandRow, Run

KEPT_POINTS = 2_000_000
"""Points of the panels kept in memory, at most 200 bytes each."""
KEPT_EPOCHS = 1_200_000
"""Epochs of the runs kept in memory, about 500 bytes each."""


@dataclass(frozen=True, slots=True)
class Source:
    """The runs a panel may read."""

    plan: Plan
    options: Options
    notes: tuple[str, ...]
    """What was left out."""
    digest: str
    """Changes whenever other runs are asked for, or more of them, or in another place."""
    run_ids: frozenset[str]
    questions: frozenset[str]
    """What runs may answer however they were trained; empty where the runs are given."""

    @classmethod
    def of(
        cls,
        plan: Plan,
        options: Options,
        notes: tuple[str, ...] = (),
        *,
        of_questions: bool = False,
    ) -> Self:
        hashes = [entry.spec.hash() for entry in plan]
        asked = [(entry.demand, entry.role) for entry in plan]
        digest = hashlib.sha256(f"{hashes} {asked} {notes}".encode()).hexdigest()
        questions = frozenset(question_of(e.spec) for e in plan) if of_questions else frozenset()
        run_ids = frozenset(h[:16] for h in hashes)
        return cls(plan, options, notes, digest, run_ids, questions)

    def versions(self, session: Session) -> dict[str, curves.Version]:
        if self.questions:
            return curves.answering(session, self.questions)
        return curves.versions(session, self.run_ids)

    def entries(self, stored: Mapping[str, StoredRun]) -> list[Entry]:
        """Each planned run with its stored run."""
        if self.questions:
            return answered(self.plan, stored.values())
        return match(self.plan, stored)

    def left_out(self, stored: Iterable[StoredRun]) -> tuple[str, ...]:
        """What cannot answer, as nobody here knows how it was trained."""
        found = [unknown_how(run.how) for run in stored] if self.questions else []
        return _left_out([unknown for unknown in found if unknown])


@dataclass(slots=True)
class Drawn:
    """A panel, and the formats it was rendered in."""

    panel: Panel
    etag: str
    """Changes whenever the panel does."""
    formats: dict[str, bytes] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """Its points, and some for what every panel has."""
        return 5000 + sum(len(series.x) for series in self.panel.series)

    def render(self, key: str, renderer: Callable[[Panel], bytes]) -> bytes:
        if key not in self.formats:
            self.formats[key] = renderer(self.panel)
        return self.formats[key]


class Cache:
    """Panels by their etag, runs by their id, with the version that was read."""

    def __init__(self) -> None:
        self.panels = Kept[Drawn](KEPT_POINTS, lambda drawn: drawn.weight)
        self.runs = Kept[tuple[curves.Version, StoredRun]](
            KEPT_EPOCHS, lambda kept: len(kept[1].curve) + 1
        )


CACHES: WeakKeyDictionary[Database, Cache] = WeakKeyDictionary()


def draw(database: Database, name: str, query: FigureQuery) -> Drawn:
    """The panel as the stored runs have it now.

    Raises:
        NotFound: the study or the run does not exist.
        InvalidInput: the study has no runs for this panel, or it has no such logarithmic axis.
    """
    cache = CACHES.setdefault(database, Cache())
    with database.read() as session:
        source = _source(session, name, query)
        if panels[name].corrupted:
            _check_levels(source, query)
        versions = source.versions(session)
        etag = _etag(name, query, source, versions)
        drawn = cache.panels.get(etag)
        if drawn is None:
            stored = _stored(session, cache, versions)
    if drawn is None:  # built outside of the transaction, which may keep workers from writing
        entries = source.entries(stored)
        options = source.options
        if entries and not options.command:  # of the catalogue: the runs tell their precision
            options = replace(options, command=_command_of(name, query, entries))
        panel = _built(name, entries, options)
        if notes := source.notes + source.left_out(stored.values()):
            panel = _without_unknown(panel, notes)
        drawn = Drawn(panel if entries else _without_runs(panel, options), etag)
        cache.panels.put(etag, drawn)
    return drawn


def _built(name: str, entries: list[Entry], options: Options) -> Panel:
    """The panel; what a plugin raises is that plugin's fault, and no error of the server."""
    try:
        return build(name, entries, options)
    except Exception as error:
        if isinstance(error, RethinkError) or not plugins.origins(panel=name):
            raise
        raise InvalidInput(
            f"figure {name} cannot be drawn: its plugin raised {type(error).__name__}: {error}"
        ) from error


def _without_runs(panel: Panel, options: Options) -> Panel:
    """A panel that no run can fill says why, in place of how many runs it needs."""
    reason = options.scale and unavailable(StudyName(panels[panel.name].study), options.scale)
    if reason is None:
        return panel
    verdict = panel.verdict.model_copy(update={"sentence": f"Not comparable: {reason}."})
    return panel.model_copy(update={"status_text": reason, "verdict": verdict})


def _without_unknown(panel: Panel, notes: Sequence[str]) -> Panel:
    """A panel that lacks runs says so, and is never complete."""
    changes: dict[str, object] = {"notes": [*notes, *panel.notes]}
    if panel.status == "complete":
        changes |= {"status": "partial", "status_text": f"partial: {notes[0]}"}
    return panel.model_copy(update=changes)


def _left_out(unknown: Sequence[UnknownSpec]) -> tuple[str, ...]:
    """A sentence for each reason why runs are not understood."""
    reasons = Counter(spec.reason for spec in unknown)
    return tuple(f"{plural(n, 'run')} left out: {reason}." for reason, n in reasons.items())


def _stored(
    session: Session, cache: Cache, versions: Mapping[str, curves.Version]
) -> dict[str, StoredRun]:
    """The runs by the hash of their spec; of those that are kept only what is new is read."""
    kept = {run_id: found for run_id in versions if (found := cache.runs.get(run_id))}
    same = {i: run for i, (version, run) in kept.items() if version == versions[i]}
    changed = {run_id: version for run_id, version in versions.items() if run_id not in same}
    fresh = curves.stored_runs(session, changed, kept) if changed else {}
    for run in fresh.values():
        cache.runs.put(run.id, (versions[run.id], run))
    return {run.spec_hash: run for run in same.values()} | fresh


def _etag(
    name: str, query: FigureQuery, source: Source, versions: Mapping[str, curves.Version]
) -> str:
    asked = f"{name} {query.model_dump_json()} {source.digest}"
    text = f"{_code()} {asked} {sorted(versions.items())}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _code() -> str:
    """Changes with what draws panels, plugins too, as the number of a version need not."""
    own = _digest((Path(core.__file__).parent, Path(__file__).parent))
    return " ".join((own, *(plugin.sha256 for plugin in plugins.loaded())))


@functools.cache
def _digest(folders: tuple[Path, ...]) -> str:
    """SHA-256 of the code in the folders, and of the paper's numbers."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted((*folder.rglob("*.py"), *folder.rglob("*.csv"))):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _check_levels(source: Source, query: FigureQuery) -> None:
    """Raise InvalidInput where there is no corruption to show."""
    present = {entry.spec.label_corruption for entry in source.plan} - {0.0}
    if not present:
        raise InvalidInput("figure clean-corrupted is not allowed: no run has corrupted labels")
    for p in query.corruption:
        if p not in present:
            levels = ", ".join(f"{level:g}" for level in sorted(present))
            raise InvalidInput(f"corruption {p:g} is not allowed: use {levels}")


def _source(session: Session, name: str, query: FigureQuery) -> Source:
    kind = panels[name].kind
    if query.log and kind == "rows":
        raise InvalidInput(f"log is not allowed with {name}: it has no axes")
    if "x" in query.log and kind == "points":
        raise InvalidInput(f"log {query.log} is not allowed with figure {name}: it begins at p = 0")
    if query.run:
        return _of_runs(session, name, query)
    if query.study is not None:
        return _of_study(session, name, query)
    return _of_catalogue(name, query)


@functools.lru_cache(maxsize=256)
def _of_catalogue(name: str, query: FigureQuery) -> Source:
    criterion = query.chosen_criterion if panels[name].fits else None
    entries = plan(
        StudyName(panels[name].study), query.scale, query.variant, query.seeds, criterion=criterion
    )
    options = _options(name, query, query.scale, query.variant, query.seeds)
    return Source.of(entries, options, of_questions=True)


def _command_of(name: str, query: FigureQuery, entries: list[Entry]) -> str:
    study = StudyName(panels[name].study)
    request = query.model_dump(include={"scale", "variant", "seeds"})
    if panels[name].fits and query.chosen_criterion is not None:
        request["criterion"] = query.criterion
    return commands.of_catalogue(study, request, entries)


def _of_study(session: Session, name: str, query: FigureQuery) -> Source:
    study = studies.get(session, str(query.study))
    entries = studies.plan_of(session, study.id)
    notes = _left_out(studies.unknown_specs(session, study.id))
    if notes and not entries:
        raise InvalidInput(f"study {study.id} cannot be drawn: {' '.join(notes)}")
    entries = _for_panel(name, entries)
    if not entries:
        raise InvalidInput(
            f"figure {name} is not allowed: study {study.id} has no runs for it, use the atlas"
        )
    request = study.request
    try:
        scale = Scale(request["scale"]) if "scale" in request else None
        variant = Variant(request.get("variant", Variant.PAPER))
    except ValueError as error:
        raise InvalidInput(
            f"study {study.id} was planned by another version of Rethink ({error}): update to draw "
            "it"
        ) from error
    options = _options(name, query, scale, variant, int(request["seeds"]))
    if query.criterion is None and panels[name].fits:  # the study's, by which its runs ended
        options = replace(options, criterion=CRITERIA.get(request.get("criterion", "default")))
    own = any(request.get(field) for field in Subject._fields)
    options = replace(options, own=own)
    extending = commands.by_criterion(study.name, request, options.criterion)
    options = replace(options, command=commands.of_study(study.name, request), extending=extending)
    return Source.of(entries, options, notes)


def _for_panel(name: str, entries: Plan) -> Plan:
    """The entries made for the panel; where it shows any with corrupted labels, else those."""
    panel = panels[name]
    if not panel.role:
        return entries
    found = tuple(entry for entry in entries if entry.role.panel == panel.role)
    if found or not panel.corrupted:
        return found
    return tuple(entry for entry in entries if entry.spec.label_corruption > 0)


def _of_runs(session: Session, name: str, query: FigureQuery) -> Source:
    """The runs as they are, each a series with a name that tells it apart."""
    if not panels[name].takes_runs:
        raise InvalidInput("run is not allowed with this figure: use the atlas")
    asked = {run.id: run for run in (runs.get(session, run_id) for run_id in query.run)}
    read = [(run, read_spec(run.spec)) for run in asked.values()]
    notes = _left_out([spec for _, spec in read if isinstance(spec, UnknownSpec)])
    known = [(run, spec) for run, spec in read if isinstance(spec, RunSpec)]
    if notes and not known:
        raise InvalidInput(f"run cannot be drawn: {' '.join(notes)}")
    found, specs = [run for run, _ in known], [spec for _, spec in known]
    labels = told_apart([run.name for run in found], specs)
    demands = runs.demand_rows(session, [run.id for run in found])
    entries = tuple(
        planned(spec, Demand(epochs=_wanted(run, demands[run.id])), "run", label)
        for run, spec, label in zip(found, specs, labels, strict=True)
    )
    trained = [(spec, max(run.epochs_done, 1)) for run, spec in zip(found, specs, strict=True)]
    options = _options(name, query, None, Variant.PAPER, 1)
    options = replace(options, command=commands.of_runs(trained))
    return Source.of(entries, options, notes)


def _wanted(run: Run, demands: Sequence[DemandRow]) -> int:
    """The epochs a single run is held against: its own if it ended well, else those asked for."""
    if run.state == RunState.SUCCEEDED and run.outcome != Outcome.DIVERGED:
        return max(run.epochs_done, 1)
    asked = (row.epochs for row in demands if not row.withdrawn)
    return max([run.epochs_done + 1, *asked])


def _options(
    name: str, query: FigureQuery, scale: Scale | None, variant: Variant, seeds: int
) -> Options:
    return Options(
        scale=scale,
        variant=variant,
        seeds=seeds,
        criterion=query.chosen_criterion if panels[name].fits else None,
        x=query.x,
        spread=query.spread,
        levels=query.corruption,
        measure=query.measure,
        log=query.log,
        individual=query.individual,
    )
