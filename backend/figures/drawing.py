"""Series of a panel on matplotlib's axes: curves, points with their spread, marks, references."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from backend.figures.style import MAX_POINTS, PAPER_GREY, Style, style_of
from core.paper.panel import Flag, Panel, Series
from core.paper.panels.spread import kept

COLUMNS = ("x", "y", "low", "high", "sd", "spread_at", "n", "censored", "flag")
"""Columns of a series, a value a point."""
BY_MEASURE: dict[str, Any] = {
    "clean_accuracy": {"linestyle": "-", "marker": "o"},
    "corrupted_accuracy": {"linestyle": "--", "marker": "s"},
    "corrupted_true_accuracy": {"linestyle": ":", "marker": "^"},
    "test_error": {"linestyle": ":"},
}
"""How the curves of a network are told apart that are of one colour."""
DUPLICATE: Any = {
    "linestyle": "none",
    "marker": "o",
    "markerfacecolor": "none",
    "markeredgecolor": PAPER_GREY,
    "markeredgewidth": 0.7,
}
"""A ring around the published point."""
Named = list[tuple[Line2D, str]]
"""Lines and what the legend calls them. matplotlib's own would leave out a name that begins with
an underscore."""


def draw(axes: Axes, series: Series, style: Style, panel: Panel) -> Named:
    """A curve with its spread as a band, or points with bars and marks, by the panel."""
    points = panel.kind == "points"
    two = panel.two_sets
    training = two and series.measure.startswith("train_")
    faint = series.kind == "seed"
    look = {
        "linestyle": ("--" if training else "-") if two else style.line,
        "marker": style.marker,
    } | BY_MEASURE.get(series.measure, {})
    lines = axes.plot(
        series.x,
        series.y,
        **look,
        color=style.print_color,
        linewidth=0.5 if faint else 0.8 if training else 1.2,
        alpha=0.5 if faint else 1,
        markevery=1 if points else max(len(series.x) // 8, 1),
        markersize=0 if faint else 3.2,
    )
    if points:
        _spread_bars(axes, series, style)
        _marks(axes, series, style)
    elif series.spread != "none":
        low = [y if v is None else v for v, y in zip(series.low, series.y, strict=True)]
        high = [y if v is None else v for v, y in zip(series.high, series.y, strict=True)]
        axes.fill_between(series.x, low, high, color=style.print_color, alpha=0.18, linewidth=0)
    label = None if faint else _label(series, panel, training=training)
    return [] if label is None else [(lines[0], label)]


def reduced(series: Series, panel: Panel) -> Series:
    """At most `MAX_POINTS` of its points, extremes among them."""
    chosen = kept(series.x, series.y, MAX_POINTS, log=panel.x_axis.log)
    if len(chosen) == len(series.y):
        return series
    columns = {name: getattr(series, name) for name in COLUMNS}
    return series.model_copy(
        update={name: [column[i] for i in chosen] for name, column in columns.items() if column}
    )


def shade_early_stopping(axes: Axes, best: Series, style: Style, panel: Panel) -> None:
    """What stopping at the best test accuracy so far would have gained, as the paper shades it."""
    axes.plot(best.x, best.y, color=style.print_color, linewidth=0.5, linestyle=":")
    for series in panel.series:
        same = (series.key, series.kind, series.x) == (best.key, "mean", best.x)
        if same and series.measure == best.measure:
            axes.fill_between(
                best.x, series.y, best.y, color=style.print_color, alpha=0.3, linewidth=0
            )


def _spread_bars(axes: Axes, series: Series, style: Style) -> None:
    chosen = [i for i, low in enumerate(series.low) if low is not None]
    if chosen:
        axes.errorbar(
            [series.x[i] for i in chosen],
            [series.y[i] for i in chosen],
            yerr=[
                [series.y[i] - (series.low[i] or 0) for i in chosen],
                [(series.high[i] or series.y[i]) - series.y[i] for i in chosen],  # none: a bound
            ],
            fmt="none",
            ecolor=style.print_color,
            elinewidth=0.6,
            capsize=1.5,
        )


def _marks(axes: Axes, series: Series, style: Style) -> None:
    """An arrow upwards from lower bounds, a cross over runs that did not fit."""
    for x, y, flag in zip(series.x, series.y, series.flag, strict=True):
        if flag is Flag.LOWER_BOUND:
            arrow = {"arrowstyle": "<-", "color": style.print_color, "linewidth": 0.9}
            axes.annotate(
                "",
                (x, y),
                xytext=(0, 11),
                textcoords="offset points",
                arrowprops=arrow,
            )
            axes.margins(y=0.15)
        elif flag is Flag.NOT_FITTED:
            axes.plot(x, y, linestyle="none", marker="x", markersize=7, color=style.print_color)
        elif flag is Flag.EXPECTED:
            mark: Any = {"marker": style.marker, "markerfacecolor": "white", "markersize": 3.2}
            axes.plot(x, y, linestyle="none", color=style.print_color, **mark, zorder=3)


def draw_reference(axes: Axes, series: Series, panel: Panel) -> Named:
    """Published values in grey, those published twice ringed."""
    style = style_of(series)
    few = len(series.x) <= 12
    lines = axes.plot(
        series.x,
        series.y,
        color=PAPER_GREY,
        linestyle=(0, (1, 1.5) if Flag.DERIVED in series.flag else (3, 1.5)),
        linewidth=0.7,
        marker=style.marker,
        markerfacecolor="white",
        markeredgewidth=0.5,
        markersize=2.8,
        markevery=1 if few else max(len(series.x) // 8, 1),
        zorder=1.5,
    )
    for x, y, flag in zip(series.x, series.y, series.flag, strict=True):
        if flag is Flag.DUPLICATE:
            axes.plot(x, y, **DUPLICATE, markersize=5, zorder=1.6)
    return [(lines[0], series.label)] if panel.comparable or few else []


def _label(series: Series, panel: Panel, *, training: bool) -> str | None:
    """The label, with the number of seeds where the series differ in it.

    A condition whose curves share a label is named once, at its test curve.
    """
    if training and any(s.label == series.label and s is not series for s in panel.series):
        return None
    return series.label if len(seeds_of(panel)) < 2 else f"{series.label} ({_n(series)})"


def seeds_of(panel: Panel) -> set[str]:
    """How many seeds the means are of, and what the spread is: one text if all are alike."""
    return {_n(series) for series in panel.series if series.kind == "mean" and series.n}


def _n(series: Series) -> str:
    words = {"range": "min–max", "sd": "±s.d.", "ci95": "95 % interval"}.get(series.spread)
    least, most = min(series.n), max(series.n)
    n = f"n = {most}" if least == most else f"n = {least}–{most}"
    return ", ".join([n, *([words] if words else [])])
