"""The run spec: all that determines a sequence of weights, and nothing else.

Notable choices:
- A `RunSpec` is canonical by construction: p = 0 becomes true labels, p = 1 random labels, and
  fields without effect become None. Equal specs have equal JSON, and its SHA-256 is the run's
  identity.
- How far to train is not part of it: see `core.run.demands`.
- Numbers have 12 significant digits: 0.1 + 0.2 is 0.3, as it is shown, and not another run.
- Values that the paper leaves to the model (learning rate, batch size, initialisation) may be left
  out; they are then filled in by the model's descriptor, so that a stored spec is always complete.
"""

import functools
import hashlib
import json
import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from core.catalogue import (
    Dataset,
    DatasetName,
    ModelName,
    RandomizationName,
    datasets,
    models,
    randomizations,
)

WHOLE = TypeAdapter(Annotated[int, Field(ge=1)])
"""As `batch_size` is read."""
ENGINE = 5
"""Raised whenever the training code changes trajectories."""

MAX_SEED = 2**31 - 1


class Variant(StrEnum):
    """Two readings of the randomizations where the paper's text leaves room."""

    PAPER = "paper"
    """Random pixels permute all values of an image; Gaussian moments of the whole dataset."""
    REPORT = "report"
    """Random pixels permute positions, channels kept together; Gaussian moments per image and
    channel."""


class BatchNorm(StrEnum):
    """Where the small Inception has batch normalisation."""

    ALL = "all"
    NONE = "none"
    DOWN = "down"
    """In the two downsampling modules only: the report's third model."""


class Initialisation(StrEnum):
    TORCH = "torch"
    """PyTorch's default: uniform, ±1/√fan_in, biases too."""
    XAVIER_UNIFORM = "xavier_uniform"
    """Glorot and Bengio 2010; biases zero. TF-slim's default, in which the paper was written."""
    HE_NORMAL = "he_normal"
    """He et al. 2015, fan_in; biases zero."""


class Precision(StrEnum):
    FP32 = "fp32"
    BF16 = "bf16"


BN_DEFAULTS = {"bn_momentum": 0.1, "bn_eps": 1e-3}

AUGMENTATIONS = ("random_crop", "random_flip", "brightness", "contrast", "saturation", "hue")

Fraction = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Jitter = Annotated[float, Field(ge=0, le=0.5)]


def rounded(value: Any) -> Any:
    """A float to 12 significant digits; anything else as it is."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


def _or_empty(schema: dict[str, Any]) -> None:
    """Let a field's JSON Schema admit null: the value is then filled in by the model."""
    number = {k: schema.pop(k) for k in list(schema) if k not in ("description", "title")}
    number.pop("default", None)
    schema |= {"anyOf": [number, {"type": "null"}], "default": None}


