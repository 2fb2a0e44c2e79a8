"""Where a reduced scale turns the paper's order round: a sentence that says so, and why.

A result at a reduced scale is not judged. But who sees random labels fitted before true ones must
not take that for the paper's claim, nor for a fault.
"""

from collections.abc import Callable

from core.paper.checks import fact
from core.paper.labels import label_of
from core.paper.panel import Flag, Panel
from core.paper.scales import Scale, fields_of

LARGER = {Scale.SMOKE: "the scales quick and full have", Scale.QUICK: "full scale has"}
INCEPTION = "inception"
Found = list[tuple[str, str]]
"""The network, and what is the other way round with it."""


def reversals(panel: Panel) -> str:
    """What comes out against the paper's order, in a sentence or two; empty if nothing does."""
    if panel.scale not in LARGER or panel.name not in RULES:
        return ""
    rule, why = RULES[panel.name]
    found = rule(panel)
    if not found:
        return ""
    scale = Scale(panel.scale)
    fields = [fields_of(network, scale) for network, _ in found]
    train, test = (
        " or ".join(f"{n:,}" for n in sorted({one[size] for one in fields}))
        for size in ("n_train", "n_test")
    )
    said = "; ".join(words for _, words in found)
    reason = why.format(train=train, test=test)
    return f"At this size the paper's order is reversed: {said}. {reason}: {LARGER[scale]} more."


def _order_1a(panel: Panel) -> Found:
    """What reaches a low loss before true labels do."""
    name = "steps_to_loss-0.1"
    true = _value(panel, "true_labels", name)
    keys = ("random_labels", "shuffled_pixels", "random_pixels", "gaussian")
    steps = {key: _value(panel, key, name) for key in keys if not _is_bound(panel, key, name)}
    earlier = [(key, at) for key, at in steps.items() if at is not None and at < (true or 0)]
    if true is None or not earlier:
        return []
    names = " and ".join(f"{label_of(key)} ({at:,.0f} steps)" for key, at in earlier)
    than = "more than " if _is_bound(panel, "true_labels", name) else ""
    return [(INCEPTION, f"{names} reached a loss below 0.1 before true labels ({than}{true:,.0f})")]


def _value(panel: Panel, key: str, name: str) -> float | None:
    """The fact's value, once every seed has one."""
    one = fact(panel, key, name)
    return one.value if one and one.n >= one.planned else None


def _is_bound(panel: Panel, key: str, name: str) -> bool:
    one = fact(panel, key, name)
    return one is not None and one.lower_bound


def _order_1b(panel: Panel) -> Found:
    return [
        (key, f"{label} fitted random labels in {y:.2g} of the time of true labels")
        for key, label, ys in _ends(panel, "relative_time")
        if (y := ys[1]) < 1
    ]


def _order_1c(panel: Panel) -> Found:
    return [
        (key, f"{label} errs less after random labels ({random:.1%}) than true ones ({true:.1%})")
        for key, label, (true, random) in _ends(panel, "test_error")
        if random < true
    ]


def _ends(panel: Panel, measure: str) -> list[tuple[str, str, tuple[float, float]]]:
    """Key, label and the values at p = 0 and 1 of the models that have both, of all seeds."""
    found = []
    for series in panel.series:
        ends = [i for i, x in enumerate(series.x) if x in (0.0, 1.0)]
        known = all(series.flag[i] is Flag.VALUE and series.n[i] >= panel.seeds for i in ends)
        if (series.kind, series.measure) == ("mean", measure) and len(ends) == 2 and known:
            found.append((series.key, label_of(series.key), (series.y[ends[0]], series.y[ends[1]])))
    return found


def _order_2a(panel: Panel) -> Found:
    name = "final_test_accuracy"
    plain = _value(panel, "none", name)
    regularised = {
        "weight decay lowers": _value(panel, "weight_decay", name),
        "all regularisers together lower": _value(panel, "all", name),
    }
    return [
        (INCEPTION, f"{words} test accuracy by {100 * (plain - value):.1f} points")
        for words, value in regularised.items()
        if plain is not None and value is not None and value < plain
    ]


def _order_2b(panel: Panel) -> Found:
    gain = _value(panel, "with_bn", "gain_over_without_bn")
    if gain is None or gain >= 0:
        return []
    return [(INCEPTION, f"batch norm lowers test accuracy by {-100 * gain:.1f} points")]


BY_HEART = (
    "Likely because {train} training images are too few to learn a pattern from, so that true "
    "labels are learnt by heart as random ones are"
)
TOO_FEW = (
    "Likely because {train} training images teach little that carries over to others, and "
    "{test} test images tell small differences from chance badly"
)
RULES: dict[str, tuple[Callable[[Panel], Found], str]] = {
    "1a": (_order_1a, BY_HEART),
    "1b": (_order_1b, BY_HEART),
    "1c": (_order_1c, TOO_FEW),
    "2a": (_order_2a, TOO_FEW),
    "2b": (_order_2b, TOO_FEW),
}
