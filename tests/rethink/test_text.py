"""Numbers in the terminal."""

import pytest

from rethink import table
from rethink.text import loss
from tests.core.hand_made import metrics


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0.0000"),
        (2.302585, "2.3026"),
        (123.456, "123.5"),
        (0.00012345, "1.234e-04"),
        (5.1234e31, "5.123e+31"),
        (float("inf"), "inf"),
    ],
)
def test_a_loss_has_four_figures(value: float, said: str) -> None:
    assert loss(value) == said


def test_the_columns_of_a_curve_stay_in_line() -> None:
    rows = [table.row(metrics(1, value)) for value in (2.3, 1234.5, 5.1e31, 1e-7)]
    assert {len(row) for row in rows} == {len(table.HEADER)}
