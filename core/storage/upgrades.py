"""What a newer version of Rethink means for the runs that are there, before it begins."""

from collections import Counter

import sqlalchemy as sa

from core.run.lifecycle import RunState
from core.run.spec import ENGINE
from core.storage.database import Database

RUN = sa.table("run", sa.column("state"), sa.column("spec", sa.JSON), sa.column("error", sa.JSON))
"""What every schema has of it."""


def meaning(database: Database) -> list[str]:
    """A sentence on the runs of each earlier engine.

    None once that is known: when this engine has runs, and no older one was left unfinished.
    """
    engine = RUN.c.spec["engine"].as_integer()
    told = RUN.c.error.is_not(sa.null())
    query = sa.select(engine, RUN.c.state, told, sa.func.count()).group_by(
        engine, RUN.c.state, told
    )
    with database.read() as session:
        if not sa.inspect(session.connection()).has_table("run"):
            return []
        found = [tuple(row) for row in session.execute(query)]
    ended, unfinished, untold = Counter[int](), Counter[int](), False
    for of_engine, state, is_told, count in found:
        if of_engine is None:  # of another version, which alone can say
            continue
        terminal = RunState(state).terminal
        (ended if terminal else unfinished)[of_engine] += count
        untold |= of_engine < ENGINE and not terminal and not is_told
    if not untold and ended[ENGINE] + unfinished[ENGINE]:
        return []
    older = sorted(number for number in {*ended, *unfinished} if number < ENGINE)
    return [_sentence(number, ended[number], unfinished[number]) for number in older]


def _sentence(engine: int, ended: int, unfinished: int) -> str:
    total = ended + unfinished
    parts = [f"{ended} that ended stay in figures"] if ended else []
    if unfinished:
        parts.append(
            f"{unfinished} unfinished cannot go on under engine {ENGINE}: paused, with all that "
            "was measured; to be launched again if still wanted"
        )
    return f"{total} run{'s' if total > 1 else ''} of engine {engine}: {'; '.join(parts)}."
