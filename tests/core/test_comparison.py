"""What tells runs apart."""

from core.catalogue import randomizations
from core.run.comparison import differing, told_apart
from core.run.spec import RunSpec

RANDOM = "random_labels"


def test_fields_that_are_the_same_everywhere_do_not_differ() -> None:
    specs = [RunSpec(seed=1), RunSpec(seed=2, randomization=RANDOM)]
    assert differing(specs) == ["randomization", "data_seed", "seed"]
    assert differing(specs[:1]) == []


def test_names_tell_runs_apart_where_they_can() -> None:
    specs = [RunSpec(), RunSpec(seed=1), RunSpec(seed=1, randomization=RANDOM)]
    assert told_apart(["first", "", ""], specs) == [
        "first",
        "MLP 1×512, true labels, seed 1",
        "MLP 1×512, random labels, seed 1",
    ]
    assert told_apart(["same", "same"], [RunSpec(), RunSpec(dropout=0.1)]) == [
        "same: MLP 1×512",
        "same: MLP 1×512, dropout 0.1",
    ]


def test_what_follows_from_the_model_is_not_told() -> None:
    specs = [RunSpec(model="inception"), RunSpec(), RunSpec(n_train=1000)]
    labels = told_apart([""] * 3, specs)
    assert labels == ["Small Inception", "MLP 1×512", "MLP 1×512, n train 1000"]


def test_randomizations_are_called_by_their_titles() -> None:
    specs = [RunSpec(), RunSpec(randomization="gaussian")]
    assert told_apart(["", ""], specs)[1].startswith("MLP 1×512, Gaussian")
    titled = randomizations["random_labels"]
    assert told_apart(["", ""], [RunSpec(), RunSpec(randomization=RANDOM)])[1].endswith(
        titled.title
    )
