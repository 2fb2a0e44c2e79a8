"""A panel: a figure or table that is computed from stored runs."""

from typing import Literal

from pydantic.dataclasses import dataclass

from core.catalogue.registry import CHECKED, Function, Name


@dataclass(frozen=True, kw_only=True, slots=True, config=CHECKED)
class PanelType:
    """Describes a panel: the API, the page, the command line and renderers learn from it."""

    name: Name
    """In addresses and on the command line."""
    title: str
    """For people, as in a menu."""
    build: Function
    """`f(entries, options) -> core.paper.panel.Panel`, of planned runs with what is stored."""
    kind: Literal["curves", "points", "rows"] = "curves"
    """Curves over time, points over p from 0 to 1, or the rows of a table."""
    study: str = "everything"
    """The study whose runs it reads, where none was named."""
    role: str = ""
    """Which of a study's runs: those planned for this panel; all of them where it is empty."""
    takes_runs: bool = False
    """Whether it also shows single runs that were chosen by hand."""
    corrupted: bool = False
    """Whether it shows runs with corrupted labels alone, at levels that can be chosen."""
    fits: bool = False
    """Whether it depends on when a run counts as fitted."""
    claim: str = ""
    """The paper's claim in a sentence; empty if it makes none."""
    judge: Function | None = None
    """`f(panel) -> list[Check]`: the conditions of the claim."""
