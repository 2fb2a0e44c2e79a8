"""What a plan does differently from the paper, in words that are shown on its figures.

Every override is explicit: each spec is compared, field by field, with the entry of the paper's
full-scale plan that plays the same role, or, in a grid or a comparison of runs, with the paper's
setting of its model.
"""

import functools
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from core.catalogue import datasets, models, randomizations
from core.paper.choices import BATCH_SIZES, unstated
from core.paper.criteria import Criterion
from core.paper.labels import label_in
from core.paper.plans import Plan, Planned, Role
from core.paper.reference import report
from core.paper.scales import Scale
from core.paper.studies import StudyName, plan
from core.run.spec import RunSpec, Variant

PANELS = {"1bc": "1b and 1c", "table-1": "Table 1"}
"""Panels of a plan whose name is not the figure's number."""

PAPER_MODELS = frozenset(BATCH_SIZES)
PAPER_LABELS = ("true_labels", "random_labels", "corrupted_labels")

IGNORED = frozenset({"seed", "data_seed", "subset_seed", "replicate", "engine"})

STUDIED = frozenset({"randomization", "corruption"})
"""Fields that say which test of the paper's a run is, and are no deviation from it."""

ALWAYS: dict[str, tuple[str, ...]] = {
    "2a": (
        "CIFAR-10 and the small Inception in place of the paper's ImageNet and Inception v3.",
        "Weight decay 0.001, dropout 5 % and the strength of the augmentation are our choice: the "
        "paper does not state its own.",
    ),
    "2b": (
        "Without batch normalisation the network trains at a setting of its own, since at the "
        "paper's learning rate of 0.1 many seeds stay at chance; the network with it is shown at "
        "both settings.",
    ),
    "table-1": (
        "The paper's weight decay coefficients are unknown: rows with weight decay use 0.001 and "
        "get no verdict.",
    ),
    "1bc": (
        "The criterion of convergence is not stated in the paper; those of Inception and the MLP "
        "were inferred from its points.",
        "AlexNet has the learning rate that the paper states, 0.01, with which random labels took "
        "about 3 times as long as true ones at batch size 128 and full scale (n = 1); the curves "
        "published for it, with a ratio of 1.55, fit a rate of 0.1 (docs/reproduction.md).",
        "Figure 1c has test labels corrupted with the same p beside the true ones, which the paper "
        "does not mention. That its points are of such labels is known from five observations: the "
        "error of MLP 1×512 (n = 1) against them is within .012 of the published one at every p, "
        "against true labels up to .085 below; training on changes that by .003; the points of "
        "Inception computed back to true labels are those of a public reproduction that keeps "
        "these; a reproduction that agrees with the published ones corrupts all 60,000 labels; "
        "and so does the first author's published demonstration.",
    ),
}
"""Deviations that no scale removes, by the panel they concern."""

WORDS: dict[str, Callable[[Any, RunSpec], str]] = {
    "dataset": lambda _, s: f"{s.dataset_info.title} in place of CIFAR-10",
    "randomization": lambda v, _: f"{randomizations[v].title} in place of random labels",
    "bn_momentum": lambda v, _: f"batch normalisation's momentum {v:g}",
    "n_train": lambda v, s: (
        f"{v or s.train_size:,} of {s.dataset_info.train_size:,} training images"
    ),
    "n_test": lambda v, s: f"{v or s.test_size:,} of {s.dataset_info.test_size:,} test images",
    "width": lambda v, _: f"width {v:g}",
    "batch_size": lambda v, _: f"batch size {v}",
    "learning_rate": lambda v, _: f"learning rate {v:g}",
    "decay_steps": lambda v, _: f"a decay every {v:,} steps",
    "decay": lambda v, _: "constant learning rate" if v == 1 else f"decay {v:g}",
    "precision": lambda v, _: f"{v} matrix products",
    "warmup_steps": lambda v, _: f"warm-up of {v} steps" if v else "no warm-up",
    "initialisation": lambda v, _: f"initial weights {str(v).replace('_', ' ')}",
    "variant": lambda v, _: f"randomization as in the {v}",
    "hue": lambda v, _: f"hue shift {v:g}" if v else "no hue shift",
}


