"""A panel as a picture for a paper: SVG, PDF or PNG by matplotlib, at a column's width.

Notable choices:
- `Figure` objects and no pyplot: nothing global is drawn on. The style is matplotlib's one global,
  so that pictures are drawn one at a time.
- Fonts are embedded: Type 42 in PDF, outlines in SVG. No date is written, so that the same panel is
  the same file.
- Long curves are reduced as on the page, so that a vector picture stays small.
- What must not be overlooked (reduced scale, runs that are missing or censored) is on the picture.
"""

import io
import textwrap
import threading
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis as DrawnAxis
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.ticker import LogFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation

from backend.figures import fonts
from backend.figures.drawing import (
    DUPLICATE,
    Named,
    draw,
    draw_reference,
    reduced,
    seeds_of,
    shade_early_stopping,
)
from backend.figures.style import style_of
from core.paper.panel import Axis, Flag, Panel, TableRow

COLUMN = 3.5
"""Inches: the width of a column in a two-column paper."""
WIDE = 5.5
"""Inches: the width of the text in a one-column paper."""
DPI = 300
NAMED_AT_MOST = 24
"""Curves in the legend: a picture of more says how many it does not name."""

STYLE: Any = {
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "rethink",
    "text.parse_math": False,  # names are drawn as they were given, and may hold $, ^ and _
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "legend.fontsize": 5.6,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.linewidth": 0.3,
    "grid.color": "#dddddd",
    "legend.frameon": False,
}
METADATA = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}

ONE_AT_A_TIME = threading.Lock()


def render(panel: Panel, format: str) -> bytes:
    """The picture as a file of that format: svg, pdf or png."""
    file = io.BytesIO()
    with ONE_AT_A_TIME:
        shown, families = fonts.drawable(panel)
        with mpl.rc_context(STYLE | {"font.family": families}):
            figure(shown).savefig(file, format=format, dpi=DPI, metadata=METADATA[format])
    return file.getvalue()


def figure(panel: Panel) -> Figure:
    """The picture, not laid out yet."""
    return _table(panel) if panel.kind == "rows" else _plot(panel)


def _plot(panel: Panel) -> Figure:
    many = len(panel.series) > 6 or len(panel.references) > 5
    conditions = {series.key for series in panel.series}
    height = 3.0 + 0.06 * min(max(len(conditions), 6), NAMED_AT_MOST)  # for the legend under it
    figure = Figure(figsize=(WIDE, height) if many else (COLUMN, 2.75), layout="constrained")
    axes = figure.add_subplot()
    named: Named = []
    for series in panel.series:
        style = style_of(series)
        if series.kind == "running best":
            shade_early_stopping(axes, series, style, panel)
        elif series.x:
            named += draw(axes, reduced(series, panel), style, panel)
    for series in panel.references:
        named += draw_reference(axes, reduced(series, panel), panel)
    axes.set_xlabel(panel.x_axis.label)
    axes.set_ylabel(panel.y_axis.label)
    axes.set_title(_wrapped(panel.title, many))
    if panel.x_axis.log:
        axes.set_xscale("log", nonpositive="mask")
    if panel.y_axis.log:
        axes.set_yscale("log", nonpositive="mask")
    _ticks(axes.xaxis, panel.x_axis)
    _ticks(axes.yaxis, panel.y_axis)
    _legend(figure, axes, panel, named)
    _footnote(figure, panel, many)
    return figure


def _ticks(drawn: DrawnAxis, axis: Axis) -> None:
    """Whole numbers for what is counted; on a logarithmic axis without formulas."""
    if axis.log:
        drawn.set_major_formatter(Powers(whole=axis.counts))
        drawn.set_minor_formatter(Powers(whole=axis.counts, labelOnlyBase=False))
    elif axis.counts:
        drawn.set_major_locator(MaxNLocator("auto", integer=True, min_n_ticks=1))


SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Powers(LogFormatter):
    """Labels as 0.01, 100 or 2×10⁻⁵, for the ticks that matplotlib would label."""

    def __init__(self, *, whole: bool, **options: Any) -> None:
        super().__init__(**options)
        self._whole = whole

    def __call__(self, x: float, pos: int | None = None) -> str:
        if not super().__call__(x, pos) or (self._whole and x < 1):
            return ""
        if 1e-3 <= x < 1e4:
            return f"{x:g}"
        digits, power = f"{x:.0e}".split("e")
        raised = f"10{str(int(power)).translate(SUPERSCRIPTS)}"
        return raised if digits == "1" else f"{digits}×{raised}"


ARROW = Path([(0, -1), (0, 1), (-0.5, 0.4), (0, 1), (0.5, 0.4)], [1, 2, 1, 2, 2])
MEANINGS: dict[Flag, tuple[str, Any]] = {
    Flag.LOWER_BOUND: (
        "lower bound: did not fit within its limit",
        {"linestyle": "none", "marker": ARROW, "color": "#444444", "markersize": 6},
    ),
    Flag.NOT_FITTED: (
        "its run did not fit the training set",
        {"linestyle": "none", "marker": "x", "color": "#444444", "markersize": 5},
    ),
    Flag.EXPECTED: (
        "expected from the error against true labels",
        {"linestyle": "none", "marker": "o", "markerfacecolor": "white", "color": "#444444"},
    ),
    Flag.DUPLICATE: ("published twice: see below", DUPLICATE | {"markersize": 5}),
}
"""Marks that are more than a value, as the legend has them."""


