"""Errors against true test labels and against corrupted ones, each from the other.

A label that is replaced with probability p by one of the classes, drawn uniformly, agrees with a
prediction that was right with probability (1 - p) + p / classes, and else with p / classes, since
it is drawn independently of the network.
"""


def noisy_error(error: float, p: float, classes: int) -> float:
    """Expected error against labels corrupted with probability p, of one that is `error`."""
    return 1 - ((1 - p) * (1 - error) + p / classes)


def true_error(error: float, p: float, classes: int) -> float:
    """The error against true labels of which `error` is the expectation; p is below 1."""
    return 1 - (1 - error - p / classes) / (1 - p)