Words = dict[str, str]
"""What differs, by field or panel, in order."""


class Curve(NamedTuple):
    panel: str
    series: str


@functools.lru_cache(maxsize=64)  # asked for at every new epoch, and the same for all of them
def deviations(
    entries: Plan, scale: Scale | None, variant: Variant, criterion: Criterion | None = None
) -> tuple[str, ...]:
    """Sentences, the general ones first.

    `scale` is None for a grid and for single runs, whose specs say the variant; what the paper
    leaves unstated is then not listed. `criterion`: what was chosen for Figures 1b and 1c, None for
    each model's own.
    """
    if scale is None:
        return tuple(_of_ones_own(entries))
    panels = {entry.role.panel for entry in entries}
    papers = {e.role.panel for e in entries if e.spec.model in PAPER_MODELS}
    said = [sentence for panel in sorted(papers) for sentence in ALWAYS.get(panel, ())]
    if criterion is not None and "1bc" in panels:
        said.append(f"Criterion: {criterion.title}, in place of each model's own.")
    if variant is Variant.REPORT:
        said.append(
            f"Variant of the report: batch size {report.BATCH_SIZE} at full scale, pixels permuted "
            "with their channels kept together, Gaussian moments per image and channel."
        )
    said += _unstated(entries)
    if scale is not Scale.FULL:
        said.append(f"Reduced scale ({scale}): not comparable with the paper's numbers.")
    originals = {_place(entry.role): entry for entry in plan(StudyName.EVERYTHING, Scale.FULL)}
    said += _differences(entries, originals)
    said += _thinned(entries, originals)
    return tuple(said)


def _unstated(entries: Iterable[Planned]) -> list[str]:
    phrases = dict.fromkeys(phrase for e in entries for phrase in unstated(e.spec))
    return [f"Unstated in the paper, chosen here: {phrase}." for phrase in phrases]


def _place(role: Role) -> tuple[str, str, float | None]:
    return role.panel, role.series, role.corruption


def _differences(
    entries: Iterable[Planned], originals: Mapping[tuple[str, str, float | None], Planned]
) -> list[str]:
    """A sentence a model: what differs in general, its epochs, then what is particular."""
    found: dict[str, dict[Curve, Words]] = {}
    horizons: dict[str, Words] = {}
    for entry in entries:
        original = originals.get(_place(entry.role))
        if original is None:  # a network of one's own: there is nothing else to compare with
            foreign = {f: v for f, v in _foreign(entry.spec).items() if v}
            if foreign:
                curve = Curve(entry.role.panel, entry.role.series)
                found.setdefault(entry.spec.model, {})[curve] = _words(entry.spec, foreign)
                horizons.setdefault(entry.spec.model, {})
            continue
        model, curve = entry.spec.model, Curve(entry.role.panel, entry.role.series)
        ours, theirs = entry.spec.model_dump(mode="json"), original.spec.model_dump(mode="json")
        changed = {field: value for field, value in ours.items() if value != theirs[field]}
        found.setdefault(model, {})[curve] = _words(entry.spec, changed)
        horizons.setdefault(model, {}).update(_horizon(entry, original))
    return [
        sentence
        for model, curves in found.items()
        if (sentence := _sentence(model, curves, horizons[model].values()))
    ]


def _foreign(spec: RunSpec) -> dict[str, Any]:
    """Data and randomization that are not the paper's."""
    randomization = None if spec.randomization in PAPER_LABELS else spec.randomization
    return {
        "dataset": None if spec.dataset == datasets.default else spec.dataset,
        "randomization": randomization,
    }


def _of_ones_own(entries: Iterable[Planned]) -> list[str]:
    """A sentence a model, against the paper's setting of it: runs that are no figure's."""
    found: dict[str, dict[Curve, Words]] = {}
    for entry in entries:
        changed = entry.spec.changes()
        if changed.get("variant") == Variant.PAPER:
            del changed["variant"]
        changed = {field: value for field, value in changed.items() if field not in STUDIED}
        curve = Curve(entry.role.panel, entry.role.series)
        found.setdefault(entry.spec.model, {})[curve] = _words(entry.spec, changed)
    return [
        sentence for model, curves in found.items() if (sentence := _sentence(model, curves, ()))
    ]


