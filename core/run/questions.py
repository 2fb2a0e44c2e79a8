"""The question that a run answers: its spec without what says how it was trained.

A spec's hash names a trajectory, and another version of the training code makes another one. The
question is what figures and plans look runs up by, so that results outlive an upgrade.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from core.run.spec import RunSpec

HOW = ("engine", "precision", "replicate")
"""The fields of a spec that say how a run is trained, and not what is asked."""


def question(spec: Mapping[str, Any]) -> str:
    """SHA-256 of the JSON of a stored spec without the fields in `HOW`, in hex."""
    asked = {name: value for name, value in spec.items() if value is not None and name not in HOW}
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def question_of(spec: RunSpec) -> str:
    """The question of a spec."""
    return question(spec.model_dump(mode="json"))
