"""The paper's fully connected networks (appendix A).

Their batch size is not stated in the paper; it was inferred from Figure 1b (`core.paper.choices`).
"""

from core.catalogue import Model, models

DEFAULTS = {"learning_rate": 0.01, "batch_size": 60}

models.add(
    Model(
        name="mlp-1x512",
        title="MLP 1×512",
        network="worker.training.models.mlp:build",
        defaults=DEFAULTS,
        seconds_per_image=1 / 10_000,
        color=2,
    )
)
models.add(
    Model(
        name="mlp-3x512",
        title="MLP 3×512",
        network="worker.training.models.mlp:build",
        defaults=DEFAULTS,
        seconds_per_image=1 / 6_500,
        color=3,
    )
)
