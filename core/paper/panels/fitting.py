"""Whether a reduced scale is large enough: every network must fit true and random labels there."""

import math
from collections.abc import Sequence
from typing import Literal

from core.paper.labels import label_of
from core.paper.panel import NetworkFit
from core.paper.panels.entries import Entry
from core.paper.panels.frame import Options
from core.paper.scales import Scale
from core.run.spec import BatchNorm, RunSpec

LEAST = 0.98
"""Training accuracy that every seed must reach, else the scale has failed."""
BATCH_NORM = {
    BatchNorm.NONE: " without batch norm",
    BatchNorm.DOWN: " with batch norm in the down modules only",
}
LABELS = {
    "true_labels": "true labels",
    "random_labels": "random labels",
}


def fitted_or_failed(entries: Sequence[Entry], options: Options) -> list[NetworkFit]:
    """Each network, as soon as one of its runs is complete; none at the paper's own scale.

    By another criterion than each network's own, runs may end before they fit, and nothing is said.
    """
    if options.scale in (None, Scale.FULL) or options.criterion is not None:
        return []
    networks: dict[str, list[Entry]] = {}
    for entry in entries:
        if _is_required(entry):
            networks.setdefault(_network(entry.planned.spec), []).append(entry)
    return [
        _fit(network, group)
        for network, group in networks.items()
        if any(entry.complete for entry in group)
    ]


def _is_required(entry: Entry) -> bool:
    """Regularisers may keep a network from fitting; so may another network's setting."""
    spec = entry.planned.spec
    regularised = spec.weight_decay or spec.dropout or spec.augments
    foreign = entry.role.series == "with_bn_same_setting"
    return spec.randomization in LABELS and not regularised and not foreign


def _network(spec: RunSpec) -> str:
    norm = BATCH_NORM.get(spec.batch_norm, "") if spec.batch_norm else ""
    return label_of(spec.model) + norm


def _fit(network: str, entries: Sequence[Entry]) -> NetworkFit:
    parts = [
        _reached([e for e in entries if e.planned.spec.randomization == labels], words)
        for labels, words in LABELS.items()
    ]
    done = [e for e in entries if e.complete]
    state: Literal["fitted", "failed", "not known yet"]
    if not all(map(_fitted, done)):
        state, verdict = "failed", f"failed, {100 * LEAST:g} % is required of each"
    else:
        state = verdict = "fitted" if len(done) == len(entries) else "not known yet"
    sentence = f"{network}: training accuracy {', '.join(filter(None, parts))}: {verdict}."
    return NetworkFit(network=network, state=state, sentence=sentence)


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
