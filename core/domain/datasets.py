"""The facts about each dataset that a spec is checked against and a model is built from."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetInfo:
    """Shape and size of a labelled image dataset. Images are uint8, height × width × channels."""

    name: str
    title: str
    class_names: tuple[str, ...]
    channels: int
    height: int
    """Pixels."""
    width: int
    """Pixels."""
    train_size: int
    """Images in the whole training set."""
    test_size: int
    """Images in the whole test set, which the paper calls validation."""

    @property
    def classes(self) -> int:
        return len(self.class_names)


CIFAR10 = DatasetInfo(
    name="cifar10",
    title="CIFAR-10",
    class_names=(
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
    channels=3,
    height=32,
    width=32,
    train_size=50_000,
    test_size=10_000,
)

DATASETS: dict[str, DatasetInfo] = {CIFAR10.name: CIFAR10}
