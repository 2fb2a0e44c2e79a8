"""Image files as arrays: what is accepted, and what is made of it."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from core.run.errors import DataCorrupt, InvalidInput, RethinkError
from worker.datasets.formats.found import Pixels

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = frozenset(
    [
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".bmp",
        ".gif",
        ".tif",
        ".tiff",
        ".webp",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
    ]
)
MAX_PIXELS = 64_000_000
"""Of one image: a small file can be packed to expand beyond any memory."""
ORIENTATION = 0x0112
SIDEWAYS = (5, 6, 7, 8)
"""Values of EXIF's orientation by which width and height change places."""
GREY = ("1", "L", "LA", "La")


class Survey:
    """Looks at every image's header, and settles what shape all of them get."""

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._first: tuple[tuple[int, int], str] | None = None
        self._colour: set[bool] = set()

    def look(self, file: Path | BinaryIO, name: str) -> None:
        """
        Raises:
            InvalidInput: it cannot be used, or has another size than those before.
            DataCorrupt: it is damaged.
        """
        with _opened(file, name) as picture:
            width, height = picture.size
            if picture.getexif().get(ORIENTATION) in SIDEWAYS:
                width, height = height, width
            self._colour.add(picture.mode not in GREY)
        if self._first is None:
            self._first = (height, width), name
        size, first = self._first
        if self._size is None and (height, width) != size:
            raise InvalidInput(
                f"{first} has {size[0]}×{size[1]} pixels and {name} {height}×{width}: make all "
                "images of one size, or give --size 32 to have each cropped to its middle square "
                "and resized to 32×32"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels: one only if no image is in colour."""
        assert self._first is not None
        height, width = (self._size, self._size) if self._size else self._first[0]
        return height, width, 3 if True in self._colour else 1

    def decode(self, file: Path | BinaryIO, name: str) -> Pixels:
        """(1, height, width, channels). Raises DataCorrupt where the image is damaged."""
        from PIL import Image, ImageOps

        with _opened(file, name) as picture:
            upright = ImageOps.exif_transpose(picture)
            if upright.has_transparency_data:
                black = Image.new("RGBA", upright.size, (0, 0, 0, 255))
                upright = Image.alpha_composite(black, upright.convert("RGBA"))
            upright = upright.convert("RGB" if self.shape[2] == 3 else "L")
            if self._size:
                square = (self._size, self._size)
                upright = ImageOps.fit(upright, square, Image.Resampling.BILINEAR)
            return np.asarray(upright, np.uint8).reshape(1, *self.shape)


@contextmanager
def _opened(file: Path | BinaryIO, name: str) -> "Iterator[Image.Image]":
    """The picture, not decoded yet; whatever goes wrong with it, also later, names it."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd EXIF, and of sizes that are refused below
            with Image.open(file, formats=FORMATS) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise InvalidInput(_too_large(name))
                if _deep(picture):
                    raise InvalidInput(
                        f"{name} has more than 8 bits a channel: convert such images to 8 bits"
                    )
                yield picture
    except Image.DecompressionBombError as error:
        raise InvalidInput(_too_large(name)) from error
    except (RethinkError, MemoryError):
        raise
    except Exception as error:  # a damaged file can fail in any way
        raise DataCorrupt(
            f"{name} is damaged or no image ({error}): replace or remove it"
        ) from error


def _too_large(name: str) -> str:
    return f"{name} has more than {MAX_PIXELS / 1e6:.0f} million pixels: remove or shrink it"


def _deep(picture: "Image.Image") -> bool:
    """Whether decoding would lose bits, which Pillow does without a word for RGB."""
    coded = " ".join(str(tile[3]) for tile in getattr(picture, "tile", []))
    return bool(re.match(r"[IF]", picture.mode) or re.search(r";(16|32)", coded))
