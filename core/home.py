"""The folder that holds all state (`RETHINK_HOME`), and small files in it that one user may read.

Small files are written whole under another name and then put in place, so that no reader ever
meets half of one.
"""

import os
import secrets
from pathlib import Path

from core.run.errors import HomeUnavailable
from core.settings import Settings


def keep_private() -> None:
    """Have this process and its children make files and folders for this user alone.

    A home that existed before may let others in.
    """
    os.umask(0o077)


def folder(settings: Settings, *parts: str) -> Path:
    """The home, or a folder within it; made if it is missing, for this user alone.

    Raises:
        HomeUnavailable: it cannot be made or written to.
    """
    path = settings.root.joinpath(*parts)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unavailable(settings, path, error) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise unavailable(settings, path, PermissionError(13, "no permission to write"))
    return path


def write(path: Path, text: str, *, replace: bool = True) -> bool:
    """Write a file that only this user may read, in one step.

    With `replace=False` an existing file is kept, and the result is False.

    Raises:
        OSError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            part.replace(path)
        else:
            path.hardlink_to(part)  # refuses to overwrite, unlike a rename
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    return True


def unavailable(settings: Settings, path: Path, error: OSError) -> HomeUnavailable:
    """The error to raise where `path` in the home cannot be used."""
    return HomeUnavailable(
        f"{path} cannot be used ({error.strerror or error}). Make {settings.root} writable, or "
        "set RETHINK_HOME to a folder you may write to."
    )