def _words(spec: RunSpec, changed: Mapping[str, Any]) -> Words:
    """What is changed, in words; of fields that the spec has not, such as BN's, none."""
    without = {field: "" for field, value in spec if value is None}
    return without | {
        field: WORDS[field](value, spec) if field in WORDS else _plainly(field, value)
        for field, value in changed.items()
        if field not in IGNORED
        and value is not None
        and not (field == "decay_steps" and _an_epoch_or_never(spec))
    }


def _plainly(field: str, value: object) -> str:
    name = field.replace("_", " ")
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return f"{name} {value}"


def _horizon(entry: Planned, original: Planned) -> Words:
    ours, theirs, panel = entry.demand.epochs, original.demand.epochs, entry.role.panel
    if ours == theirs:
        return {}
    return {panel: f"{ours} epochs in {PANELS.get(panel, panel)} (at full scale {theirs})"}


def _sentence(model: str, curves: Mapping[Curve, Words], epochs: Iterable[str]) -> str:
    """What holds for most curves first, then what is particular to some; empty if nothing."""
    general = _general(curves.values())
    clauses = [", ".join([*general.values(), *epochs])]
    groups: dict[tuple[str, ...], list[Curve]] = {}
    for curve, words in curves.items():
        own = [word for field, word in words.items() if word not in ("", general.get(field))]
        own += [f"{f.replace('_', ' ')} as in the paper" for f in general if f not in words]
        if own:
            groups.setdefault(tuple(own), []).append(curve)
    particular: dict[str, dict[str, None]] = {}
    for told, group in groups.items():
        particular.setdefault(_named(group, curves), {}).update(dict.fromkeys(told))
    clauses += [f"{names}: {', '.join(own)}" for names, own in particular.items()]
    said = "; ".join(clause for clause in clauses if clause)
    return f"{models[model].title}: {said}." if said else ""


def _general(curves: Collection[Words]) -> Words:
    """Of each field the words that hold for more than half of the curves."""
    counted = Counter((field, word) for words in curves for field, word in words.items() if word)
    return {field: word for (field, word), n in counted.items() if 2 * n > len(curves)}


def _named(group: Collection[Curve], curves: Collection[Curve]) -> str:
    """A panel's name stands for all of its curves, where there are several panels.

    Curves of a grid are named after the very fields that differ.
    """
    if any(curve.panel == "custom" for curve in group):
        return "in some curves"
    sizes, here = Counter(c.panel for c in curves), Counter(c.panel for c in group)
    names = {
        f"in {PANELS.get(curve.panel, curve.panel)}"
        if len(sizes) > 1 and here[curve.panel] == sizes[curve.panel]
        else label_in(curve.panel, curve.series): None
        for curve in group
    }
    return " and ".join(names)


def _an_epoch_or_never(spec: RunSpec) -> bool:
    """Whether the learning rate decays as in the paper, or not at all, which `decay` says."""
    whole = math.ceil(spec.dataset_info.train_size / spec.batch_size)
    return spec.decay == 1 or spec.decay_steps in (spec.steps_per_epoch, whole)


def _thinned(
    entries: Iterable[Planned], originals: dict[tuple[str, str, float | None], Planned]
) -> list[str]:
    """Which models have fewer levels of p than the paper."""
    ours: dict[str, set[float]] = {}
    theirs: dict[str, set[float]] = {}
    for roles, levels in (
        ((e.role for e in entries), ours),
        ((e.role for e in originals.values()), theirs),
    ):
        for role in roles:
            if role.panel == "1bc" and role.corruption is not None:
                levels.setdefault(role.series, set()).add(role.corruption)
    return [
        f"{models[model].title}: corruption p = {', '.join(f'{p:g}' for p in sorted(levels))} only."
        for model, levels in ours.items()
        if levels != theirs.get(model, levels)
    ]
