"""Colours and marks, fixed per meaning: Okabe and Ito's palette, which colour-blind readers can
tell apart, with dashes and markers so that a grey print can be read too."""

from dataclasses import dataclass

from core.domain.panel import Panel

PAPER_GREY = "#767676"


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


SOLID: tuple[str, str] = ("solid", "-")
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"


def _style(place: int, color: str, print_color: str = "") -> Style:
    dash, line, symbol, marker = MARKS[place % len(MARKS)]
    return Style(color, print_color or color, dash, line, symbol, marker)


MARKS: tuple[tuple[str, str | tuple[int, tuple[float, ...]], str, str], ...] = (
    ("solid", "-", "circle", "o"),
    ("dash", (0, (5, 2)), "square", "s"),
    ("dashdot", (0, (5, 1.5, 1, 1.5)), "triangle-up", "^"),
    ("dot", (0, (1, 1.2)), "diamond", "D"),
    ("longdash", (0, (8, 2)), "triangle-down", "v"),
)

DARK_ORANGE = "#A66F00"
DARK_SKY = "#2A7FB0"
ORDER = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)

STYLES: dict[str, Style] = {
    "true_labels": _style(0, BLUE),
    "random_labels": _style(1, VERMILLION),
    "shuffled_pixels": _style(2, GREEN),
    "random_pixels": _style(3, PURPLE),
    "gaussian": _style(4, ORANGE, DARK_ORANGE),
    "inception": _style(0, BLUE),
    "alexnet": _style(1, VERMILLION),
    "mlp-1x512": _style(2, GREEN),
    "mlp-3x512": _style(3, PURPLE),
    "none": _style(0, BLUE),
    "weight_decay": _style(4, ORANGE, DARK_ORANGE),
    "all": _style(2, GREEN),
    "with_bn": _style(0, BLUE),
    "without_bn": _style(1, VERMILLION),
    "with_bn_same_setting": _style(3, SKY, DARK_SKY),
    "bn_down": _style(2, GREEN),
    "train_accuracy": _style(1, VERMILLION),
    "test_accuracy": _style(0, BLUE),
}


def style_of(panel: Panel, key: str, place: int = 0) -> Style:
    """The style of a meaning; by its place in the figure where it has none of its own."""
    known = None if panel.is_named else STYLES.get(key)
    return known or _style(place, ORDER[place % len(ORDER)])
