"""Letters of names that the pictures' font lacks: from other fonts of the system, or said to be
missing."""

import functools
import unicodedata

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

from core.paper.panel import Panel, Series

USUAL = "DejaVu Sans"
"""Comes with matplotlib, so that pictures look alike everywhere."""
BOX = "□"
PLAIN = ("Regular", "Book")


def drawable(panel: Panel) -> tuple[Panel, list[str]]:
    """The panel with names that can be drawn, and the families of fonts it takes, in order.

    Control characters become spaces. A letter that no font has becomes a box, and a note says so.
    """
    letters = {c for s in (*panel.series, *panel.references) for c in s.label}
    control = {c for c in letters if unicodedata.category(c) == "Cc"}
    usual = FT2Font(font_manager.findfont(USUAL))
    unusual = frozenset(c for c in letters - control if not usual.get_char_index(ord(c)))
    if not (control or unusual):
        return panel, [USUAL]
    families, lacking = _fallbacks(unusual)
    table = str.maketrans(dict.fromkeys(control, " ") | dict.fromkeys(lacking, BOX))

    def named(series: Series) -> Series:
        return series.model_copy(update={"label": series.label.translate(table)})

    notes = list(panel.notes)
    if lacking:
        notes.append(
            f"No font on the server has {len(lacking)} of the letters in names: a box stands for "
            "each. Install one that has them, such as Noto Sans CJK."
        )
    changed = {
        "series": [named(series) for series in panel.series],
        "references": [named(series) for series in panel.references],
        "notes": notes,
    }
    return panel.model_copy(update=changed), [USUAL, *families]


@functools.lru_cache(maxsize=64)
def _fallbacks(letters: frozenset[str]) -> tuple[list[str], frozenset[str]]:
    """Families that have the letters, the one with the most first; and the letters none has."""
    found = []
    for path in sorted(font_manager.findSystemFonts()) if letters else ():
        try:
            font = FT2Font(path)
        except (OSError, RuntimeError):
            continue  # no font that matplotlib can read
        has = {c for c in letters if font.get_char_index(ord(c))}
        if has and font.scalable:
            found.append((-len(has), font.style_name not in PLAIN, path, font, has))
    families: list[str] = []
    lacking = letters
    for _, _, path, font, has in sorted(found, key=lambda each: each[:3]):
        if lacking & has:
            font_manager.fontManager.addfont(path)
            families.append(font.family_name)
            lacking -= has
    return families, lacking
