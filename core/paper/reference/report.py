"""The numbers of the report: a student reproduction of the paper (EPFL EE-411, February 2024)."""

from core.paper.reference.paper import ReferencePoint, ReferenceSeries

CITATION = "Reproduction report, EPFL EE-411, 2024"
BATCH_SIZE = 60
"""For all models, as the report inferred it."""

FIGURE_2A: tuple[ReferenceSeries, ...] = (
    ReferenceSeries("none", "test_accuracy", (ReferencePoint(50, 0.872),)),
    ReferenceSeries("weight_decay", "test_accuracy", (ReferencePoint(50, 0.889),)),
)
"""Test accuracy after 50 epochs; x in epochs."""

BATCH_NORM_GAPS = {"without_bn": 0.015, "bn_down": 0.02}
"""Test accuracy that batch normalisation everywhere adds, over none and over the third model."""

EXECUTION_SECONDS = {"1a": 6000, "1b": 18000, "1c": 18000, "2a": 18000, "2b": 10800}
"""Time each figure took; 1b and 1c were one study of five hours."""
