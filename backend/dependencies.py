"""What routes are given: settings, database, and the parts that live as long as the app."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from backend.broker import Broker
from backend.security import Credentials, Failures
from core.disk import Disk
from core.messages import Hints
from core.settings import Settings
from core.storage.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """Made once, at the start of the app."""

    settings: Settings
    database: Database
    broker: Broker
    hints: Hints
    credentials: Credentials
    disk: Disk
    failures: Failures = field(default_factory=Failures)


def parts(request: Request) -> Parts:
    found: Parts = request.app.state.parts
    return found


PartsDep = Annotated[Parts, Depends(parts)]
