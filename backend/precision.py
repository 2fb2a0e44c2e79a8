"""What precision `auto` stands for: the workers' advice, as it is when a spec is submitted.

A spec has its precision for good, so a guess would be paid for: the same study, asked for again
once a worker is there, would be trained again in the worker's precision. Hence the workers that are
there are asked, else the last one that trained here, and at the very start of `rethink up`, when
none was ever there, a launch waits for the first.
"""

import time
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

from core.run.spec import Precision
from core.settings import Settings
from core.storage import workers
from core.storage.database import Database

POLL_SECONDS = 0.2
UNKNOWN = (
    "fp32 is right on every device; no worker was here yet to recommend more: launch again once "
    "one is, or ask for a precision, to train in another"
)


def recommended(session: Session, lease_seconds: float) -> tuple[Precision, str] | None:
    """What all live workers recommend, and why; None if no worker was ever here."""
    live = [worker.capabilities for worker in workers.live(session, lease_seconds)]
    told = live or workers.last_told(session)
    if not told:
        return None
    others = [advice for advice in told if advice.get("precision") != Precision.BF16]
    precision = Precision.FP32 if others else Precision.BF16
    reasons = [reason for advice in others or told if (reason := advice.get("precision_reason"))]
    reason = str(reasons[0]) if reasons else "fp32 is right on every device; no worker said more"
    return precision, reason if live else f"{reason} (as the last worker said; none is there now)"


def wait_for_a_worker(database: Database, settings: Settings) -> None:
    """Wait until a worker has been here, at most as long as the settings say."""
    _wait_until(time.monotonic() + settings.first_worker_seconds, database, settings)


DEADLINES: WeakKeyDictionary[Database, float] = WeakKeyDictionary()
"""When plans no longer wait."""


def wait_once_for_a_worker(database: Database, settings: Settings) -> None:
    """The same for plans, which are asked for again and again: the first alone waits that long."""
    first = time.monotonic() + settings.first_worker_seconds
    _wait_until(DEADLINES.setdefault(database, first), database, settings)


def _wait_until(deadline: float, database: Database, settings: Settings) -> None:
    while time.monotonic() < deadline:
        with database.read() as session:
            if recommended(session, settings.lease_seconds) is not None:
                return
        time.sleep(POLL_SECONDS)
