"""What tells several runs apart."""

from collections.abc import Sequence

from core.catalogue import models, randomizations
from core.run.spec import RunSpec


def differing(specs: Sequence[RunSpec]) -> list[str]:
    """The fields whose values are not the same in all specs, in their order."""
    return [
        field
        for field in RunSpec.model_fields
        if any(getattr(spec, field) != getattr(specs[0], field) for spec in specs)
    ]


def told_apart(names: Sequence[str], specs: Sequence[RunSpec]) -> list[str]:
    """A label for each run that no other has: its name, else its model and what differs.

    `names` may be empty or the same for several runs; the specs are all different.
    """
    fields = differing(specs)
    labels = []
    for name, spec in zip(names, specs, strict=True):
        if name and names.count(name) == 1:
            labels.append(name)
            continue
        parts = [models[spec.model].title]
        parts += [randomizations[spec.randomization].title] * ("randomization" in fields)
        parts += [
            f"{field.replace('_', ' ')} {value}"
            for field, value in spec.changes().items()
            if field in fields
            and field not in ("model", "randomization")
            and value != RunSpec.model_fields[field].default  # came in with the randomization
        ]
        what = ", ".join(parts)
        labels.append(f"{name}: {what}" if name else what)
    return [
        f"{label} ({spec.hash()[:6]})" if labels.count(label) > 1 else label
        for label, spec in zip(labels, specs, strict=True)
    ]
