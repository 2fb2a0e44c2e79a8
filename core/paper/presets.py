"""Named requests: a spec and how far to train it. Each states its choices and why."""

from dataclasses import dataclass
from typing import Literal

from core.catalogue import models, randomizations
from core.paper.choices import unstated
from core.paper.reference import report
from core.paper.scales import ALEXNET, INCEPTION, MLP_1X512, MLP_3X512, WITHOUT_BN
from core.run.demands import Demand, StopRule
from core.run.spec import BatchNorm, RunSpec, Variant

Group = Literal["quick", "paper", "report"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    name: str
    title: str
    description: str
    group: Group
    spec: RunSpec
    demand: Demand

    @property
    def choices(self) -> list[str]:
        """What the paper leaves open and the spec settles, each with the reason."""
        return unstated(self.spec)


FITTED = StopRule(train_accuracy=0.998)


def demo() -> Preset:
    """The first thing a stranger sees: a network that learns within a minute on a laptop."""
    return Preset(
        name="demo",
        title="First look",
        description="An MLP on 5,000 images with true labels: a minute or less on a CPU.",
        group="quick",
        spec=RunSpec(model=MLP_1X512, n_train=5000, n_test=2000),
        demand=Demand(epochs=10),
    )


def memorise() -> Preset:
    """Random labels on a small set: nothing to learn, and yet the training accuracy rises."""
    return Preset(
        name="memorise",
        title="Memorise random labels",
        description="The same MLP on 2,000 images whose labels are drawn at random. Training "
        "accuracy climbs to 100 %, test accuracy stays at chance.",
        group="quick",
        spec=RunSpec(
            model=MLP_1X512,
            n_train=2000,
            n_test=2000,
            randomization="random_labels",
        ),
        demand=Demand(epochs=60, stop=FITTED),
    )


def randomization_test(model: str, randomization: str) -> Preset:
    """The paper's setting at full scale (section 2.1 and appendix A)."""
    return _full_scale(
        f"paper-{model}",
        models[model].title,
        "the paper's optimiser",
        RunSpec(model=model, randomization=randomization),
    )


def without_batch_norm(randomization: str) -> Preset:
    """Inception without batch norm, at a setting that trains: at the paper's it stays at chance."""
    fields = {"model": INCEPTION, "batch_norm": BatchNorm.NONE}
    return _full_scale(
        "paper-inception-without-bn",
        "Inception, no BN",
        "a setting of its own that trains",
        RunSpec.model_validate(fields | {"randomization": randomization} | WITHOUT_BN),
    )


def published_alexnet(randomization: str) -> Preset:
    """AlexNet at the learning rate that its curves in Figures 1b and 1c fit; the paper says .01."""
    return _full_scale(
        "published-alexnet",
        "Small AlexNet, learning rate 0.1",
        "the rate that its published curves fit (the paper states 0.01)",
        RunSpec(
            model=ALEXNET,
            randomization=randomization,
            learning_rate=PUBLISHED_ALEXNET_RATE,
        ),
    )


PUBLISHED_ALEXNET_RATE = 0.1
"""One seed at full scale: 98 % on true labels at epoch 34 and an error of .31, where Figures 1b and
1c imply 31 and .30; at 0.01 they were 12 and .24 (docs/reproduction.md)."""


def of_the_report(model: str, randomization: str) -> Preset:
    """The report's reading of the same test, where it differs: batch size and pixels."""
    fields = {"model": model, "randomization": randomization}
    return _full_scale(
        f"report-{model}",
        models[model].title,
        f"the report's batches of {report.BATCH_SIZE}",
        RunSpec.model_validate(
            fields | {"variant": Variant.REPORT, "batch_size": report.BATCH_SIZE}
        ),
        group="report",
    )


def _full_scale(
    name: str, network: str, setting: str, spec: RunSpec, group: Group = "paper"
) -> Preset:
    test = randomizations[spec.randomization].title
    has_batch_norm = spec.batch_norm is BatchNorm.ALL
    return Preset(
        name=f"{name}-{spec.randomization.replace('_', '-')}",
        title=f"{network}, {test}",
        description=f"All 50,000 images, {setting}, {test}; "
        f"{'minutes' if spec.model.startswith('mlp') else 'hours'} on a CPU.",
        group=group,
        spec=spec,
        demand=Demand(epochs=64 if has_batch_norm else 100),
    )


def all_presets() -> list[Preset]:
    """What the launch form offers: the quick ones, then the paper's, then the report's."""
    labels = ("true_labels", "random_labels")
    pixels = ("random_pixels", "gaussian")
    others = (ALEXNET, MLP_1X512, MLP_3X512)
    return [
        demo(),
        memorise(),
        *(randomization_test(INCEPTION, test) for test in labels + pixels),
        *(without_batch_norm(test) for test in labels),
        *(randomization_test(model, test) for model in others for test in labels),
        *(published_alexnet(test) for test in labels),
        *(of_the_report(INCEPTION, test) for test in labels + pixels),
        *(of_the_report(ALEXNET, test) for test in labels),
    ]
