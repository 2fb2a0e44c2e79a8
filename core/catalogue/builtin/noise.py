"""Randomizations beyond the paper, as users of noisy labels ask for them."""

from core.catalogue import Randomization, randomizations

CORRUPTED = frozenset({"corruption", "data_seed"})

for name, title, function in (
    ("symmetric_noise", "symmetric noise", "symmetric"),
    ("pair_flip", "pair flip", "pair_flip"),
    ("asymmetric_noise", "asymmetric noise", "asymmetric_cifar10"),
):
    randomizations.add(
        Randomization(
            name=name,
            title=title,
            touches="labels",
            apply=f"worker.training.noise:{function}",
            uses=CORRUPTED,
            ends={0.0: "true_labels"},
            dataset="cifar10" if name == "asymmetric_noise" else None,
        )
    )

randomizations.add(
    Randomization(
        name="partly_shuffled_pixels",
        title="partly shuffled pixels",
        touches="pixels",
        apply="worker.training.noise:partly_shuffled",
        uses=CORRUPTED,
        ends={0.0: "true_labels", 1.0: "shuffled_pixels"},
    )
)
