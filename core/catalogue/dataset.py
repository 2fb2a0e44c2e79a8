"""A labelled image dataset: the facts a spec is checked against and a model is built from."""

from pydantic.dataclasses import dataclass

from core.catalogue.registry import CHECKED


@dataclass(frozen=True, kw_only=True, slots=True, config=CHECKED)
class Dataset:
    """Shape and size of a labelled image dataset. Images are uint8, height × width × channels."""

    name: str
    """In specs. Of a dataset that a user added: its name, @, and the first 8 hex digits of its
    fingerprint, so that two datasets of one name are two datasets."""
    title: str
    """For people."""
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
    removed: bool = False
    """Its images are gone: runs trained on them can be read, but no others launched."""

    @property
    def classes(self) -> int:
        return len(self.class_names)
