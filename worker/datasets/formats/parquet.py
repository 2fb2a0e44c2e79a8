"""Parquet files as Hugging Face's `datasets` writes them: encoded images and labels, a row each."""

import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.run.errors import DataCorrupt, InvalidInput
from worker.datasets.formats.found import Found, Labels, Options, Part, Pixels, numbered
from worker.datasets.formats.pictures import Survey
from worker.datasets.sources import Report, preparing

TRAIN, TEST = re.compile("train"), re.compile("test")
VALIDATION = re.compile("val")
"""How names of files begin."""
ROWS = 64
"""Read at once."""


def find(path: Path, options: Options, report: Report) -> Found:
    """The dataset in a file, or in a folder's files train-*.parquet and test-*.parquet."""
    import pyarrow as pa

    try:
        return _find(path, options, report)
    except pa.ArrowException as error:
        raise DataCorrupt(f"{path} cannot be read as Parquet ({error})") from error


def _find(path: Path, options: Options, report: Report) -> Found:
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    train = [f for f in files if TRAIN.match(f.name)]
    test = [f for f in files if TEST.match(f.name)] or [
        f for f in files if VALIDATION.match(f.name)
    ]
    if not train:
        if test and path.is_dir():
            raise InvalidInput(f"{path} has no train*.parquet")
        train, test = files, []
    unused = [f.name for f in files if f not in (*train, *test)]
    image, label, names = _columns(train[0], options.label_column)
    labels = [_labels(part, label) for part in (train, test)]
    if names is None and isinstance(labels[0], list):
        names = sorted(set(labels[0]))
    class_names, numbers = _numbers(names, labels, label)
    survey, total = Survey(options.size), sum(map(len, labels))
    looked = 0
    for file in (*train, *test):
        for data, name in _encoded(file, image):
            report(preparing(f"looking at {total:,} images", looked / max(total, 1)))
            survey.look(io.BytesIO(data), name)
            looked += 1
    if not looked:
        raise InvalidInput(f"{path} has no rows")
    return Found(
        train=_part(train, image, numbers[0], survey),
        test=_part(test, image, numbers[1], survey) if test else None,
        class_names=class_names,
        shape=survey.shape,
        notes=[f"files that are no part of it: {', '.join(unused)}"] if unused else [],
    )


def _part(files: Sequence[Path], image: str, labels: Labels, survey: Survey) -> Part:
    def images() -> Iterator[Pixels]:
        for file in files:
            for data, name in _encoded(file, image):
                yield survey.decode(io.BytesIO(data), name)

    return Part(labels=labels, images=images)


def _columns(file: Path, wanted: str | None) -> tuple[str, str, list[str] | None]:
    """Names of the columns of images and of labels, and of the classes where the file has them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(file)
    features = _features(schema.metadata)
    images = [
        field.name
        for field in schema
        if (pa.types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0)
        or pa.types.is_binary(field.type)
        or pa.types.is_large_binary(field.type)
    ]
    image = _only(images, ("image", "img"), f"{file}: column of images", schema.names, "")
    classes = [name for name, feature in features.items() if feature.get("_type") == "ClassLabel"]
    plain = [
        field.name
        for field in schema
        if pa.types.is_integer(field.type)
        or pa.types.is_string(field.type)
        or pa.types.is_large_string(field.type)
        or pa.types.is_dictionary(field.type)
    ]
    if wanted is not None and wanted not in plain:
        raise InvalidInput(
            f"{file} has no column {wanted} of labels: use one of {', '.join(plain)}"
        )
    choices = [wanted] if wanted else [n for n in classes if n in plain] or plain
    remedy = ": name it by --label-column"
    label = _only(choices, ("label", "labels"), f"{file}: column of labels", schema.names, remedy)
    names = features.get(label, {}).get("names") if label in classes else None
    return image, label, [str(name) for name in names] if names else None


def _features(metadata: dict[bytes, bytes] | None) -> dict[str, dict[str, Any]]:
    """What the `datasets` library tells of the columns; nothing where it did not write the file."""
    try:
        told = json.loads((metadata or {}).get(b"huggingface", b"{}"))
        features = told.get("info", {}).get("features", {})
        return {name: dict(feature) for name, feature in features.items()}
    except (ValueError, AttributeError, TypeError):
        return {}


def _only(
    names: Sequence[str], usual: Sequence[str], what: str, there: Sequence[str], remedy: str
) -> str:
    """The only name, or else the one that is usual."""
    chosen = names if len(names) == 1 else [name for name in usual if name in names][:1]
    if not chosen:
        raise InvalidInput(
            f"{what}: {'several are possible' if names else 'there is none'} among "
            f"{', '.join(there)}{remedy if names else ''}"
        )
    return chosen[0]


def _labels(files: Sequence[Path], column: str) -> list[Any]:
    import pyarrow.parquet as pq

    found: list[Any] = []
    for file in files:
        if column not in pq.read_schema(file).names:
            raise InvalidInput(f"{file} has no column {column}")
        values = pq.read_table(file, columns=[column]).column(0)
        if values.null_count:
            raise InvalidInput(f"{file} has {values.null_count:,} rows without a {column}")
        found += values.to_pylist()
    return found


def _numbers(
    names: list[str] | None, labels: Sequence[list[Any]], column: str
) -> tuple[list[str], list[Labels]]:
    """Names of the classes, and the labels as their numbers."""
    if labels[0] and isinstance(labels[0][0], str):
        found = names or sorted(set(labels[0]))
        number = {name: i for i, name in enumerate(found)}
        for part in labels:
            if unknown := set(part) - set(number):
                raise InvalidInput(f"{column} {min(unknown)} is no class of the training set")
        return found, [np.array([number[t] for t in part], np.int64) for part in labels]
    numbers = [np.array(part, np.int64) for part in labels]
    return names or numbered(numbers[0]), numbers


def _encoded(file: Path, column: str) -> Iterator[tuple[bytes, str]]:
    """Each row's image file, and what to call it."""
    import pyarrow.parquet as pq

    row = 0
    for batch in pq.ParquetFile(file).iter_batches(ROWS, columns=[column]):
        for value in batch.column(0):
            found = value.as_py()
            data = found.get("bytes") if isinstance(found, dict) else found
            name = f"{file}, row {row}"
            if not data:
                raise InvalidInput(f"{name} holds no image, or its path alone")
            yield data, name
            row += 1
