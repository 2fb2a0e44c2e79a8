"""The paper's small AlexNet (appendix A). Its batch size is a guess: the paper states none."""

from core.catalogue import Model, models

models.add(
    Model(
        name="alexnet",
        title="Small AlexNet",
        network="worker.training.models.alexnet:build",
        defaults={"learning_rate": 0.01, "batch_size": 128},
        seconds_per_image=1 / 550,
        color=1,
    )
)
