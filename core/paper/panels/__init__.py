"""Panels: pure functions from planned and stored runs to figures as data."""

from collections.abc import Sequence

from core.catalogue import panels
from core.catalogue.registry import resolve
from core.paper import claims
from core.paper.panel import Panel
from core.paper.panels.entries import Entry
from core.paper.panels.frame import Options


def build(name: str, entries: Sequence[Entry], options: Options) -> Panel:
    """The panel with its verdict."""
    panel: Panel = resolve(panels[name].build)(entries, options)
    return panel.model_copy(update={"verdict": claims.judge(panel)})
