"""Whether a reduced scale is large enough: every network must fit true and random labels there."""

import math
from collections.abc import Sequence

from core.domain.labels import label_of
from core.domain.panels.entries import Entry
from core.domain.panels.frame import Options
from core.domain.scales import Scale
from core.domain.spec import Randomization

LEAST = 0.98
"""Training accuracy that every seed must reach, else the scale has failed."""
LABELS = {
    Randomization.TRUE_LABELS: "true labels",
    Randomization.RANDOM_LABELS: "random labels",
}


def fitted_or_failed(entries: Sequence[Entry], options: Options) -> list[str]:
    """A sentence a model, as soon as one of its runs is complete; none at the paper's own scale.

    By another criterion than each model's own, runs may end before they fit: nothing is said then.
    """
    if options.scale in (None, Scale.FULL) or options.criterion is not None:
        return []
    models: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.planned.spec.randomization in LABELS:
            models.setdefault(str(entry.planned.spec.model), []).append(entry)
    return [
        _sentence(label_of(model), group)
        for model, group in models.items()
        if any(entry.complete for entry in group)
    ]


def _sentence(model: str, entries: Sequence[Entry]) -> str:
    parts = [
        _reached([e for e in entries if e.planned.spec.randomization is labels], words)
        for labels, words in LABELS.items()
    ]
    done = [e for e in entries if e.complete]
    if not all(map(_fitted, done)):
        verdict = f"failed, {100 * LEAST:g} % is required of each"
    else:
        verdict = "fitted" if len(done) == len(entries) else "not known yet"
    return f"{model}: training accuracy {', '.join(filter(None, parts))}: {verdict}."


def _reached(entries: Sequence[Entry], labels: str) -> str:
    """The least of the seeds, rounded down: 97.99 % is not 98."""
    done = [e for e in entries if e.complete]
    if not done:
        return f"none yet on {labels}" if entries else ""
    least = min(map(_best, done))
    diverged = sum(e.diverged for e in done)
    value = f"{math.floor(1000 * least + 1e-9) / 10:g} % on {labels}"
    if len(done) > 1:
        value = f"at least {value}"
    return f"{value} ({diverged} of {len(done)} diverged)" if diverged else value


def _best(entry: Entry) -> float:
    return max((m.train_accuracy for m in entry.curve), default=0.0)


def _fitted(entry: Entry) -> bool:
    return _best(entry) >= LEAST
