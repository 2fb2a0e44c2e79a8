"""Panels: pure functions from planned and stored runs to figures as data."""

from collections.abc import Callable, Sequence

from core.domain import claims
from core.domain.panel import Panel, PanelName
from core.domain.panels import accuracy, atlas, convergence, curves, table
from core.domain.panels.entries import Entry
from core.domain.panels.frame import Options
from core.domain.studies import StudyName

BUILDERS: dict[PanelName, Callable[[Sequence[Entry], Options], Panel]] = {
    PanelName.FIGURE_1A: curves.figure_1a,
    PanelName.FIGURE_1B: convergence.figure_1b,
    PanelName.FIGURE_1C: convergence.figure_1c,
    PanelName.FIGURE_2A: accuracy.figure_2a,
    PanelName.FIGURE_2B: accuracy.figure_2b,
    PanelName.TABLE_1: table.table_1,
    PanelName.CLEAN_CORRUPTED: atlas.clean_corrupted,
    PanelName.ATLAS: atlas.atlas,
}

STUDY_OF: dict[PanelName, StudyName] = {
    PanelName.FIGURE_1A: StudyName.FIGURE_1A,
    PanelName.FIGURE_1B: StudyName.FIGURE_1BC,
    PanelName.FIGURE_1C: StudyName.FIGURE_1BC,
    PanelName.FIGURE_2A: StudyName.FIGURE_2A,
    PanelName.FIGURE_2B: StudyName.FIGURE_2B,
    PanelName.TABLE_1: StudyName.TABLE_1,
    PanelName.CLEAN_CORRUPTED: StudyName.FIGURE_1BC,
    PanelName.ATLAS: StudyName.EVERYTHING,
}
"""The study whose runs a panel reads."""


def build(name: PanelName, entries: Sequence[Entry], options: Options) -> Panel:
    """The panel with its verdict."""
    panel = BUILDERS[name](entries, options)
    return panel.model_copy(update={"verdict": claims.judge(panel)})
