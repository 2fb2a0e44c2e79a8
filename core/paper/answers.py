"""Which stored run answers a planned one: runs of the same question, the best of them.

The best is complete for the demand; then it has the newest engine; of incomplete ones the most
epochs; then the precision that most of the plan was trained in, then the planned one; then the
lowest replicate. All that a run answers differently from what was planned is in its entry's spec.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from core.paper.panels.entries import Entry, StoredRun
from core.paper.plans import Plan, Planned
from core.run.questions import HOW, question_of
from core.run.spec import Precision, RunSpec
from core.run.stored import unknown_how


def answered(plan: Plan, runs: Iterable[StoredRun], given: Collection[str] = ()) -> list[Entry]:
    """Each planned run with the stored run that answers it best, or without one.

    Args:
        given: fields of `HOW` in which a run must be as planned. Others must where it was asked
            for: a replicate above 0, or specs of the plan that differ in nothing else.
    """
    offers = _offers(plan, runs, given)
    usual = _usual(offers)
    return [
        max(offer, key=lambda entry: _rank(entry, planned, usual), default=Entry(planned))
        for planned, offer in zip(plan, offers, strict=True)
    ]


def settled(plan: Plan, runs: Iterable[StoredRun], given: Collection[str] = ()) -> Plan:
    """The plan with the spec of the run that answers, where one is complete for all that is asked.

    The others keep the spec that was planned, which can be trained.
    """
    offers = _offers(plan, runs, given)
    usual = _usual(offers)
    found: dict[RunSpec, dict[str, list[Entry]]] = {}
    for planned, offer in zip(plan, offers, strict=True):
        for entry in offer:
            assert entry.run is not None
            found.setdefault(planned.spec, {}).setdefault(entry.run.id, []).append(entry)
    chosen = {}
    for planned in plan:
        complete = [
            entries[0]
            for entries in found.get(planned.spec, {}).values()
            if all(entry.complete for entry in entries)
        ]
        if complete:
            best = max(complete, key=lambda entry: _rank(entry, planned, usual))
            chosen[planned.spec] = best.planned.spec
    return tuple(replace(planned, spec=chosen.get(planned.spec, planned.spec)) for planned in plan)


def _offers(plan: Plan, runs: Iterable[StoredRun], given: Collection[str]) -> list[list[Entry]]:
    """For each planned run the stored ones that may answer it."""
    by_question: dict[str, list[StoredRun]] = {}
    for run in runs:
        if unknown_how(run.how) is None:
            by_question.setdefault(run.question, []).append(run)
    questions = [question_of(planned.spec) for planned in plan]
    told_apart: dict[str, set[tuple[Any, ...]]] = {}
    for planned, question in zip(plan, questions, strict=True):
        told_apart.setdefault(question, set()).add(tuple(_how(planned.spec).values()))
    offers = []
    for planned, question in zip(plan, questions, strict=True):
        columns = zip(HOW, zip(*told_apart[question], strict=True), strict=True)
        must = {*given, *(name for name, values in columns if len(set(values)) > 1)}
        must |= {"replicate"} if planned.spec.replicate else set()
        how = _how(planned.spec)
        offers.append(
            [
                Entry(_as_trained(planned, run.how), run)
                for run in by_question.get(question, ())
                if all(run.how[name] == how[name] for name in must)
            ]
        )
    return offers


def _how(spec: RunSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in HOW}


def _as_trained(planned: Planned, how: Mapping[str, Any]) -> Planned:
    # Not validated: a run of a newer engine answers too, after the way back to an older version.
    fields = {**how, "precision": Precision(how["precision"])}
    return replace(planned, spec=planned.spec.model_copy(update=fields))


def _usual(offers: Iterable[Iterable[Entry]]) -> Counter[str]:
    """How many complete answers there are in each precision."""
    return Counter(e.planned.spec.precision for offer in offers for e in offer if e.complete)


def _rank(entry: Entry, planned: Planned, usual: Counter[str]) -> tuple[Any, ...]:
    spec = entry.planned.spec
    return (
        entry.complete,
        spec.engine,
        0 if entry.complete else len(entry.curve),
        usual[spec.precision],
        spec.precision == planned.spec.precision,
        -spec.replicate,
    )
