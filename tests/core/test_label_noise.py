"""Test errors against true labels and against corrupted ones, each from the other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.paper.label_noise import noisy_error, true_error
from core.paper.reference import paper


@given(st.floats(0, 1), st.floats(0, 0.99), st.integers(2, 100))
def test_one_is_the_inverse_of_the_other(error: float, p: float, classes: int) -> None:
    assert true_error(noisy_error(error, p, classes), p, classes) == pytest.approx(error, abs=1e-9)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_it_is_what_corrupting_labels_at_random_gives(p: float) -> None:
    draws = np.random.default_rng(0)
    n = 400_000
    labels = draws.integers(0, 10, n)
    predictions = np.where(draws.random(n) < 0.6, labels, (labels + 1) % 10)
    noisy = np.where(draws.random(n) < p, draws.integers(0, 10, n), labels)
    found = (predictions != noisy).mean()
    assert found == pytest.approx(noisy_error((predictions != labels).mean(), p, 10), abs=0.004)


def test_the_paper_s_inception_points_computed_back_are_those_of_true_test_labels() -> None:
    """A public reproduction that keeps true test labels has the second row, digitised."""
    (inception,) = (s for s in paper.true_test_errors() if s.key == "inception")
    derived = [round(point.y, 3) for point in inception.points[1:9]]
    assert derived == [0.209, 0.283, 0.363, 0.448, 0.519, 0.612, 0.702, 0.793]
    elsewhere = [0.21, 0.29, 0.37, 0.45, 0.55, 0.63, 0.71, 0.79]
    assert derived == pytest.approx(elsewhere, abs=0.035)
