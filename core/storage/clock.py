"""The database's clock: workers on several hosts need not agree on the time."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session


class Now(sa.sql.functions.FunctionElement[float]):
    """Seconds since 1970 UTC on the database's clock, at the time of the statement."""

    type = sa.Double()
    inherit_cache = True


@compiles(Now, "sqlite")
def _now_sqlite(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(Now, "postgresql")
def _now_postgresql(*_: Any, **__: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


def now(session: Session) -> float:
    """Seconds since 1970 UTC on the database's clock."""
    return session.scalar(sa.select(Now())) or 0.0