def _marked(panel: Panel) -> set[Flag]:
    return {flag for series in (*panel.series, *panel.references) for flag in series.flag}


UNDER = 0.3
"""Inches from the axis to the legend: room for its numbers and its title, however high it is."""


def _legend(figure: Figure, axes: Axes, panel: Panel, named: Named) -> None:
    for flag in sorted(_marked(panel) & MEANINGS.keys()):
        words, mark = MEANINGS[flag]
        named.append((axes.plot([], [], **mark)[0], words))
    if named:
        handles, labels = [line for line, _ in named], [_broken(label) for _, label in named]
        columns = 2 if len(labels) > 4 else 1
        if (unnamed := len(labels) - NAMED_AT_MOST) > 0:
            handles[NAMED_AT_MOST:] = axes.plot([], [], linestyle="none")
            labels[NAMED_AT_MOST:] = [f"and {unnamed} more"]
        axes.legend(
            handles,
            labels,
            ncols=columns,
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            bbox_transform=axes.transAxes + ScaledTranslation(0, -UNDER, figure.dpi_scale_trans),
        )
    if not any(series.x for series in panel.series):
        axes.text(0.5, 0.5, panel.status_text, transform=axes.transAxes, ha="center")


LONG = 48
"""Letters of a name to a line of the legend."""


def _broken(label: str) -> str:
    """A long name on several lines, its spaces as they are."""
    options: Any = {"replace_whitespace": False, "drop_whitespace": False}
    return "\n".join(textwrap.wrap(label, LONG, **options)) or label


def _footnote(figure: Figure, panel: Panel, wide: bool) -> None:
    """Under the picture: what a reader of the paper must not overlook."""
    parts = [f"{panel.scale} scale, variant {panel.variant}, {panel.status_text}."]
    if not panel.comparable:
        parts.append("Not comparable with the paper's numbers.")
    if panel.references and panel.kind != "rows":
        parts.append("Grey: published values.")
    if Flag.DUPLICATE in _marked(panel):
        parts.append(
            "Ringed: equal to its neighbour to full precision in the publication, probably a copy."
        )
    if panel.two_sets and panel.series[0].label == panel.series[1].label:
        parts.append("Dashed: training set. Solid: test set.")
    if len(seeds := seeds_of(panel)) == 1:
        parts.append(f"Seeds: {seeds.pop()}.")
    parts += panel.notes
    noted = (s for s in panel.series if s.note and s.kind == "mean" and s.state != "missing")
    parts += dict.fromkeys(f"{s.label}: {s.note}." for s in noted)
    unbroken = " ".join(parts).replace("n = ", "n\u00a0=\u00a0")
    text = textwrap.fill(unbroken, 145 if wide else 92)
    figure.supxlabel(text, fontsize=5, color="#444444", x=0.02, ha="left")


def _wrapped(title: str, wide: bool) -> str:
    return textwrap.fill(title, 90 if wide else 56)


# ------------------------------------------------------------------------------------ Table 1

HEADINGS = ("model", "crop", "decay", "labels", "train", "test", "paper train", "paper test", "n")
WIDTHS = (0.285, 0.05, 0.06, 0.075, 0.165, 0.145, 0.095, 0.095, 0.03)


def _table(panel: Panel) -> Figure:
    figure = Figure(figsize=(WIDE, 0.19 * (len(panel.table) + 4)), layout="constrained")
    axes = figure.add_subplot()
    axes.axis("off")
    axes.set_title(panel.title)
    table = axes.table(
        cellText=[_cells(row) for row in panel.table],
        colLabels=HEADINGS,
        colWidths=WIDTHS,
        cellLoc="right",
        colLoc="right",
        loc="center",
        edges="horizontal",
    )
    table.auto_set_font_size(False)
    table.set_fontsize(6)
    for (_, column), cell in table.get_celld().items():
        cell.set_linewidth(0.3)
        if column == 0:
            cell.set_text_props(ha="left")
    _footnote(figure, panel, wide=True)
    return figure


def _cells(row: TableRow) -> Sequence[str]:
    def percent(value: float | None) -> str:
        return "–" if value is None else f"{100 * value:.2f}"

    def spread(value: float | None, low: float | None, high: float | None) -> str:
        if value is None or low is None or high is None:
            return percent(value)
        ends = f"{100 * low:.1f}", f"{100 * high:.1f}"
        return f"{100 * value:.1f}" + (f" ({'–'.join(ends)})" if ends[0] != ends[1] else "")

    return (
        row.model,
        row.crop,
        row.weight_decay,
        row.labels,
        spread(row.train_accuracy, row.train_low, row.train_high),
        spread(row.test_accuracy, row.test_low, row.test_high),
        percent(row.paper_train_accuracy),
        percent(row.paper_test_accuracy),
        str(row.n),
    )
