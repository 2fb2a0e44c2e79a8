"""What can be asked for: models, datasets, randomizations and panels, each described in one file.

`models`, `datasets`, `randomizations` and `panels` are registries. The built-ins in
`core.catalogue.builtin` and a user's plugins (`core.catalogue.plugins`) fill them in the same way;
everything else learns names, titles, defaults, costs and colours from them. Descriptors are light:
what needs torch or numpy is named by text and imported by trainers alone.
"""

from typing import Annotated

from core.catalogue.dataset import Dataset
from core.catalogue.model import Model
from core.catalogue.panel import PanelType
from core.catalogue.randomization import Randomization
from core.catalogue.registry import NameIn, Registry

models: Registry[Model] = Registry("model", default="mlp-1x512")
datasets: Registry[Dataset] = Registry("dataset", default="cifar10")
randomizations: Registry[Randomization] = Registry("randomization", default="true_labels")

panels: Registry[PanelType] = Registry("panel", default="1a")

DatasetName = Annotated[str, NameIn(datasets)]
ModelName = Annotated[str, NameIn(models)]
PanelName = Annotated[str, NameIn(panels)]
RandomizationName = Annotated[str, NameIn(randomizations)]

__all__ = [
    "Dataset",
    "DatasetName",
    "Model",
    "ModelName",
    "PanelName",
    "PanelType",
    "Randomization",
    "RandomizationName",
    "datasets",
    "models",
    "panels",
    "randomizations",
]
