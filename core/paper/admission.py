"""Whether specs and studies can do with a descriptor that a plugin added."""

from collections.abc import Iterable

from core.catalogue import Dataset, Model, PanelType, Randomization, datasets
from core.paper.criteria import CRITERIA
from core.paper.scales import Scale
from core.paper.studies import StudyName, Subject, race
from core.run.errors import InvalidInput
from core.run.spec import RunSpec, Variant


def check(descriptor: Model | Dataset | Randomization | PanelType) -> None:
    """
    Raises:
        InvalidInput, ValidationError: they cannot, and why.
    """
    match descriptor:
        case Model():
            _among("criterion", [descriptor.criterion], CRITERIA)
            _among("reduced", descriptor.reduced, Scale)
            _among("defaults", descriptor.defaults, RunSpec.model_fields)
            for field in ("learning_rate", "batch_size"):
                if field not in descriptor.defaults:
                    raise InvalidInput(f"defaults of {descriptor.name} must have {field}")
            for scale in Scale:
                race(Subject(model=descriptor.name), scale, Variant.PAPER, 1)
        case Randomization():
            if descriptor.apply is None and descriptor.touches != "nothing":
                raise InvalidInput(f"apply is required of {descriptor.name}: it is what it does")
            for p in (0.0, 0.5, 1.0) if "corruption" in descriptor.uses else (None,):
                RunSpec(
                    dataset=descriptor.dataset or datasets.default,
                    randomization=descriptor.name,
                    corruption=p,
                )
        case Dataset():
            RunSpec(dataset=descriptor.name)
        case PanelType():
            _among("study", [descriptor.study], set(StudyName) - {StudyName.CUSTOM})


def _among(field: str, given: Iterable[str], allowed: Iterable[str]) -> None:
    for name in set(given) - set(allowed):
        known = ", ".join(sorted(map(str, allowed)))
        raise InvalidInput(f"{field} {name!r} is not allowed: use {known}")
