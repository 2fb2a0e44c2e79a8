"""Bundles: what to train and what came of it, each as one file, for machines without a server.

A *work bundle* holds specs, demands and roles in the order in which they are to be trained; a
*results bundle* the curve and the provenance of each run that ended. Both are zip files with a
`bundle.json`; docs/bundles.md has the format.
"""

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core import __version__
from core.paper.plans import Plan, Role
from core.run.demands import Demand
from core.run.errors import DataCorrupt, InvalidInput
from core.run.metrics import EpochMetrics
from core.run.spec import RunSpec

FORMAT = 1
"""Raised whenever a file is written that older code cannot read."""
INDEX = "bundle.json"
LARGEST_TEXT = 64 * 2**20
"""Bytes of JSON that are read at most: a zip may unpack to anything."""

Metrics = dict[str, list[int | float | None]]
"""A curve by columns, epochs in order."""


class Work(BaseModel):
    """A run to train."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: RunSpec
    demands: list[Demand] = Field(min_length=1)
    roles: list[Role] = []
    """What figures want it for."""

    @property
    def run_id(self) -> str:
        return self.spec.hash()[:16]


class AttemptRecord(BaseModel):
    """One process's turn at a run."""

    model_config = ConfigDict(extra="forbid")

    first_epoch: int = Field(ge=1)
    """The first epoch that it computed; the next attempt's, or the end, where it computed none."""
    started_at: float
    ended_at: float | None = None
    provenance: dict[str, Any] = {}


class SavedWeights(BaseModel):
    """The last checkpoint, in the bundle as `weights/<run id>.pt`."""

    step: int
    epoch: int
    sha256: str


class Result(Work):
    """A run that ended, with all that came of it."""

    spec_hash: str
    outcome: Literal["completed", "diverged"]
    error: dict[str, Any] | None = None
    """Where it diverged."""
    attempts: list[AttemptRecord]
    metrics: Metrics
    weights: SavedWeights | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.spec.hash() != self.spec_hash:
            raise ValueError(f"spec_hash {self.spec_hash} is not that of the spec")
        if [m.epoch for m in self.curve] != list(range(1, len(self.curve) + 1)):
            raise ValueError("metrics are not of all epochs from 1 on")
        return self

    @property
    def curve(self) -> list[EpochMetrics]:
        return rows(self.metrics)


def columns(curve: Sequence[EpochMetrics]) -> Metrics:
    return {name: [getattr(m, name) for m in curve] for name in EpochMetrics.model_fields}


def rows(metrics: Metrics) -> list[EpochMetrics]:
    """The curve again. Columns that it lacks are those of an older version, and empty."""
    return [
        EpochMetrics.model_validate(dict(zip(metrics, row, strict=True)))
        for row in zip(*metrics.values(), strict=True)
    ]


def work_of(plan: Plan) -> list[Work]:
    """The runs of a plan in its order, each once, with all that is asked of it."""
    found: dict[str, Work] = {}
    for entry in plan:
        run = found.setdefault(
            entry.spec.hash(), Work(spec=entry.spec, demands=[entry.demand], roles=[])
        )
        if entry.demand not in run.demands:
            run.demands.append(entry.demand)
        run.roles.append(entry.role)
    return list(found.values())


def write_work(path: Path, title: str, runs: Sequence[Work]) -> None:
    index = _index("work", title) | {"runs": [run.model_dump(mode="json") for run in runs]}
    _write(path, {INDEX: _text(index)})


def read_work(path: Path) -> list[Work]:
    """The runs of a work bundle.

    Raises:
        InvalidInput: it is missing or not a work bundle of this version.
    """
    with _opened(path) as file:
        index = _read_index(file, path, "work")
        try:
            return [Work.model_validate(run) for run in index["runs"]]
        except (ValidationError, LookupError, TypeError) as error:
            raise InvalidInput(f"{path.name} cannot be read: {_first_line(error)}") from error