class RunSpec(BaseModel):
    """All that determines the sequence of weights of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset: DatasetName = Field(
        datasets.default, description="Dataset the images and labels come from."
    )
    n_train: int | None = Field(
        None,
        ge=10,
        description="Training images, a class-balanced subset. Empty: the whole training set.",
    )
    n_test: int | None = Field(
        None,
        ge=10,
        description="Test images, a class-balanced subset. Empty: the whole test set.",
    )
    subset_seed: Seed | None = Field(0, description="Seed that draws the subsets.")
    crop: int = Field(
        28,
        ge=8,
        description="Side of the centre crop in pixels. For smaller images, unless given, their "
        "shorter side.",
    )

    randomization: RandomizationName = Field(
        randomizations.default, description="What is randomized before training."
    )
    corruption: Fraction | None = Field(
        None,
        description="Level p of a randomization that has levels: the probability that a training "
        "label is replaced. Of corrupted labels by a uniform random class, which may be the true "
        "one: of ten classes, p = 0.5 makes about 45 % of the labels wrong.",
    )
    variant: Variant | None = Field(
        Variant.PAPER,
        description="Reading of random pixels and Gaussian images: the paper's or the report's.",
    )
    data_seed: Seed | None = Field(0, description="Seed of the randomization.")

    model: ModelName = Field(models.default, description="Network to train.")
    width: float = Field(1.0, ge=0.05, le=4, description="Factor on every hidden width.")
    batch_norm: BatchNorm | None = Field(
        None,
        description="Where the network has batch normalisation, if it reads this. Inception with "
        "none: start from its preset, as the paper's learning rate stays at chance.",
    )
    bn_momentum: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Weight of the newest batch in BN's running statistics, if there are any.",
    )
    bn_eps: float | None = Field(
        None, gt=0, le=0.1, description="Added to BN's variance, if there is BN."
    )
    initialisation: Initialisation = Field(
        Initialisation.TORCH, description="Distribution of the initial weights."
    )
    init_scale: float = Field(1.0, gt=0, le=10, description="Factor on the initial weights.")

    learning_rate: float = Field(
        None,  # type: ignore[assignment]  # filled in by the model
        gt=0,
        le=10,
        description="Initial learning rate of SGD. Empty: the paper's for the model.",
        json_schema_extra=_or_empty,
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Momentum of SGD.")
    decay: float = Field(
        0.95, gt=0, le=1, description="Factor on the learning rate every `decay_steps` steps."
    )
    decay_steps: int = Field(
        None,  # type: ignore[assignment]
        ge=1,
        le=10_000_000,
        description="Steps between two decays. Empty: one epoch over the whole training set.",
        json_schema_extra=_or_empty,
    )
    warmup_steps: int = Field(
        0, ge=0, le=1_000_000, description="Steps over which the learning rate rises linearly."
    )
    batch_size: int = Field(
        None,  # type: ignore[assignment]
        ge=1,
        le=10_000,
        description="Images a step. Empty: the paper preset's for the model.",
        json_schema_extra=_or_empty,
    )

    weight_decay: float = Field(
        0.0, ge=0, le=1, description="wd·w is added to the gradient of weights, not of biases."
    )
    dropout: float = Field(
        0.0, ge=0, le=0.95, description="Probability of dropping an inner activation."
    )
    random_crop: bool = Field(False, description="Augmentation: random in place of centre crop.")
    random_flip: bool = Field(False, description="Augmentation: horizontal flip, p = 0.5.")
    brightness: Jitter = Field(0.0, description="Augmentation: factor within 1 ± this.")
    contrast: Jitter = Field(0.0, description="Augmentation: factor within 1 ± this.")
    saturation: Jitter = Field(0.0, description="Augmentation: factor within 1 ± this.")
    hue: Jitter = Field(0.0, description="Augmentation: shift within ± this part of the circle.")

    seed: Seed = Field(0, description="Seed of weights, data order, dropout and augmentation.")
    precision: Precision = Field(
        Precision.FP32, description="Number format of matrix products in training."
    )
    replicate: int = Field(
        0, ge=0, le=1000, description="Above 0: train the same spec again as another run."
    )
    engine: int = Field(ENGINE, ge=1, le=ENGINE, description="Version of the training code.")

    @model_validator(mode="before")
    @classmethod
    def _fill_in_what_the_model_decides(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        # Before the limits are checked: what is rounded must be within them too.
        values = {k: rounded(v) for k, v in given.items() if v is not None or k not in MAY_BE_EMPTY}
        model = values.get("model", models.default)
        name = values.get("dataset", datasets.default)
        if model not in models or name not in datasets:
            return values  # field validation will name the fault
        defaults, dataset = dict(models[model].defaults), datasets[name]
        defaults["crop"] = min(cls.model_fields["crop"].default, dataset.height, dataset.width)
        defaults["batch_size"] = min(defaults["batch_size"], dataset.train_size)
        if values.get("batch_norm", defaults.get("batch_norm", "none")) != "none":
            read = models[model].understands
            defaults |= {field: value for field, value in BN_DEFAULTS.items() if field in read}
        try:
            batch_size = WHOLE.validate_python(values.get("batch_size", defaults["batch_size"]))
            defaults["decay_steps"] = math.ceil(dataset.train_size / batch_size)
        except ValidationError:
            defaults["decay_steps"] = 1  # validation of batch_size will name the fault
        return defaults | values

    @model_validator(mode="after")
    def _make_canonical(self) -> Self:
        _check_dataset(self)
        _check_model(self)
        _check_augmentation(self)
        for field, value in _without_effect(self).items():
            object.__setattr__(self, field, value)
        return self

    @property
    def dataset_info(self) -> Dataset:
        return datasets[self.dataset]

    @property
    def train_size(self) -> int:
        """Training images actually used."""
        return self.n_train or self.dataset_info.train_size

    @property
    def test_size(self) -> int:
        """Test images actually used."""
        return self.n_test or self.dataset_info.test_size

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(self.train_size / self.batch_size)

    @property
    def label_corruption(self) -> float:
        """Probability p that a training label is replaced, 0 to 1."""
        randomization = randomizations[self.randomization]
        if randomization.touches == "labels" and "corruption" in randomization.uses:
            return self.corruption or 0.0
        return randomization.replaced

    @property
    def keeps_pixels(self) -> bool:
        """Whether the randomization leaves the images as they are."""
        return randomizations[self.randomization].touches != "pixels"

    @property
    def augments(self) -> bool:
        """Whether training images are changed at random in each epoch."""
        return any(getattr(self, field) for field in AUGMENTATIONS)

    def replace(self, **changes: Any) -> "RunSpec":
        """A validated copy with `changes`."""
        return RunSpec.model_validate(self.model_dump() | changes)

    def canonical_json(self) -> str:
        """The spec as JSON with sorted keys and without the fields that have no effect."""
        return json.dumps(
            self.model_dump(mode="json", exclude_none=True),
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )

    def hash(self) -> str:
        """SHA-256 of the canonical JSON, in hex: the run's identity."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()

    def changes(self) -> dict[str, Any]:
        """The fields that differ from the default spec of the same model, in their order.

        Of another dataset, what it settles by itself is no difference.
        """
        default = dict(_default_values(self.model))
        if self.dataset != datasets.default:
            settled = RunSpec(model=self.model, dataset=self.dataset)
            default |= {f: getattr(settled, f) for f in ("crop", "batch_size", "decay_steps")}
        return {
            field: value
            for field, value in self.model_dump(mode="json").items()
            if value != default[field]
        }


