"""Named requests: a spec and how far to train it. Each states its choices and why."""

from dataclasses import dataclass

from core.domain.demands import Demand, StopRule
from core.domain.spec import ModelName, Randomization, RunSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    name: str
    title: str
    description: str
    spec: RunSpec
    demand: Demand


FITTED = StopRule(train_accuracy=0.998)


def demo() -> Preset:
    """The first thing a stranger sees: a network that learns within a minute on a laptop."""
    return Preset(
        name="demo",
        title="First look",
        description="An MLP on 5,000 images with true labels: a minute or less on a CPU.",
        spec=RunSpec(model=ModelName.MLP_1X512, n_train=5000, n_test=2000),
        demand=Demand(epochs=10),
    )


def memorise() -> Preset:
    """Random labels on a small set: nothing to learn, and yet the training accuracy rises."""
    return Preset(
        name="memorise",
        title="Memorise random labels",
        description="The same MLP on 2,000 images whose labels are drawn at random. Training "
        "accuracy climbs to 100 %, test accuracy stays at chance.",
        spec=RunSpec(
            model=ModelName.MLP_1X512,
            n_train=2000,
            n_test=2000,
            randomization=Randomization.RANDOM_LABELS,
        ),
        demand=Demand(epochs=60, stop=FITTED),
    )


def randomization_test(model: ModelName, randomization: Randomization) -> Preset:
    """The paper's setting at full scale (section 2.1 and appendix A), to the end of Figure 1a."""
    test = randomization.replace("_", " ")
    return Preset(
        name=f"paper-{model}-{randomization.replace('_', '-')}",
        title=f"{MODEL_TITLES[model]}, {test}",
        description=f"All 50,000 images, the paper's optimiser, {test}; "
        f"{'minutes' if model.startswith('mlp') else 'hours'} on a CPU.",
        spec=RunSpec(model=model, randomization=randomization),
        demand=Demand(epochs=64 if model is ModelName.INCEPTION else 100),
    )


MODEL_TITLES = {
    ModelName.INCEPTION: "Small Inception",
    ModelName.ALEXNET: "Small AlexNet",
    ModelName.MLP_1X512: "MLP 1×512",
    ModelName.MLP_3X512: "MLP 3×512",
}


def all_presets() -> list[Preset]:
    """What the launch form offers, the quickest first."""
    tests = (Randomization.TRUE_LABELS, Randomization.RANDOM_LABELS)
    return [
        demo(),
        memorise(),
        *(randomization_test(model, test) for model in ModelName for test in tests),
    ]