def write_results(
    path: Path, results: Sequence[Result], weights: Mapping[str, Path] | None = None
) -> None:
    """Write all of `results` to `path` in one step; `weights` by run id."""
    members = {f"runs/{r.run_id}.json": r.model_dump_json().encode() for r in results}
    files = {f"weights/{run_id}.pt": file for run_id, file in (weights or {}).items()}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    index = _index("results", f"{len(results)} runs") | {"sha256": hashes}
    _write(path, {INDEX: _text(index), **members}, files)


def read_results(path: Path) -> list[Result]:
    """The runs of a results bundle, every one of them verified.

    Raises:
        InvalidInput: it is missing or not a results bundle of this version.
        DataCorrupt: what is in it is not what was written.
    """
    with _opened(path) as file:
        index = _read_index(file, path, "results")
        return list(_results(file, path, index.get("sha256", {})))


def read_weights(path: Path, result: Result) -> bytes:
    """The checkpoint of a result that has one.

    Raises:
        DataCorrupt: it is missing or not what was written.
    """
    assert result.weights is not None
    with _opened(path) as file:
        try:
            data = file.read(f"weights/{result.run_id}.pt")
        except (LookupError, OSError, zipfile.BadZipFile) as error:
            raise DataCorrupt(f"{path.name}: {error}") from error
    if hashlib.sha256(data).hexdigest() != result.weights.sha256:
        raise DataCorrupt(f"{path.name}: the weights of run {result.run_id} are damaged.")
    return data


def _results(file: zipfile.ZipFile, path: Path, hashes: dict[str, str]) -> Iterator[Result]:
    for name, sha256 in hashes.items():
        data = _member(file, path, name)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise DataCorrupt(f"{path.name}: {name} does not have the SHA-256 it was written with.")
        try:
            result = Result.model_validate_json(data)
        except ValidationError as error:
            raise DataCorrupt(f"{path.name}: {name}: {_first_line(error)}") from error
        yield result


def _index(kind: str, title: str) -> dict[str, Any]:
    return {"format": FORMAT, "kind": kind, "title": title, "made_by": f"rethink {__version__}"}


def _read_index(file: zipfile.ZipFile, path: Path, kind: str) -> dict[str, Any]:
    try:
        index = json.loads(_member(file, path, INDEX))
        found = (index["kind"], index["format"])
    except (ValueError, LookupError, TypeError) as error:
        raise InvalidInput(f"{path.name} is not a bundle: it has no {INDEX} to read.") from error
    if found[0] != kind:
        raise InvalidInput(f"{path.name} is a {found[0]} bundle: use a {kind} bundle.")
    if found[1] != FORMAT:
        raise InvalidInput(
            f"{path.name} has format {found[1]}, and this version reads {FORMAT}: use the version "
            f"that made it ({index.get('made_by', 'unknown')})."
        )
    return dict(index)


def _member(file: zipfile.ZipFile, path: Path, name: str) -> bytes:
    try:
        if file.getinfo(name).file_size > LARGEST_TEXT:
            raise DataCorrupt(f"{path.name}: {name} is larger than any that was written.")
        return file.read(name)
    except (LookupError, OSError, zipfile.BadZipFile) as error:
        raise DataCorrupt(f"{path.name} is damaged: {error}") from error


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InvalidInput(f"{path} cannot be read as a bundle: {error}") from error


def _write(
    path: Path, members: Mapping[str, bytes], files: Mapping[str, Path] | None = None
) -> None:
    """Write a zip file whole or not at all; the same content gives the same bytes."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be written ({error.strerror}): name a file in a folder that is there."
        ) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as raw:
            with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as file:
                for member, data in members.items():
                    info = zipfile.ZipInfo(member)
                    info.compress_type = zipfile.ZIP_DEFLATED
                    file.writestr(info, data)
                for member, source in (files or {}).items():
                    file.writestr(zipfile.ZipInfo(member), source.read_bytes())
            raw.flush()
            os.fsync(raw.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _text(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1, allow_nan=False).encode()


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{type(error).__name__}: {error}"