@functools.cache
def _default_values(model: str) -> dict[str, Any]:
    return RunSpec(model=model).model_dump(mode="json")


MAY_BE_EMPTY = frozenset({"learning_rate", "decay_steps", "batch_size"}) | {
    name for name, field in RunSpec.model_fields.items() if type(None) in get_args(field.annotation)
}
"""Fields for which null means the same as leaving them out."""


class SpecRequest(RunSpec):
    """A spec as submitted: the precision may be left to the machine that will train it."""

    precision: Precision | Literal["auto"] = Field(  # type: ignore[assignment]
        "auto", description="Number format of matrix products in training. auto: by the workers."
    )
    engine: int = Field(
        ENGINE, ge=ENGINE, le=ENGINE, description="Version of the training code: today's."
    )

    @model_validator(mode="after")
    def _images_are_there(self) -> Self:
        if self.dataset_info.removed:
            raise ValueError(
                f"dataset {self.dataset} is not allowed: it was removed, and `rethink data add` "
                "brings it back"
            )
        return self

    def resolve(self, precision: Precision) -> RunSpec:
        """The spec to store: `precision` stands in for auto."""
        values = self.model_dump()
        if values["precision"] == "auto":
            values["precision"] = precision
        return RunSpec.model_validate(values)


def _check_dataset(spec: RunSpec) -> None:
    info = spec.dataset_info
    for field, whole in (("n_train", info.train_size), ("n_test", info.test_size)):
        asked = getattr(spec, field)
        if asked is not None and asked > whole:
            raise ValueError(
                f"{field} {asked} is not allowed: {info.title} has {whole} such images"
            )
    only = randomizations[spec.randomization].dataset
    if only not in (None, spec.dataset):
        raise ValueError(
            f"randomization {spec.randomization} is not allowed with {info.title}: it is for {only}"
        )
    if spec.crop > min(info.height, info.width):
        raise ValueError(
            f"crop {spec.crop} is not allowed: {info.title} images are "
            f"{info.height}×{info.width} pixels"
        )
    if spec.batch_size > spec.train_size:
        raise ValueError(
            f"batch_size {spec.batch_size} is not allowed: it must not exceed the "
            f"{spec.train_size} training images"
        )
    if "corruption" in randomizations[spec.randomization].uses:
        if spec.corruption is None:
            raise ValueError(
                f"corruption is required with {spec.randomization}: give p from 0 to 1"
            )
    elif spec.corruption not in (None, spec.label_corruption):
        able = [r.name for r in randomizations.values() if "corruption" in r.uses]
        raise ValueError(
            f"corruption {spec.corruption} is not allowed with randomization "
            f"{spec.randomization}: use {' or '.join(able)}"
        )


OPTIONAL = ("batch_norm", "bn_momentum", "bn_eps")
"""Fields that a model reads only if it says so."""


def _check_model(spec: RunSpec) -> None:
    understood = models[spec.model].understands
    for field in OPTIONAL:
        if field not in understood and getattr(spec, field) is not None:
            able = [model.name for model in models.values() if field in model.understands]
            raise ValueError(
                f"{field} is not allowed with model {spec.model}: only {' and '.join(able)} "
                "reads it, leave it out"
            )
    if spec.batch_norm is BatchNorm.NONE and (spec.bn_momentum or spec.bn_eps):
        raise ValueError("bn_momentum and bn_eps are not allowed with batch_norm none")


def _check_augmentation(spec: RunSpec) -> None:
    info = spec.dataset_info
    if (spec.saturation or spec.hue) and info.channels != 3:
        raise ValueError(
            f"{'saturation' if spec.saturation else 'hue'} is not allowed with {info.title}: its "
            f"images have {info.channels} channels, and colours need three"
        )
    if spec.augments and not spec.keeps_pixels:
        first = next(field for field in AUGMENTATIONS if getattr(spec, field))
        raise ValueError(
            f"{first} is not allowed with randomization {spec.randomization}: its pixels are fixed "
            "for the whole run, switch augmentation off or randomize labels instead"
        )


def _without_effect(spec: RunSpec) -> dict[str, Any]:
    """The values that make `spec` canonical; None where a field has no effect."""
    info = spec.dataset_info
    canonical: dict[str, Any] = {
        "n_train": None if spec.n_train == info.train_size else spec.n_train,
        "n_test": None if spec.n_test == info.test_size else spec.n_test,
    }
    if canonical["n_train"] is None and canonical["n_test"] is None:
        canonical["subset_seed"] = None
    randomization = randomizations[spec.randomization]
    if spec.corruption in randomization.ends:
        randomization = randomizations[randomization.ends[spec.corruption]]
    canonical["randomization"] = randomization.name
    unused = {"corruption", "variant", "data_seed"} - randomization.uses
    canonical |= dict.fromkeys(sorted(unused))
    if spec.decay == 1:
        canonical["decay_steps"] = 1  # the learning rate is constant, whatever the interval
    return canonical
