"""The paper's randomizations of pixels (section 2.1), drawn once per image and fixed."""

from core.catalogue import Randomization, randomizations

VARIED = frozenset({"variant", "data_seed"})

randomizations.add(
    Randomization(
        name="shuffled_pixels",
        title="shuffled pixels",
        touches="pixels",
        apply="worker.training.randomize:shuffled_pixels",
        color=2,
    )
)
randomizations.add(
    Randomization(
        name="random_pixels",
        title="random pixels",
        touches="pixels",
        apply="worker.training.randomize:random_pixels",
        uses=VARIED,
        color=3,
    )
)
randomizations.add(
    Randomization(
        name="gaussian",
        title="Gaussian",
        touches="pixels",
        apply="worker.training.randomize:gaussian",
        uses=VARIED,
        color=4,
    )
)
