"""A labelled image dataset in memory."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.catalogue import Dataset


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageDataset:
    """Whole dataset as arrays, read-only and usually memory-mapped.

    Images are uint8 of shape (n, height, width, channels); labels are uint8 of shape (n,).
    """

    info: Dataset
    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.uint8]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.uint8]
    fingerprint: str
    """SHA-256 of the four arrays' bytes, in hex: kept with every run trained on them."""
    provenance: dict[str, Any]
    """Where the data came from and when."""
