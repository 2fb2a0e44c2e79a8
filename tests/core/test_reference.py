"""The published numbers that ours are compared with."""

import pytest

from core.paper.reference import paper, report


@pytest.mark.parametrize(
    ("panel", "count"), [("1a", 5), ("1b", 3), ("1c", 3), ("2b", 4), ("2a", 0), ("table-1", 0)]
)
def test_each_panel_has_the_paper_s_series(panel: str, count: int) -> None:
    assert len(paper.figure(panel)) == count


@pytest.mark.parametrize(("key", "epoch"), [("true_labels", 10), ("random_labels", 36)])
def test_inception_passes_a_loss_of_005_where_the_paper_s_ratio_says(key: str, epoch: int) -> None:
    series = paper.series("1a", key)
    assert series is not None
    first = next(p for p in series.points if p.y < 0.05)
    assert first.x == epoch * paper.STEPS_PER_EPOCH


def test_points_of_1a_are_whole_epochs() -> None:
    for series in paper.figure("1a"):
        assert [p.x % paper.STEPS_PER_EPOCH for p in series.points] == [0] * 68


def test_the_published_duplicates_are_marked_and_nothing_else() -> None:
    marked = {
        (panel, series.key, point.x)
        for panel in ("1a", "1b", "1c", "2b")
        for series in paper.figure(panel)
        for point in series.points
        if point.duplicate
    }
    assert marked == {(panel, key, p) for panel in ("1b", "1c") for key, p in paper.DUPLICATES}
    for panel, key, p in marked:
        series = paper.series(panel, key)
        assert series is not None
        here, neighbour = series.at(p), series.at(round(p + 0.1, 1))
        assert here is not None
        assert neighbour is not None
        assert here.y == neighbour.y


def test_the_slowdown_of_figure_1b_is_the_paper_s() -> None:
    ends = {s.key: s.points[-1].y for s in paper.figure("1b")}
    assert ends == {"inception": 3.6, "alexnet": 1.5484, "mlp-1x512": 1.9643}


def test_table_1_has_every_row_and_fractions() -> None:
    assert len(paper.TABLE_1) == 19
    assert sum(row.random_labels for row in paper.TABLE_1) == 5
    assert all(0 <= row.test_accuracy <= row.train_accuracy <= 1 for row in paper.TABLE_1)
    plain = next(r for r in paper.TABLE_1 if r.model == "alexnet" and not r.crop)
    assert plain.weight_decay
    assert plain.test_accuracy == 0.7736


def test_the_report_s_numbers() -> None:
    assert [s.points[0].y for s in report.FIGURE_2A] == [0.872, 0.889]
    assert report.EXECUTION_SECONDS["1a"] == 100 * 60
