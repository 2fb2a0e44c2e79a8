"""What the paper leaves open, how it is settled here and why, in words that users are shown.

Initial weights, the momentum and eps of batch norm and most batch sizes move convergence and are
stated nowhere in the paper. The values themselves are in the models' descriptors, `BN_DEFAULTS` in
`core.run.spec` and `WITHOUT_BN` in `core.paper.scales`; docs/LOG.md has the evidence, but for
what is said to be measured earlier.
"""

from core.catalogue import models
from core.paper.scales import ALEXNET, INCEPTION, MLP_1X512, MLP_3X512
from core.run.spec import (
    BN_DEFAULTS,
    BatchNorm,
    Initialisation,
    RunSpec,
)

WEIGHTS = (
    "initial weights as PyTorch draws them (uniform, ±1/√fan_in): Inception, AlexNet and MLP 1×512 "
    "fit true and random labels with them on subsets, and MLP 1×512 at full scale takes 1.83 to "
    "2.00 times as long for random labels (n = 3, the paper 1.96); no other rule was run at full "
    "scale"
)
BATCH_SIZES = {
    INCEPTION: "batch size {0}: the points of the paper's Inception are 391 steps apart",
    ALEXNET: (
        "batch size {0} for AlexNet, a guess: at the stated learning rate of 0.01 and full scale "
        "98 % were reached at epoch 12 or 13 on true labels with batches of 128 and of 32, at 19 "
        "with 16 (n = 1), where the paper's Figure 1b implies 31"
    ),
    MLP_1X512: (
        "batch size {0} for the MLPs: MLP 1×512 took 2.29 times as long for random labels as for "
        "true ones at batch 128, 1.91 at 60 and 1.73 at 32 (measured earlier at full scale, n = 1 "
        "each), the paper 1.96, and at 128 never reached 99 % on random labels"
    ),
}
BATCH_SIZES[MLP_3X512] = BATCH_SIZES[MLP_1X512]
BATCH_NORM = (
    "the newest batch has weight {0:g} in batch norm's running statistics, {2}; eps {1:g} "
    "(TF-slim's default); other values were not run at full scale"
)
USUAL_WEIGHT = (
    "PyTorch's default, so that an evaluation sees the present weights: 0.1 and 0.4 needed the "
    "same steps on a subset"
)
OTHER_WEIGHT = (
    "in place of PyTorch's 0.1, since with few steps an epoch they would lag behind the weights, "
    "and the evaluated loss would rise before it falls"
)
HE_NORMAL = {
    BatchNorm.NONE: (
        "without batch norm He's initial weights, learning rate {0:g} and {1}: with PyTorch's "
        "weights at learning rate 0.1 it stays at chance, and on subsets He's alone fitted; at "
        "full width, batch 128 and rate 0.02 it fitted true and random labels of 1,000 images "
        "(n = 1)"
    ),
    BatchNorm.DOWN: (
        "with batch norm in the down modules only He's initial weights, learning rate {0:g} and "
        "{1}: on a subset it fitted at the rate that suits the network without batch norm, and at "
        "twice that it did not; at full width it was not run"
    ),
}


def unstated(spec: RunSpec) -> list[str]:
    """What `spec` has by our choice where the paper says nothing: phrases, each with its reason.

    A value that the spec has by somebody's own choice, such as another batch size, is left out.
    """
    said = []
    if spec.model not in BATCH_SIZES:  # the paper says nothing at all of other networks
        return []
    if spec.initialisation is Initialisation.TORCH and spec.batch_norm in (None, BatchNorm.ALL):
        said.append(WEIGHTS)
    if spec.initialisation is Initialisation.HE_NORMAL and spec.batch_norm in HE_NORMAL:
        said.append(
            HE_NORMAL[spec.batch_norm].format(spec.learning_rate, _warm_up(spec.warmup_steps))
        )
    if spec.bn_momentum is not None:
        usual = spec.bn_momentum == BN_DEFAULTS["bn_momentum"]
        reason = USUAL_WEIGHT if usual else OTHER_WEIGHT
        said.append(BATCH_NORM.format(spec.bn_momentum, spec.bn_eps, reason))
    if spec.model in BATCH_SIZES and spec.batch_size == models[spec.model].defaults["batch_size"]:
        said.append(BATCH_SIZES[spec.model].format(spec.batch_size))
    return said


def _warm_up(steps: int) -> str:
    return f"a warm-up of {steps} steps" if steps else "no warm-up"
