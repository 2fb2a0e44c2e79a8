"""The access token: `RETHINK_TOKEN`, or 256 random bits made once and kept in the home."""

import secrets
from pathlib import Path

from core import credentials, home
from core.run.errors import HomeUnavailable
from core.settings import Settings

BYTES = 32


def read(settings: Settings) -> str | None:
    """The token in force, or None where none was made yet.

    Raises:
        HomeUnavailable: the file is there but cannot be read, or holds none.
    """
    if settings.token:
        return settings.token
    path = _path(settings)
    try:
        token = credentials.usable(path.read_text())
    except ValueError:  # in the file, or in its encoding
        token = ""
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise home.unavailable(settings, path, error) from error
    if not token:
        raise HomeUnavailable(f"{path} holds no token. Make one with `rethink token --new`.")
    return token


def read_or_create(settings: Settings) -> str:
    """The token in force; made on first use. Processes that race all get the same one.

    Raises:
        HomeUnavailable: the file cannot be read or written.
    """
    return read(settings) or _create(settings, replace=False)


def rotate(settings: Settings) -> str:
    """Make a new token; the old one ends when the servers of this home restart.

    Raises:
        HomeUnavailable: the file cannot be written.
    """
    return _create(settings, replace=True)


def _create(settings: Settings, *, replace: bool) -> str:
    home.folder(settings)
    path, token = _path(settings), secrets.token_urlsafe(BYTES)
    try:
        created = home.write(path, token + "\n", replace=replace)
    except OSError as error:
        raise home.unavailable(settings, path, error) from error
    return token if created else read_or_create(settings)


def _path(settings: Settings) -> Path:
    return settings.root / "token"
