"""What the keys of series are called: randomizations, models, regularisers.

The keys of a grid and of single runs are names that users gave: they are shown as they are.
"""

from core.catalogue import models, randomizations

LABELS = {
    "inception-without-bn": "without batch norm",
    "crop": "crop",
    "none": "no regulariser",
    "weight_decay": "weight decay",
    "all": "augmentation, weight decay, dropout",
    "with_bn": "with batch norm",
    "without_bn": "without batch norm",
    "with_bn_same_setting": "with batch norm, at the setting of the one without",
    "bn_down": "batch norm in the down modules only",
}


NAMED = ("custom", "run")
"""What roles have as their panel in a grid and among single runs."""


def label_of(key: str) -> str:
    """In words; a key of Table 1 has several, such as inception+crop."""
    return " + ".join(map(_label_of, key.split("+")))


def _label_of(key: str) -> str:
    for registry in (models, randomizations):
        if key in registry:
            return registry[key].title
    return LABELS.get(key, key)


COLORS = {
    "none": 0,
    "weight_decay": 4,
    "all": 2,
    "with_bn": 0,
    "without_bn": 1,
    "with_bn_same_setting": 5,
    "bn_down": 2,
    "train_accuracy": 1,
    "test_accuracy": 0,
}
"""Places in the palette of conditions that no descriptor has."""


def color_of(key: str) -> int | None:
    """The condition's place in the palette; None where it has none of its own."""
    for registry in (models, randomizations):
        if key in registry:
            return registry[key].color
    return COLORS.get(key)


def label_in(panel: str, series: str) -> str:
    """What a role's series is called; a name is never read as a key."""
    return series if panel in NAMED else label_of(series)
