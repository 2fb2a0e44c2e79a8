"""Published datasets that torchvision fetches, checks and reads: torchvision:NAME or
torchvision:NAME:FOLDER, the folder being one that torchvision's files are in already.
"""

import importlib.util
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from core.run.errors import DataCorrupt, DataUnavailable, InvalidInput
from worker.datasets.formats.found import Found, Part, Pixels
from worker.datasets.sources import Report, preparing

PREFIX = "torchvision:"
KNOWN = {"CIFAR100": "CIFAR-100", "SVHN": "SVHN", "MNIST": "MNIST", "FashionMNIST": "Fashion-MNIST"}
"""Names in torchvision, and titles."""
STALL_SECONDS = 30.0
AT_ONCE = 1000


def find(source: str, work: Path, report: Report) -> Found:
    asked, _, folder = source.partition(":")
    name = next((name for name in KNOWN if name.lower() == asked.lower()), None)
    if name is None:
        raise InvalidInput(f"torchvision:{asked} is not allowed: use one of {', '.join(KNOWN)}")
    if name == "SVHN" and importlib.util.find_spec("scipy") is None:
        raise InvalidInput("SVHN comes as MATLAB files, which need SciPy: pip install scipy")
    place = Path(folder).expanduser().absolute() if folder else work
    report(preparing(f"{'reading' if folder else 'fetching'} {KNOWN[name]}"))
    train, test = (_opened(name, place, part, fetch=not folder) for part in ("train", "test"))
    images = [_images(each) for each in (train, test)]
    named = getattr(train, "classes", None)
    return Found(
        train=_part(train, images[0]),
        test=_part(test, images[1]),
        class_names=[str(n) for n in named or range(10)],
        shape=images[0].shape[1:],
        title=KNOWN[name],
    )


def _opened(name: str, folder: Path, part: str, *, fetch: bool) -> Any:
    from torchvision import datasets

    which = {"split": part} if name == "SVHN" else {"train": part == "train"}
    waits = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)  # torchvision sets none, and would wait for ever
    try:
        return getattr(datasets, name)(str(folder), download=fetch, **which)
    except (RuntimeError, OSError) as error:  # URLError is an OSError
        if not fetch:
            raise DataCorrupt(
                f"{folder} does not hold {KNOWN[name]} as torchvision keeps it ({error})"
            ) from error
        raise DataUnavailable(
            f"{KNOWN[name]} could not be fetched ({error}): connect to the network, or name a "
            f"folder with torchvision's files as {PREFIX}{name}:FOLDER"
        ) from error
    finally:
        socket.setdefaulttimeout(waits)


def _images(dataset: Any) -> Pixels:
    """(n, height, width, channels)"""
    pixels = np.asarray(dataset.data, np.uint8)
    if pixels.ndim == 3:
        return pixels[..., None]
    return pixels.transpose(0, 2, 3, 1) if pixels.shape[1] == 3 else pixels


def _part(dataset: Any, pixels: Pixels) -> Part:
    labels = dataset.labels if hasattr(dataset, "labels") else dataset.targets

    def images() -> Iterator[Pixels]:
        return (pixels[start : start + AT_ONCE] for start in range(0, len(pixels), AT_ONCE))

    return Part(labels=np.asarray(labels, np.int64), images=images)
