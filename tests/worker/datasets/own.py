"""Small datasets on disk, as researchers have them."""

import io
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def pixels(n: int, *shape: int, seed: int = 0) -> Any:
    """Images of noise, uint8 (n, *shape)."""
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)


def save(path: Path, image: Any, **options: Any) -> Path:
    """An array as an image file, its format by its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(path, **options)
    return path


def folder(
    root: Path,
    classes: Sequence[str] = ("cat", "dog"),
    each: int = 20,
    shape: tuple[int, ...] = (12, 12, 3),
    seed: int = 0,
) -> Path:
    """PNGs of noise in a folder for each class."""
    for i, name in enumerate(classes):
        for j, image in enumerate(pixels(each, *shape, seed=1000 * seed + i)):
            save(root / name / f"{j:03}.png", image)
    return root


def png(image: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def deep_png(path: Path, side: int = 12) -> Path:
    """A colour PNG of 16 bits a channel, which Pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", side, side, 16, 2, 0, 0, 0)
    rows = zlib.compress(side * (b"\0" + side * 6 * b"\x12"))
    signature = b"\x89PNG\r\n\x1a\n"
    path.write_bytes(
        signature + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    return path


def parquet(
    path: Path,
    images: Any,
    labels: Mapping[str, Sequence[Any]],
    names: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """A file as Hugging Face's `datasets` writes it: columns and metadata alike."""
    encoded = [{"bytes": png(image), "path": f"{i}.png"} for i, image in enumerate(images)]
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    table = pa.table({"img": pa.array(encoded, kind), **labels})
    if names is not None:
        features: dict[str, Any] = {"img": {"_type": "Image"}}
        features |= {n: {"names": list(v), "_type": "ClassLabel"} for n, v in names.items()}
        told = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": told})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path
