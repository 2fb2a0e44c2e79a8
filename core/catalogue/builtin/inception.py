"""The paper's small Inception (appendix A).

Its points in Figure 1a are 391 steps apart, which is 128 images a step. Loss < 0.05 gives both ends
of its curve in Figure 1b, 10 and 36 epochs.
"""

from core.catalogue import Model, models

models.add(
    Model(
        name="inception",
        title="Small Inception",
        network="worker.training.models.inception:build",
        defaults={"learning_rate": 0.1, "batch_size": 128, "batch_norm": "all"},
        understands=frozenset({"batch_norm", "bn_momentum", "bn_eps"}),
        seconds_per_image=1 / 65,
        criterion="loss-0.05",
        color=0,
    )
)
