"""From a query to a panel: which runs it reads, their curves, and a cache of what was drawn.

Notable choices:
- A panel is looked up by a signature of its runs (attempt, epochs, state), which one query gives;
  only when that changed are curves read and the panel computed anew.
- The precision of a study's specs is settled when it is submitted. A figure looks for both, and
  takes for each run the precision in which most of the panel was trained.
"""

import functools
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

from backend.figures.schemas import FigureQuery
from core import __version__
from core.domain.demands import Demand
from core.domain.errors import InvalidInput
from core.domain.panels import STUDY_OF, build
from core.domain.panels.entries import Entry, StoredRun
from core.domain.panels.frame import Options
from core.domain.panels.model import Panel, PanelName
from core.domain.plans import Plan, planned
from core.domain.scales import Scale
from core.domain.spec import Precision, RunSpec, Variant
from core.domain.studies import StudyName, plan
from core.storage import curves, runs, studies
from core.storage.database import Database

KEPT = 64
"""Panels kept in memory."""


@dataclass(frozen=True, slots=True)
class Source:
    """The runs a panel may read: for each planned run, its plan entry in each precision."""

    plans: tuple[Plan, ...]
    hashes: tuple[tuple[str, ...], ...]
    options: Options

    @property
    def run_ids(self) -> list[str]:
        return sorted({run_hash[:16] for hashes in self.hashes for run_hash in hashes})


@dataclass(slots=True)
class Drawn:
    """A panel, and the formats it was rendered in."""

    panel: Panel
    etag: str
    """Changes whenever the panel does."""
    formats: dict[str, bytes] = field(default_factory=dict)

    def render(self, key: str, renderer: Callable[[Panel], bytes]) -> bytes:
        if key not in self.formats:
            self.formats[key] = renderer(self.panel)
        return self.formats[key]


class Cache:
    """The newest panels, by query and signature of their runs."""

    def __init__(self) -> None:
        self._drawn: OrderedDict[str, Drawn] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, etag: str) -> Drawn | None:
        with self._lock:
            if etag in self._drawn:
                self._drawn.move_to_end(etag)
            return self._drawn.get(etag)

    def put(self, drawn: Drawn) -> None:
        with self._lock:
            self._drawn[drawn.etag] = drawn
            while len(self._drawn) > KEPT:
                self._drawn.popitem(last=False)


CACHES: WeakKeyDictionary[Database, Cache] = WeakKeyDictionary()


def draw(database: Database, name: PanelName, query: FigureQuery) -> Drawn:
    """The panel as the stored runs have it now.

    Raises:
        NotFound: the study or the run does not exist.
        InvalidInput: the study has no runs for this panel.
    """
    cache = CACHES.setdefault(database, Cache())
    with database.read() as session:
        source = _source(session, name, query)
        etag = _etag(name, query, source, curves.signature(session, source.run_ids))
        drawn = cache.get(etag)
        if drawn is None:
            stored = curves.stored_runs(session, source.run_ids)
            drawn = Drawn(build(name, _entries(source, stored), source.options), etag)
            cache.put(drawn)
    return drawn


def _etag(name: PanelName, query: FigureQuery, source: Source, signature: str) -> str:
    hashes = ",".join(source.hashes[0])
    text = f"{__version__} {name} {query.model_dump_json()} {hashes} {signature}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _source(session: Session, name: PanelName, query: FigureQuery) -> Source:
    if query.run is not None:
        return _of_run(session, name, query)
    if query.study is not None:
        return _of_study(session, name, query)
    return _of_catalogue(name, query)


@functools.lru_cache(maxsize=256)
def _of_catalogue(name: PanelName, query: FigureQuery) -> Source:
    study = STUDY_OF[name]
    plans = tuple(
        plan(study, query.scale, query.variant, query.seeds, precision) for precision in Precision
    )
    command = (
        f"rethink study run {study} --scale {query.scale} --variant {query.variant} "
        f"--seeds {query.seeds}"
    )
    options = _options(query, query.scale, query.variant, query.seeds, command)
    return Source(plans, _hashes(plans), options)


def _of_study(session: Session, name: PanelName, query: FigureQuery) -> Source:
    study = studies.get(session, str(query.study))
    entries = studies.plan_of(session, study.id)
    wanted = "1bc" if STUDY_OF[name] is StudyName.FIGURE_1BC else str(name)
    if name is not PanelName.ATLAS:
        entries = tuple(entry for entry in entries if entry.role.panel == wanted)
    if not entries:
        raise InvalidInput(
            f"figure {name} is not allowed: study {study.id} has no runs for it, use the atlas"
        )
    request = study.request
    scale = Scale(request["scale"]) if "scale" in request else None
    variant = Variant(request.get("variant", Variant.PAPER))
    command = f"rethink study show {study.id}"
    options = _options(query, scale, variant, int(request["seeds"]), command)
    return Source((entries,), _hashes((entries,)), options)


def _of_run(session: Session, name: PanelName, query: FigureQuery) -> Source:
    if name is not PanelName.ATLAS:
        raise InvalidInput("run is not allowed with this figure: use the atlas")
    run = runs.get(session, str(query.run))
    spec = RunSpec.model_validate(run.spec)
    demand = Demand(epochs=max(run.epochs_done, 1))
    entries = (planned(spec, demand, "run", run.name or run.id),)
    options = _options(query, None, Variant.PAPER, 1, f"rethink runs show {run.id}")
    return Source((entries,), _hashes((entries,)), options)


def _hashes(plans: tuple[Plan, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(entry.spec.hash() for entry in entries) for entries in plans)


def _options(
    query: FigureQuery, scale: Scale | None, variant: Variant, seeds: int, command: str
) -> Options:
    return Options(
        scale=scale,
        variant=variant,
        seeds=seeds,
        criterion=query.chosen_criterion,
        x=query.x,
        spread=query.spread,
        individual=query.individual,
        command=command,
    )


def _entries(source: Source, stored: Mapping[str, StoredRun]) -> list[Entry]:
    """Each planned run with its stored run, in the precision most of the panel has."""

    def trained(hashes: tuple[str, ...]) -> int:
        return sum(len(stored[h].curve) + 1 for h in set(hashes) if h in stored)

    ranked = sorted(range(len(source.plans)), key=lambda i: -trained(source.hashes[i]))
    entries = []
    for place, entry in enumerate(source.plans[ranked[0]]):
        for i in ranked:
            if run := stored.get(source.hashes[i][place]):
                entries.append(Entry(source.plans[i][place], run))
                break
        else:
            entries.append(Entry(entry))
    return entries
