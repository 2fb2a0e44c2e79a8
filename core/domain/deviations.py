"""What a plan does differently from the paper, in words that are shown on its figures.

Every override is explicit: each spec is compared, field by field, with the entry of the paper's
full-scale plan that plays the same role.
"""

from collections.abc import Callable, Iterable
from typing import Any

from core.domain.choices import unstated
from core.domain.plans import Plan, Planned, Role
from core.domain.presets import MODEL_TITLES
from core.domain.reference import report
from core.domain.scales import Scale
from core.domain.spec import ModelName, RunSpec, Variant
from core.domain.studies import StudyName, plan

PANELS = {"1bc": "1b and 1c", "table-1": "Table 1"}
"""Panels of a plan whose name is not the figure's number."""

IGNORED = frozenset({"seed", "data_seed", "subset_seed", "replicate", "engine"})

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
        "were inferred from its points. AlexNet's curve of Figure 1b is not reproduced: at batch "
        "size 128 random labels took about 3 times as long as true ones (measured earlier at full "
        "scale, n = 1), in the paper 1.55 times, at a setting that it does not state.",
    ),
}
"""Deviations that no scale removes, by the panel they concern."""

WORDS: dict[str, Callable[[Any, RunSpec], str]] = {
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


def deviations(entries: Plan, scale: Scale | None, variant: Variant) -> list[str]:
    """Sentences, the general ones first. A grid of one's own has none."""
    panels = {entry.role.panel for entry in entries}
    said = [sentence for panel in sorted(panels) for sentence in ALWAYS.get(panel, ())]
    if variant is Variant.REPORT:
        said.append(
            f"Variant of the report: batch size {report.BATCH_SIZE} at full scale, pixels permuted "
            "with their channels kept together, Gaussian moments per image and channel."
        )
    if scale is None:
        return said
    said += _unstated(entries)
    if scale is not Scale.FULL:
        said.append(f"Reduced scale ({scale}): not comparable with the paper's numbers.")
    originals = {_place(entry.role): entry for entry in plan(StudyName.EVERYTHING, Scale.FULL)}
    said += _differences(entries, originals)
    said += _thinned(entries, originals)
    return said


def _unstated(entries: Iterable[Planned]) -> list[str]:
    phrases = dict.fromkeys(phrase for e in entries for phrase in unstated(e.spec))
    return [f"Unstated in the paper, chosen here: {phrase}." for phrase in phrases]


def _place(role: Role) -> tuple[str, str, float | None]:
    return role.panel, role.series, role.corruption


def _differences(
    entries: Iterable[Planned], originals: dict[tuple[str, str, float | None], Planned]
) -> list[str]:
    """A sentence a model, with what differs in any of its runs."""
    found: dict[ModelName, dict[str, None]] = {}
    for entry in entries:
        original = originals.get(_place(entry.role))
        if original is None:
            continue
        words = found.setdefault(entry.spec.model, {})
        for text in _changed(entry, original):
            words[text] = None
    return [
        f"{MODEL_TITLES[model]}: {', '.join(words)}." for model, words in found.items() if words
    ]


def _changed(entry: Planned, original: Planned) -> list[str]:
    ours, theirs = entry.spec.model_dump(mode="json"), original.spec.model_dump(mode="json")
    texts = []
    for field, value in ours.items():
        if field == "decay_steps" and _an_epoch_or_never(entry.spec):
            continue
        if field not in IGNORED and value != theirs[field]:
            word = WORDS.get(field, lambda v, _, f=field: f"{f.replace('_', ' ')} {v}")
            texts.append(word(value, entry.spec))
    if entry.demand.epochs != original.demand.epochs:
        panel = entry.role.panel
        texts.append(
            f"{entry.demand.epochs} epochs in {PANELS.get(panel, panel)} "
            f"(at full scale {original.demand.epochs})"
        )
    return texts


def _an_epoch_or_never(spec: RunSpec) -> bool:
    """Whether the learning rate decays as in the paper, or not at all, which `decay` says."""
    return spec.decay == 1 or spec.decay_steps == spec.steps_per_epoch


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
        f"{MODEL_TITLES[ModelName(model)]}: corruption p = "
        f"{', '.join(f'{p:g}' for p in sorted(levels))} only."
        for model, levels in ours.items()
        if levels != theirs.get(model)
    ]
