"""The paper's randomizations of labels (section 2.1)."""

from core.catalogue import Randomization, randomizations

UNIFORM = "worker.training.randomize:uniform_labels"

randomizations.add(
    Randomization(
        name="true_labels", title="true labels", touches="nothing", uses=frozenset(), color=0
    )
)
randomizations.add(
    Randomization(
        name="corrupted_labels",
        title="corrupted labels",
        touches="labels",
        apply=UNIFORM,
        uses=frozenset({"corruption", "data_seed"}),
        ends={0.0: "true_labels", 1.0: "random_labels"},
        color=6,
    )
)
randomizations.add(
    Randomization(
        name="random_labels",
        title="random labels",
        touches="labels",
        apply=UNIFORM,
        replaced=1.0,
        color=1,
    )
)
