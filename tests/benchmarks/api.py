"""How fast the API answers what the page asks: `python -m tests.benchmarks.api`.

A real server in a process of its own, asked over HTTP by one client, one request after the other,
on SQLite and on PostgreSQL. Times are until the last byte of the answer, in milliseconds. The runs
are made up and stored as a worker leaves them: nothing is trained.
"""

import argparse
import math
import os
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.paper.plans import Plan
from core.paper.scales import Scale
from core.paper.studies import StudyName, grid, plan
from core.run.demands import Demand
from core.storage import runs, studies
from core.storage.database import Database
from core.storage.tables import Metric, Run
from tests.core.hand_made import fits_at
from tests.processes import System
from tests.services import Postgres
from tests.stored_runs import finish

FIGURE = "/figures/1b?scale=full"


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How much is stored."""

    listed: int = 1000
    """Runs in the list, with one epoch each."""
    curves: int = 100
    epochs: int = 10_000
    """Epochs of each of the long curves."""
    repeats: int = 200
    """Requests of a kind; those that take seconds are made once or thrice."""


@dataclass(frozen=True, slots=True)
class Timed:
    """What a kind of request took."""

    name: str
    milliseconds: list[float]
    size: int
    """Bytes of the last answer as they were sent."""

    def at(self, percent: int) -> float:
        ordered = sorted(self.milliseconds)
        return ordered[math.ceil(percent / 100 * len(ordered)) - 1]

    def __str__(self) -> str:
        return (
            f"{self.name:58}{len(self.milliseconds):5}{statistics.median(self.milliseconds):10.1f}"
            f"{self.at(95):10.1f}{self.size / 1000:10.1f}"
        )


HEADING = f"{'request':58}{'n':>5}{'p50 ms':>10}{'p95 ms':>10}{'kB':>10}"


class Benchmark:
    """A server with made-up runs."""

    def __init__(self, system: System, size: Size) -> None:
        self.system, self.size = system, size
        system.start_api()

    def figures(self) -> Iterator[Timed]:
        """33 runs of 100 epochs: Figure 1b, and all of their curves."""
        study_id = store_figure(self.system.database)
        yield self.timed("Figure 1b, 33 runs × 100 epochs", FIGURE)
        yield self.timed("the same, known to the client (304)", FIGURE, known=True)
        yield self.timed("the same, a run has a new epoch", FIGURE, before=self.add_an_epoch)
        curves = f"/figures/atlas?study={study_id}"
        yield self.timed("all 33 curves of 100 epochs", curves)
        yield self.timed("the same, a run has a new epoch", curves, before=self.add_an_epoch)
        yield self.timed("all six claims", "/claims")

    def lists(self) -> Iterator[Timed]:
        store_list(self.system.database, self.size.listed)
        many = f"{self.size.listed:,} runs"
        yield self.timed(f"the first 50 of {many}", "/runs?limit=50")
        yield self.timed(f"50 of {many}, searched by name", "/runs?limit=50&q=run+1&sort=name")
        yield self.timed(f"all of {many} at once", f"/runs?limit={self.size.listed}")

    def long_curves(self) -> Iterator[Timed]:
        curves, epochs = self.size.curves, self.size.epochs
        study_id = store_long_curves(self.system.database, curves, epochs)
        path = f"/figures/atlas/plotly?study={study_id}"
        name = f"{curves} runs × {epochs:,} epochs, reduced"
        yield self.timed(f"{name}, for the first time", path, repeats=1)
        yield self.timed("the same", path)
        grow = store_growth(self.system.database, study_id, epochs)
        yield self.timed("the same, a run has a new epoch", path, before=grow, repeats=3)

    def timed(
        self,
        name: str,
        path: str,
        *,
        repeats: int | None = None,
        known: bool = False,
        before: Callable[[], None] | None = None,
    ) -> Timed:
        """Ask for `path` again and again; the first answer, which fills caches, is not counted."""
        http, times, size = self.system.http, [], 0
        repeats = repeats or self.size.repeats
        warm = repeats > 1
        headers = {}
        if known:
            headers["If-None-Match"] = http.get(path).headers["etag"]
        for i in range(repeats + warm):
            if before:
                before()
            started = time.perf_counter()
            answer = http.get(path, headers=headers, timeout=300)
            took = 1000 * (time.perf_counter() - started)
            assert answer.status_code == (304 if known else 200), answer.text
            size = answer.num_bytes_downloaded
            if i or not warm:
                times.append(took)
        return Timed(name, times, size)

    def add_an_epoch(self) -> None:
        """One of the 33 runs goes on."""
        entry = plan(StudyName.FIGURE_1BC, Scale.FULL)[0]
        with self.system.database.write() as session:
            _grow(session, entry.spec.hash()[:16])


def _grow(session: Session, run_id: str) -> None:
    run = runs.get(session, run_id, lock=True)
    run.epochs_done += 1
    row = fits_at(5, run.epochs_done)[-1]
    session.add(Metric(run_id=run.id, attempt=1, **row.model_dump()))


def store_figure(database: Database) -> str:
    """The runs of Figures 1b and 1c at full scale, 100 epochs each.

    Returns the id of a study that asks for their whole curves, not only until they fit.
    """
    asked = Demand(epochs=1000)
    entries = tuple(replace(e, demand=asked) for e in plan(StudyName.FIGURE_1BC, Scale.FULL))
    return _store_study(database, StudyName.CUSTOM, entries, 100)


def _store_study(database: Database, name: str, entries: Plan, epochs: int) -> str:
    with database.write() as session:
        request = {"name": name, "variant": "paper", "seeds": 1}
        study, _ = studies.submit(session, name, request, entries)
        for entry in entries:
            finish(session, entry, epochs)
        return study.id


def store_list(database: Database, count: int) -> None:
    entries = grid({"n_train": 1000}, {"seed": list(range(count))}, Demand(epochs=1))
    with database.write() as session:
        for place, entry in enumerate(entries):
            run, _ = runs.submit(session, entry.spec, entry.demand, name=f"run {place}")
            finish(session, entry, 1)
            run.created_at += place


def store_long_curves(database: Database, count: int, epochs: int) -> str:
    """A grid of `count` runs; the curve of the first is copied to the others, scaled."""
    rates = [0.01 + i / 10_000 for i in range(count)]
    entries = grid({"n_train": 5000}, {"learning_rate": rates}, Demand(epochs=epochs))
    study_id = _store_study(database, StudyName.CUSTOM, entries, 1)
    ids = [entry.spec.hash()[:16] for entry in entries]
    with database.write() as session:
        rows = [{"run_id": ids[0], "attempt": 1, **m.model_dump()} for m in fits_at(5, epochs)[1:]]
        session.execute(sa.insert(Metric), rows)
        for place, run_id in enumerate(ids[1:], start=1):
            _copy_curve(session, ids[0], run_id, 1 - place / (2 * count))
        session.execute(sa.update(Run).where(Run.id.in_(ids)).values(epochs_done=epochs))
    return study_id


def _copy_curve(session: Session, source: str, target: str, factor: float) -> None:
    changed = {
        "run_id": sa.literal(target),
        "test_accuracy": Metric.test_accuracy * factor,
        "train_accuracy": Metric.train_accuracy * factor,
    }
    names = [column.name for column in sa.inspect(Metric).columns]
    selected = [changed.get(name, getattr(Metric, name)) for name in names]
    rest = sa.select(*selected).where(Metric.run_id == source, Metric.epoch > 1)
    session.execute(sa.insert(Metric).from_select(names, rest))


def store_growth(database: Database, study_id: str, epochs: int) -> Callable[[], None]:
    """What lets a run of the study grow within its demand: its last epochs come anew."""
    with database.write() as session:
        run_id = studies.plan_of(session, study_id)[0].spec.hash()[:16]
        last = sa.and_(Metric.run_id == run_id, Metric.epoch > epochs - 10)
        session.execute(sa.delete(Metric).where(last))
        runs.get(session, run_id).epochs_done = epochs - 10

    def grow() -> None:
        with database.write() as session:
            _grow(session, run_id)

    return grow


@contextmanager
def benchmark(database_url: str, home: Path, size: Size) -> Iterator[Benchmark]:
    with closing(System(home, database_url)) as system:
        yield Benchmark(system, size)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--repeats", type=int, default=Size().repeats, help="requests of a kind")
    given = options.parse_args()
    size = Size(repeats=given.repeats)
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder, closing(Postgres()) as postgres:
        for name, url in (
            (f"SQLite {sqlite3.sqlite_version}", f"sqlite:///{folder}/bench.db"),
            ("PostgreSQL", postgres.new_database()),
        ):
            home = Path(folder) / name.split()[0]
            home.mkdir()
            print(f"\n{name}, load {os.getloadavg()[0]:.1f}\n{HEADING}", flush=True)
            with benchmark(url, home, size) as bench:
                for part in (bench.figures, bench.lists, bench.long_curves):
                    for timed in part():
                        print(timed, flush=True)


if __name__ == "__main__":
    main()
