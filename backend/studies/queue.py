"""What workers do before a plan's runs: runs of others that they train, or will take earlier."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.paper.plans import expected_epochs, planned
from core.run.lifecycle import RunState
from core.run.spec import RunSpec
from core.run.stored import read_spec
from core.storage import listing, runs
from core.storage.listing import Listed
from core.storage.runs import Best

LOOKED_AT = 10_000
"""As many runs as may wait by default."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A run of others, and the epochs that it is likely to train still."""

    spec: RunSpec
    epochs: int


def before(session: Session, priority: int, own: Collection[str]) -> list[Earlier]:
    """The runs in training or waiting at `priority` or above, but for the plan's `own`."""
    found, _ = listing.page(session, states=(RunState.RUNNING, RunState.QUEUED), limit=LOOKED_AT)
    earlier = [
        run
        for run in found
        if run.id not in own and (run.state == RunState.RUNNING or run.priority >= priority)
    ]
    specs = listing.specs(session, [run.id for run in earlier])
    best = runs.best(session, [run.id for run in earlier if run.epochs_done])
    return [
        _earlier(run, spec, best.get(run.id))
        for run in earlier
        if run.id in specs and isinstance(spec := read_spec(specs[run.id]), RunSpec)
    ]


def _earlier(run: Listed, spec: RunSpec, best: Best | None) -> Earlier:
    """With the epochs that its demands are likely to take; met ones take none."""
    demands = [runs.as_demand(row) for row in run.demands() if not row.withdrawn]
    unmet = [demand for demand in demands if best is None or not demand.stop.holds(best)]
    expected = [expected_epochs(planned(spec, demand, "", "")) for demand in unmet]
    return Earlier(spec, max(max(expected, default=0) - run.epochs_done, 1))
