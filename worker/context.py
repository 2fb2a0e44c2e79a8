"""What a worker's parts share: where its state lies, who hears of it, and whether it stops."""

import threading
from dataclasses import dataclass

from core.messages import Hints
from core.settings import Settings
from core.storage.artifacts import Folder
from core.storage.database import Database


@dataclass(frozen=True, slots=True)
class Context:
    settings: Settings
    database: Database
    folder: Folder
    hints: Hints
    stopping: threading.Event
