"""What the keys of series are called: randomizations, models, regularisers."""

from core.catalogue import models, randomizations

LABELS = {
    "inception-without-bn": "without batch norm",
    "none": "no regulariser",
    "weight_decay": "weight decay",
    "all": "augmentation, weight decay, dropout",
    "with_bn": "with batch norm",
    "without_bn": "without batch norm",
    "with_bn_same_setting": "with batch norm, at the setting of the one without",
    "bn_down": "batch norm in the down modules only",
}


def label_of(key: str) -> str:
    for registry in (models, randomizations):
        if key in registry:
            return registry[key].title
    return LABELS.get(key, key.replace("_", " "))
