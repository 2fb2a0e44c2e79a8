"""Reading a dataset's files from a folder or a tar archive, into memory and never beyond a limit.

Nothing is extracted to disk, so an archive cannot write outside its folder, and links inside it
are not followed. A gzip archive is read in one pass.
"""

import hashlib
import tarfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from core.run.errors import DataCorrupt

BATCH_LIMIT = 64_000_000
"""Bytes. No file of interest is half as long: anything longer is refused unread."""


def read_folder(folder: Path, names: Collection[str]) -> dict[str, bytes]:
    """The files `names` of `folder`, by name.

    Raises:
        DataCorrupt: one is missing or far too long.
        OSError: one cannot be read.
    """
    files = {}
    for name in names:
        path = folder / name
        if not path.is_file():
            raise DataCorrupt(f"{folder} has no file {name}")
        with path.open("rb") as stream:
            files[name] = stream.read(BATCH_LIMIT + 1)
        if len(files[name]) > BATCH_LIMIT:
            raise DataCorrupt(f"{path} is too long to be the official file")
    return files


def read_archive(path: Path, names: Collection[str]) -> dict[str, bytes]:
    """The regular files `names` of a tar archive, by name, whatever folder they are in.

    Raises:
        DataCorrupt: the archive is truncated or damaged, or lacks a file.
        OSError: the archive cannot be read.
    """
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if name not in names or not member.isreg():
                    continue
                if member.size > BATCH_LIMIT:
                    raise DataCorrupt(f"{name} in {path} is too long to be the official file")
                stream = archive.extractfile(member)
                files[name] = stream.read() if stream else b""
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DataCorrupt(f"{path} is truncated or damaged ({error})") from error
    missing = [name for name in names if name not in files]
    if missing:
        raise DataCorrupt(f"{path} lacks {', '.join(missing)}: it is truncated or another archive")
    return files


def check_archive(path: Path, algorithm: str, digest: str) -> None:
    """Check the archive's own checksum, before anything in it is looked at.

    Raises:
        DataCorrupt: it is not the published archive.
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, algorithm).hexdigest()
    if found != digest:
        raise DataCorrupt(
            f"{path.name} is truncated, damaged or another archive: its {algorithm.upper()} is "
            f"{found[:16]}…, where {digest[:16]}… is expected"
        )
