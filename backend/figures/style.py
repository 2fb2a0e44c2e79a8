"""The palette: Okabe and Ito's colours, which colour-blind readers can tell apart, and a violet,
with dashes and marks so that a grey print can be read too. A series says its place in it."""

from dataclasses import dataclass

from core.paper.panel import Series

PAPER_GREY = "#767676"
MAX_POINTS = 500
"""Points of a curve that are drawn; of longer ones the extremes are kept."""


@dataclass(frozen=True, slots=True)
class Style:
    color: str
    print_color: str
    """Darker where the colour has too little contrast on white paper."""
    dash: str
    """As plotly names it."""
    line: str | tuple[int, tuple[float, ...]]
    """As matplotlib names it."""
    symbol: str
    marker: str


PALETTE = (
    Style("#0072B2", "#0072B2", "solid", "-", "circle", "o"),
    Style("#D55E00", "#D55E00", "dash", (0, (5, 2)), "square", "s"),
    Style("#009E73", "#009E73", "dashdot", (0, (5, 1.5, 1, 1.5)), "triangle-up", "^"),
    Style("#CC79A7", "#CC79A7", "dot", (0, (1, 1.2)), "diamond", "D"),
    Style("#E69F00", "#A66F00", "longdash", (0, (8, 2)), "triangle-down", "v"),
    Style("#56B4E9", "#2A7FB0", "dot", (0, (1, 1.2)), "diamond", "D"),
    Style("#7A4F9D", "#7A4F9D", "longdashdot", (0, (8, 2, 1, 2)), "circle", "o"),
)


def style_of(series: Series) -> Style:
    return PALETTE[series.color % len(PALETTE)]
