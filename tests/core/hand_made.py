"""Runs made by hand, for tests of panels and claims: curves of any shape, in any state."""

from collections.abc import Callable, Sequence

from core.catalogue import panels
from core.paper.criteria import Criterion
from core.paper.panel import Panel
from core.paper.panels import build
from core.paper.panels.entries import Entry, Part, StoredRun
from core.paper.panels.frame import Options
from core.paper.plans import Planned
from core.paper.scales import Scale
from core.paper.studies import StudyName, plan
from core.run.lifecycle import RunState
from core.run.metrics import EpochMetrics
from core.run.spec import Variant

ONLINE_LOSS = 9.0
"""Nothing may be judged on online values: by these, no run would ever fit."""
NUMERICS = {"device": "cpu", "threads": 2, "torch": "2.14.1"}
SEGMENT = {
    "device": "cpu",
    "name": "a processor",
    "precision": "fp32",
    "engine": 2,
    "numerics": NUMERICS,
    "versions": {"rethink": "0.1.0 (1a2b3c4)", "torch": "2.14.1"},
    "data_fingerprint": "ab" * 32,
}


def metrics(
    epoch: int,
    loss: float,
    *,
    steps: int = 391,
    accuracy: float | None = None,
    test: float = 0.5,
    **more: float,
) -> EpochMetrics:
    fitted = max(0.0, min(1.0, 1 - loss / 2.303)) if accuracy is None else accuracy
    return EpochMetrics(
        epoch=epoch,
        step=steps * epoch,
        train_loss=loss,
        train_accuracy=fitted,
        test_loss=2.0,
        test_accuracy=test,
        online_loss=ONLINE_LOSS,
        online_accuracy=0.0,
        learning_rate=0.1,
        images_per_second=1000,
        train_seconds=2.0,
        evaluation_seconds=1.0,
        **more,  # type: ignore[arg-type]
    )


def fits_at(epoch: int, epochs: int, test: float = 0.5, **more: float) -> list[EpochMetrics]:
    """A curve of `epochs` epochs that passes every criterion after `epoch`, none before."""
    return [
        metrics(i, 0.001 if fits else 1.5, accuracy=1.0 if fits else 0.5, test=test, **more)
        for i, fits in ((i, i >= epoch) for i in range(1, epochs + 1))
    ]


def stored(
    planned: Planned,
    curve: Sequence[EpochMetrics],
    state: RunState = RunState.SUCCEEDED,
    *,
    outcome: str | None = "completed",
    segments: Sequence[dict[str, object]] = (SEGMENT,),
) -> StoredRun:
    return StoredRun(
        id=planned.spec.hash()[:16],
        spec_hash=planned.spec.hash(),
        state=state,
        outcome=outcome,
        curve=curve,
        parts=[Part(provenance, ended_at=1e9 + 60) for provenance in segments],
        started_at=1e9,
    )


def diverged(planned: Planned, epochs: int) -> StoredRun:
    curve = [metrics(i, 2.0) for i in range(1, epochs + 1)]
    return stored(planned, curve, outcome="diverged")


Maker = Callable[[Planned], StoredRun | Sequence[EpochMetrics] | None]


def panel(
    name: str,
    make: Maker,
    *,
    scale: Scale = Scale.FULL,
    variant: Variant = Variant.PAPER,
    seeds: int = 1,
    demanded: Criterion | None = None,
    **options: object,
) -> Panel:
    """The panel of the catalogue's plan, each run as `make` gives it: stored, a curve, or none.

    `demanded` is the study's criterion, by which its runs end; `criterion` the figure's.
    """
    entries = []
    for planned in plan(StudyName(panels[name].study), scale, variant, seeds, criterion=demanded):
        made = make(planned)
        run = made if isinstance(made, StoredRun) or made is None else stored(planned, made)
        entries.append(Entry(planned, run))
    chosen = Options(scale=scale, variant=variant, seeds=seeds, **options)  # type: ignore[arg-type]
    return build(name, entries, chosen)
