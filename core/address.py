"""Where the servers of a home listen: a file each in `servers/`, for clients on the same machine.

Several may serve one home, on one host or on hosts that share it. So each writes and removes its
own file only, named by host and process; one that was left behind by a crash is passed over.
"""

import contextlib
import json
import os
import socket
from pathlib import Path
from typing import Any

from core import home
from core.settings import Settings

FOLDER = "servers"


def publish(settings: Settings, url: str) -> Path:
    """Say that this process listens at `url`. Returns the file, to be removed at the end."""
    folder = home.folder(settings, FOLDER)
    for path in folder.glob(f"{socket.gethostname()}-*.json"):
        if not _is_there(path):
            path.unlink(missing_ok=True)
    path = folder / f"{socket.gethostname()}-{os.getpid()}.json"
    home.write(path, json.dumps({"url": url, "pid": os.getpid()}) + "\n")
    return path


def listening(settings: Settings) -> dict[str, Any]:
    """`url` and `pid` of a server of this home on this machine, the oldest; empty if none is."""
    found: list[tuple[float, dict[str, Any]]] = []
    for path in (settings.root / FOLDER).glob(f"{socket.gethostname()}-*.json"):
        with contextlib.suppress(OSError, ValueError):
            facts = json.loads(path.read_text())
            if isinstance(facts, dict) and isinstance(facts.get("url"), str) and _is_there(path):
                found.append((path.stat().st_mtime, facts))
    return min(found, key=lambda pair: pair[0])[1] if found else {}


def _is_there(path: Path) -> bool:
    pid = path.stem.rpartition("-")[2]
    return pid.isdigit() and is_alive(int(pid), "backend")


def is_alive(pid: int, program: str) -> bool:
    """Whether the process is there, and runs `program`: its number may be another's by now."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self").exists()  # no /proc here, or it ended just now
    return program.encode() in command
