"""Pages of runs as JSON, a thousand within some milliseconds.

A run's text is a function of what `listing.page` reads of it: its row, its demands, and by these
its spec and its newest epoch, which never change once they are stored. It is kept with what it was
made from, and made anew when that differs. So it is right whichever process changed the run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

from backend.kept import Kept
from backend.runs import service
from backend.runs.schemas import RunWorker
from core.run.lifecycle import RunState
from core.storage import listing, runs, workers
from core.storage.database import Database
from core.storage.listing import Listed

KEPT_RUNS = 5000
"""Runs whose text is kept in memory, about 4 kB each."""
PLACE = '"queue_position":'


@dataclass(frozen=True, slots=True)
class Shown:
    """A run as JSON, but for its place in the queue, which changes with every claim of another."""

    listed: Listed
    worker: RunWorker | None
    head: str
    tail: str
    understood: bool
    """Whether its spec is; else it may be once a dataset was added."""


SHOWN: WeakKeyDictionary[Database, Kept[Shown]] = WeakKeyDictionary()


def page(
    database: Database,
    session: Session,
    found: Sequence[Listed],
    *,
    total: int,
    limit: int,
    offset: int,
) -> str:
    """The runs found as a `RunPage`."""
    kept = SHOWN.setdefault(database, Kept(KEPT_RUNS))
    waits = any(run.state == RunState.QUEUED for run in found)
    positions = runs.queue_positions(session) if waits else {}
    present = {worker.id: service.worker_view(worker) for worker in workers.listed(session)}
    known: dict[str, Shown] = {}
    changed: list[tuple[Listed, RunWorker | None]] = []
    for run in found:
        worker = present.get(run.worker_id or "") if run.state == RunState.RUNNING else None
        shown = kept.get(run.id)
        if shown is not None and shown.listed == run and shown.worker == worker:
            known[run.id] = shown
        else:
            changed.append((run, worker))
    for shown in _shown(session, changed) if changed else ():
        if shown.understood:
            kept.put(shown.listed.id, shown)
        known[shown.listed.id] = shown
    items = ",".join(
        f"{shown.head}{positions.get(run.id, 'null')}{shown.tail}"
        for run in found
        if (shown := known.get(run.id))  # none if it was deleted just now
    )
    return f'{{"items":[{items}],"total":{total},"limit":{limit},"offset":{offset}}}'


def _shown(session: Session, changed: Sequence[tuple[Listed, RunWorker | None]]) -> Iterator[Shown]:
    latest = runs.latest(session, {listed.id: listed.epochs_done for listed, _ in changed})
    specs = listing.specs(session, [listed.id for listed, _ in changed])
    demands = {listed.id: listed.demands() for listed, _ in changed}
    stopped = runs.stopped(session, demands.values())
    for listed, worker in changed:
        if spec := specs.get(listed.id):
            run = listed.run(spec)
            view = service.view(run, demands[run.id], latest.get(run.id), worker, stopped)
            text = view.model_dump_json()
            # Within a string the quotes of PLACE would be escaped.
            head, _, tail = text.partition(PLACE + "null")
            yield Shown(listed, worker, head + PLACE, tail, view.unknown_spec is None)
