"""The paper's figures and Table 1 as numbers.

`zhang2017_figures.csv` holds every point of Figures 1a, 1b, 1c and 2b. They were read from the
vector paths of the figures in the paper's PDF, calibrated on the axes (about ±0.0005 in y), not
traced by hand. Steps are in thousands there, as on the paper's axis, and plain steps here.

The published points hold two exact duplicates that are probably copies: MLP 1×512 at p = .6
equals p = .7, and Inception at p = .9 equals p = 1, in 1b and in 1c.
"""

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

from core.paper.label_noise import true_error

POINTS = Path(__file__).with_name("zhang2017_figures.csv")
STEPS_PER_EPOCH = 391
"""⌈50,000 / 128⌉: the spacing of the points in Figures 1a and 2b."""
CITATION = "Zhang et al. 2017, read from the vector paths of the published figure"


@dataclass(frozen=True, slots=True)
class ReferencePoint:
    x: float
    """Corruption p, or steps."""
    y: float
    duplicate: bool = False
    """Equal to its neighbour to full precision in the published data: not to be compared with."""


@dataclass(frozen=True, slots=True)
class ReferenceSeries:
    key: str
    """The same key as the series of ours that it is to be compared with."""
    measure: str
    points: tuple[ReferencePoint, ...]

    def at(self, x: float) -> ReferencePoint | None:
        """The point at `x`, if there is one."""
        return next((p for p in self.points if abs(p.x - x) < 1e-9), None)


KEYS = {
    "true labels": ("true_labels", "train_loss"),
    "random labels": ("random_labels", "train_loss"),
    "shuffled pixels": ("shuffled_pixels", "train_loss"),
    "random pixels": ("random_pixels", "train_loss"),
    "gaussian": ("gaussian", "train_loss"),
    "Inception": ("inception", ""),
    "AlexNet": ("alexnet", ""),
    "MLP 1x512": ("mlp-1x512", ""),
    "train BN": ("with_bn", "train_accuracy"),
    "test BN": ("with_bn", "test_accuracy"),
    "train noBN": ("without_bn", "train_accuracy"),
    "test noBN": ("without_bn", "test_accuracy"),
}
"""Series of the file: the key of ours, and what it measures where the figure does not say."""

MEASURES = {"fig1b": "relative_time", "fig1c": "noisy_test_error"}
"""Figure 1c is taken to be of corrupted test labels: docs/reproduction.md has the evidence."""
DUPLICATES = frozenset({("mlp-1x512", 0.6), ("inception", 0.9)})


@functools.cache
def figure(panel: str) -> tuple[ReferenceSeries, ...]:
    """The paper's series of a panel: 1a, 1b, 1c or 2b; none for the others.

    The last points of 1a lie where the paper's axis cuts the line off; they are left out.
    """
    name = f"fig{panel}"
    found: dict[tuple[str, str], list[ReferencePoint]] = {}
    with POINTS.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["figure"] != name:
                continue
            key, measure = KEYS[row["series"]]
            measure = MEASURES.get(name, measure)
            x, y = float(row["x"]), float(row["y"])
            duplicate = name in MEASURES and (key, x) in DUPLICATES
            if name == "fig1a" and x > 68 * STEPS_PER_EPOCH / 1000 + 1e-6:
                continue
            if name not in MEASURES:
                x = round(1000 * x)
            found.setdefault((key, measure), []).append(ReferencePoint(x, y, duplicate))
    return tuple(ReferenceSeries(k, m, tuple(points)) for (k, m), points in found.items())


@functools.cache
def true_test_errors() -> tuple[ReferenceSeries, ...]:
    """Figure 1c as it would be with true test labels; at p = 1 nothing can be said."""
    return tuple(
        ReferenceSeries(
            published.key,
            "test_error",
            tuple(
                ReferencePoint(p.x, true_error(p.y, p.x, CLASSES), p.duplicate)
                for p in published.points
                if p.x < 1
            ),
        )
        for published in figure("1c")
    )


CLASSES = 10


def series(panel: str, key: str, measure: str | None = None) -> ReferenceSeries | None:
    """One of the paper's series, if it published it."""
    return next(
        (s for s in figure(panel) if s.key == key and measure in (None, s.measure)),
        None,
    )


@dataclass(frozen=True, slots=True)
class Table1Row:
    """A row of the paper's Table 1. Accuracies are fractions."""

    model: str
    batch_norm: bool
    crop: bool
    weight_decay: bool
    random_labels: bool
    train_accuracy: float
    test_accuracy: float


def _row(name: str, flags: str, train: float, test: float) -> Table1Row:
    return Table1Row(
        model=name.removesuffix("-without-bn"),
        batch_norm=not name.endswith("-without-bn"),
        crop="c" in flags,
        weight_decay="w" in flags,
        random_labels="r" in flags,
        train_accuracy=round(train / 100, 6),
        test_accuracy=round(test / 100, 6),
    )


TABLE_1: tuple[Table1Row, ...] = (
    _row("inception", "cw", 100.0, 89.05),
    _row("inception", "c", 100.0, 89.31),
    _row("inception", "w", 100.0, 86.03),
    _row("inception", "", 100.0, 85.75),
    _row("inception", "r", 100.0, 9.78),
    _row("inception-without-bn", "w", 100.0, 83.00),
    _row("inception-without-bn", "", 100.0, 82.00),
    _row("inception-without-bn", "r", 100.0, 10.12),
    _row("alexnet", "cw", 99.90, 81.22),
    _row("alexnet", "c", 99.82, 79.66),
    _row("alexnet", "w", 100.0, 77.36),
    _row("alexnet", "", 100.0, 76.07),
    _row("alexnet", "r", 99.82, 9.86),
    _row("mlp-3x512", "w", 100.0, 53.35),
    _row("mlp-3x512", "", 100.0, 52.39),
    _row("mlp-3x512", "r", 100.0, 10.48),
    _row("mlp-1x512", "w", 99.80, 50.39),
    _row("mlp-1x512", "", 100.0, 50.51),
    _row("mlp-1x512", "r", 99.34, 10.61),
)
"""Rows in the paper's order; r: random labels, c: random crop, w: weight decay."""
