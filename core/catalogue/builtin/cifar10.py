"""CIFAR-10 (Krizhevsky 2009)."""

from core.catalogue import Dataset, datasets

CLASSES = "airplane automobile bird cat deer dog frog horse ship truck"

CIFAR10 = datasets.add(
    Dataset(
        name="cifar10",
        title="CIFAR-10",
        class_names=tuple(CLASSES.split()),
        channels=3,
        height=32,
        width=32,
        train_size=50_000,
        test_size=10_000,
    )
)
