"""What the keys of series are called: randomizations, models, regularisers."""

from core.domain.presets import MODEL_TITLES

LABELS = {
    "true_labels": "true labels",
    "random_labels": "random labels",
    "shuffled_pixels": "shuffled pixels",
    "random_pixels": "random pixels",
    "gaussian": "Gaussian",
    **{str(model): title for model, title in MODEL_TITLES.items()},
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
    return LABELS.get(key, key.replace("_", " "))
