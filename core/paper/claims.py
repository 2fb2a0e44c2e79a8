"""The paper's six claims, and whether the stored runs reproduce them.

A verdict is computed from a panel alone and names the numbers it rests on. Only the paper's own
setting (variant `paper`, full scale) can reproduce or fail; others are "not comparable", their
numbers shown all the same. A run that diverged or never fitted is an answer, not a gap.
"""

from collections.abc import Sequence

from core.catalogue import panels
from core.catalogue.registry import resolve
from core.paper.panel import Check, Panel, Verdict, VerdictState
from core.paper.reversals import reversals


def judge(panel: Panel) -> Verdict:
    """The verdict on the panel's claim."""
    described = panels[panel.name]
    if described.judge is None:
        return panel.verdict
    checks = resolve(described.judge)(panel)
    state = _state(panel, checks)
    sentence = _sentence(panel, state, checks)
    if state in (VerdictState.REPRODUCED, VerdictState.NOT_REPRODUCED):
        sentence += BASIS.get(panel.name, "")
    return Verdict(claim=described.claim, state=state, sentence=sentence, checks=checks)


ALEXNET = (
    " AlexNet has the stated learning rate of 0.01; the curves published for it fit 0.1 "
    "(docs/reproduction.md)."
)
BASIS: dict[str, str] = {
    "1b": ALEXNET,
    "1c": " Judged against test labels corrupted with the same p, as the published "
    f"points are: five observations say so, the paper does not (docs/reproduction.md).{ALEXNET}",
}
"""What a verdict rests on besides the numbers."""


def _state(panel: Panel, checks: Sequence[Check]) -> VerdictState:
    if not panel.comparable:
        return VerdictState.NOT_COMPARABLE
    if panel.counts.complete < panel.counts.planned:
        return VerdictState.INCOMPLETE
    if any(check.passed is False for check in checks):
        return VerdictState.NOT_REPRODUCED
    if any(check.passed is None for check in checks):
        return VerdictState.INCOMPLETE
    return VerdictState.REPRODUCED


def _sentence(panel: Panel, state: VerdictState, checks: Sequence[Check]) -> str:
    passed = sum(check.passed is True for check in checks)
    score = f"{passed} of {len(checks)} conditions hold"
    runs = f"{panel.counts.complete} of {panel.counts.planned} runs"
    match state:
        case VerdictState.REPRODUCED:
            return f"Reproduced: all {len(checks)} conditions hold, n = {panel.seeds}."
        case VerdictState.NOT_REPRODUCED:
            failed = [check.label for check in checks if check.passed is False]
            more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
            return f"Not reproduced: {score}. It fails on {'; '.join(failed[:3])}{more}."
        case VerdictState.INCOMPLETE:
            if panel.counts.complete < panel.counts.planned:
                return f"Incomplete: {runs}."
            open_ = [check.label for check in checks if check.passed is None]
            return f"Incomplete: all runs are there, but not known: {'; '.join(open_[:3])}."
    told = f"{runs} complete; {score}" if checks else f"{runs} complete"
    return f"Not comparable: {_why(panel)}. {told}. {reversals(panel)}".rstrip()


def _why(panel: Panel) -> str:
    if panel.scale != "full":
        return "reduced scale"
    if panel.variant != "paper":
        return "another variant than the paper's"
    return "another network, other data or another criterion than the claim's"
