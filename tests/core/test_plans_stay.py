"""The identities of the paper's runs and the order of its plans, as released: what is stored under
them must be found again. Whoever moves one on purpose raises `ENGINE`, or adds a field that old
specs do not have."""

import hashlib
import json

import pytest

from core.paper.criteria import CRITERIA
from core.paper.scales import Scale
from core.paper.studies import CATALOGUE, StudyName, plan
from core.run.spec import Precision, Variant

DIGESTS = {
    "figure-1a": "d6400bd8bdc70dd0",
    "figure-1bc": "f2503cf33ac7e983",
    "figure-2a": "01af1c32c1c95d84",
    "figure-2b": "044d8217f28dc2ed",
    "table-1": "044dbdcb4c873b9d",
    "everything": "487b07b8593bc717",
}


def digest(name: StudyName) -> str:
    found = hashlib.sha256()
    for scale in Scale:
        for variant in Variant:
            for seeds in (1, 3):
                for precision in Precision:
                    for criterion in (None, CRITERIA["loss-0.1"]):
                        for e in plan(name, scale, variant, seeds, precision, criterion):
                            demand = e.demand.model_dump(mode="json")
                            role = [e.role.panel, e.role.series, e.role.corruption, e.role.seed]
                            row = [e.spec.hash(), demand, *role, e.stage]
                            found.update(json.dumps(row, sort_keys=True).encode())
    return found.hexdigest()[:16]


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_specs_demands_roles_and_order_of_a_plan_stay(name: StudyName) -> None:
    assert digest(name) == DIGESTS[name]
