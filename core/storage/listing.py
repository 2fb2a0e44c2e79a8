"""The list of runs: all that may change of each run and of its demands, in one query a page.

The specs are left out. They never change, and to read and check a thousand of them takes longer
than all the rest.
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.run.lifecycle import RunState
from core.storage.tables import DemandRow, Run

Sort = Literal["created_at", "finished_at", "epochs_done", "name", "model", "state"]

NOT_SHOWN = ("spec", "lease_until", "lost")
RUN_TABLE, DEMAND_TABLE = Run.__table__, DemandRow.__table__  # plain rows, made by no mapper
RUN_NAMES = tuple(column.key for column in RUN_TABLE.columns if column.key not in NOT_SHOWN)
DEMAND_NAMES = tuple(column.key for column in DEMAND_TABLE.columns)
STATE, PRIORITY = RUN_NAMES.index("state"), RUN_NAMES.index("priority")
EPOCHS_DONE, WORKER = RUN_NAMES.index("epochs_done"), RUN_NAMES.index("worker_id")


def _as_stored(table: sa.FromClause, names: Sequence[str]) -> tuple[sa.ColumnElement[Any], ...]:
    """The columns, JSON as its text: most of it is looked at only to see that it is the same."""
    columns = (table.c[name] for name in names)
    return tuple(
        sa.cast(column, sa.Text).label(column.key) if isinstance(column.type, sa.JSON) else column
        for column in columns
    )


def _parsed(table: sa.FromClause, names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """The values by name, as the mapped class has them."""
    found = dict(zip(names, values, strict=True))
    for name, value in found.items():
        if value is not None and isinstance(table.c[name].type, sa.JSON):
            found[name] = json.loads(value)
    return found


RUN = _as_stored(RUN_TABLE, RUN_NAMES)
DEMAND = _as_stored(DEMAND_TABLE, DEMAND_NAMES)


@dataclass(frozen=True, slots=True)
class Listed:
    """A run without its spec, and its demands. Equal ones are shown equally."""

    id: str
    values: tuple[Any, ...]
    """In the order of `RUN_NAMES`."""
    demand_values: tuple[tuple[Any, ...], ...]
    """In the order of `DEMAND_NAMES`, the oldest demand first."""

    @property
    def state(self) -> str:
        return str(self.values[STATE])

    @property
    def priority(self) -> int:
        return int(self.values[PRIORITY])

    @property
    def epochs_done(self) -> int:
        return int(self.values[EPOCHS_DONE])

    @property
    def worker_id(self) -> str | None:
        worker: str | None = self.values[WORKER]
        return worker

    def run(self, spec: str) -> Run:
        """The run as an object that belongs to no session; `spec` is JSON."""
        return Run(**_parsed(RUN_TABLE, RUN_NAMES, self.values), spec=json.loads(spec))

    def demands(self) -> list[DemandRow]:
        """Its demands, withdrawn ones too, as objects that belong to no session."""
        return [
            DemandRow(**_parsed(DEMAND_TABLE, DEMAND_NAMES, values))
            for values in self.demand_values
        ]


def page(
    session: Session,
    *,
    states: Iterable[RunState] = (),
    model: str | None = None,
    randomization: str | None = None,
    text: str = "",
    sort: Sort = "created_at",
    descending: bool = True,
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[Listed], int]:
    """A page of runs that fit the filters, and how many fit in all."""
    fits = _fits(list(states), model, randomization, text)
    total = session.scalar(sa.select(sa.func.count()).select_from(Run).where(*fits)) or 0
    chosen = sa.select(*RUN).where(*fits).order_by(*_order(RUN_TABLE, sort, descending))
    page = chosen.limit(limit).offset(offset).subquery()
    query = (
        sa.select(page, *DEMAND)
        .outerjoin_from(page, DEMAND_TABLE, DEMAND_TABLE.c.run_id == page.c.id)
        .order_by(*_order(page, sort, descending), DEMAND_TABLE.c.created_at, DEMAND_TABLE.c.owner)
    )
    return _grouped(session.execute(query).all()), total


def _order(
    runs: sa.FromClause, sort: Sort, descending: bool
) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]:
    column = runs.c[sort]
    return (column.desc() if descending else column.asc()).nulls_last(), runs.c.id


def _fits(
    states: Sequence[RunState], model: str | None, randomization: str | None, text: str
) -> list[sa.ColumnElement[bool]]:
    fits: list[sa.ColumnElement[bool]] = []
    if states:
        fits.append(Run.state.in_(states))
    if model:
        fits.append(Run.model == model)
    if randomization:
        fits.append(Run.randomization == randomization)
    if text:
        name = Run.name.icontains(text, autoescape=True)
        fits.append(name | Run.id.startswith(text.lower(), autoescape=True))
    return fits


def _grouped(rows: Iterable[Sequence[Any]]) -> list[Listed]:
    """The runs of rows that have a run and one of its demands, or nulls, each."""
    width, found = len(RUN_NAMES), []
    for run_id, group in itertools.groupby(rows, key=itemgetter(0)):
        members = list(group)
        demands = tuple(tuple(row[width:]) for row in members if row[width] is not None)
        found.append(Listed(run_id, tuple(members[0][:width]), demands))
    return found


def specs(session: Session, run_ids: Sequence[str]) -> dict[str, str]:
    """The spec of each run, as JSON."""
    query = sa.select(Run.id, sa.cast(Run.spec, sa.Text)).where(Run.id.in_(run_ids))
    return {run_id: spec for run_id, spec in session.execute(query)}  # noqa: C416
