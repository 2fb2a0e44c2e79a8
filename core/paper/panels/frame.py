"""What all panels share: the options of a request, labels, status, and the frame around series."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.catalogue import panels
from core.paper.criteria import Criterion
from core.paper.deviations import deviations
from core.paper.labels import color_of
from core.paper.panel import (
    Axis,
    Counts,
    LogAxes,
    MeasureKind,
    Panel,
    Provenance,
    Series,
    SpreadKind,
    Verdict,
    VerdictState,
    XKind,
)
from core.paper.panels.entries import Entry, counts, provenance
from core.paper.plans import Plan
from core.paper.scales import Scale
from core.run.spec import Variant


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What a reader may choose."""

    scale: Scale | None
    """None for a custom grid."""
    variant: Variant = Variant.PAPER
    seeds: int = 1
    own: bool = False
    """Whether a network, a dataset or a randomization of the user's own is in the place of the
    paper's."""
    criterion: Criterion | None = None
    """None: each model's own."""
    x: XKind = XKind.AUTO
    spread: SpreadKind = SpreadKind.AUTO
    measure: MeasureKind = MeasureKind.ACCURACY
    """What the atlas shows."""
    log: LogAxes = ""
    """Axes drawn logarithmic."""
    levels: tuple[float, ...] = ()
    """Levels of p that clean-corrupted shows; empty: p = 0.5 if it is there, else all."""
    individual: bool = False
    """Show each seed besides the mean."""
    command: str = ""
    """What makes the panel's runs again."""
    extending: str = ""
    """What extends runs that a study ended by a criterion that is easier than the chosen one."""

    @property
    def x_kind(self) -> XKind:
        if self.x is not XKind.AUTO:
            return self.x
        return XKind.STEPS if self.scale is Scale.FULL else XKind.EPOCHS

    @property
    def comparable(self) -> bool:
        """Whether the panel may be held against the paper's numbers."""
        paper = self.scale is Scale.FULL and self.variant is Variant.PAPER
        return paper and self.criterion is None and not self.own


X_AXES = {
    XKind.STEPS: Axis(title="Training steps", unit="steps"),
    XKind.EPOCHS: Axis(title="Epochs", unit="epochs"),
    XKind.SECONDS: Axis(title="Training time", unit="seconds"),
}
CORRUPTION = Axis(title="Label corruption", unit="1")

UNJUDGED = Verdict(claim="", state=VerdictState.NONE, sentence="This panel makes no claim.")


def frame(name: str, entries: Sequence[Entry], options: Options, **given: Any) -> Panel:
    """A panel with everything but series filled in from its runs."""
    found = given.pop("counts", None) or counts(entries)
    status, text = _status(found)
    plan = tuple(entry.planned for entry in entries)
    origin = provenance(entries, options.command)
    for axis in options.log:
        given[f"{axis}_axis"] = given[f"{axis}_axis"].model_copy(update={"log": True})
    fits = [network.sentence for network in given.get("networks", [])]
    notes = [*given.pop("notes", []), *fits, *_notes(found, options.command, origin)]
    _give_colors([*given["series"], *given.get("references", [])], named=options.scale is None)
    return Panel(
        name=name,
        kind=panels[name].kind,
        scale=str(options.scale or "custom"),
        variant=str(options.variant) if options.scale else variant_of(plan),
        seeds=options.seeds,
        status=status,
        status_text=text,
        comparable=options.comparable,
        deviations=list(deviations(plan, options.scale, options.variant, options.criterion)),
        verdict=given.pop("verdict", UNJUDGED),
        counts=found,
        provenance=origin,
        notes=notes,
        **given,
    )


def _give_colors(found: Sequence[Series], *, named: bool) -> None:
    """One colour a condition, its own if it has one, else the first that no other has; a user's
    names are never read as keys."""
    keys = dict.fromkeys(series.key for series in found)
    own = {key: None if named else color_of(key) for key in keys}
    free = (place for place in itertools.count() if place not in own.values())
    colors = {key: next(free) if color is None else color for key, color in own.items()}
    for series in found:
        series.color = colors[series.key]


def variant_of(plan: Plan) -> str:
    """Of runs that are no figure's: the variant of those that one makes a difference to."""
    variants = {e.spec.variant for e in plan if e.spec.variant is not None} or {Variant.PAPER}
    return str(variants.pop()) if len(variants) == 1 else "mixed"


def _status(found: Counts) -> tuple[Literal["empty", "live", "partial", "complete"], str]:
    of = f"{found.complete} of {found.planned} runs"
    if found.planned and found.complete == found.planned:
        return "complete", f"complete, {plural(found.planned, 'run')}"
    if found.running:
        return "live", f"live, {of} complete"
    if found.complete or found.failed or found.short:
        return "partial", f"partial, {of} complete"
    return "empty", f"no runs yet; {plural(found.planned, 'run')} needed"


def _notes(found: Counts, command: str, origin: Provenance) -> list[str]:
    notes = []
    if found.short:
        how = f": `{command}` extends them" if command else ""
        notes.append(
            f"{plural(found.short, 'run')} ended before what this figure asks for and must be "
            f"extended{how}."
        )
    if found.failed:
        notes.append(f"{plural(found.failed, 'run')} failed or were cancelled before the end.")
    if found.diverged:
        notes.append(f"{plural(found.diverged, 'run')} diverged: the loss became infinite.")
    if origin.mixed:
        notes.append(
            "Mixed: the runs were not all trained on the same kind of device, with the same "
            "versions and precision, or epochs came out differently when computed again."
            + _differing("Precisions", origin.precisions)
            + _differing("Engines", origin.engines)
        )
    return notes


def _differing(what: str, values: Sequence[object]) -> str:
    return f" {what}: {', '.join(map(str, values))}." if len(values) > 1 else ""


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
