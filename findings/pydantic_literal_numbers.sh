#!/usr/bin/env bash
# Literal[1, 2] takes true and 1.0, strictly, and refuses the 2 of a query string.
#
# Guess:    a strict model with `layers: Literal[1, 2]` takes 1 and 2 and nothing else, as `int` does under
#           strict; and in a FastAPI query ?layers=2 is the number 2.
# Happens:  true and 1.0 pass, from Python and from JSON, strict or not, and become 1: a Literal is looked
#           up by equality. A query string is text, which equals neither number: 422, "Input should be
#           1 or 2". An IntEnum takes the text. (`int` under strict refuses true and 1.0.)
# Version:  pydantic 2.14.4, fastapi 0.165.0; 2026-11-28.
# Source:   pydantic-core's src/validators/literal.rs, LiteralLookup: a dictionary lookup after the
#           lookups by exact type; pydantic's page "Conversion Table" has no row that says so.
# Follows:  a boolean passes for a number of layers and is hashed as 1, so identity holds, but a caller's
#           mistake goes unseen; in query strings use an IntEnum or Annotated[int, Field(ge=1, le=2)].
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pydantic==2.14.4 fastapi==0.165.0 \
    httpx2==2.16.2

venv/bin/python - <<'PYTHON'
from enum import IntEnum
from typing import Literal

import fastapi
import pydantic
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

Layers = IntEnum("Layers", {"ONE": 1, "TWO": 2})


class Spec(BaseModel):
    model_config = ConfigDict(strict=True)
    layers: Literal[1, 2]


class Plain(BaseModel):
    model_config = ConfigDict(strict=True)
    layers: int


def taken(model, text):
    try:
        return repr(model.model_validate_json(text).layers)
    except ValidationError:
        return "refused"


app = fastapi.FastAPI()


@app.get("/literal")
def literal(layers: Literal[1, 2]) -> int:
    return layers


@app.get("/enum")
def enum(layers: Layers) -> int:
    return layers


print(f"pydantic {pydantic.VERSION}, fastapi {fastapi.__version__}; strict, from JSON")
bodies = ('{"layers": true}', '{"layers": 1.0}', '{"layers": "1"}')
found = {body: (taken(Spec, body), taken(Plain, body)) for body in bodies}
for body, (by_literal, by_int) in found.items():
    print(f"{body:18} expected refused; Literal[1, 2]: {by_literal}, int: {by_int}")
client = TestClient(app)
status = [client.get(f"/{kind}?layers=2").status_code for kind in ("literal", "enum")]
print(f"?layers=2          expected 200; Literal[1, 2]: {status[0]}, IntEnum: {status[1]}")
held = list(found.values()) == [("1", "refused"), ("1", "refused"), ("refused", "refused")]
raise SystemExit(0 if held and status == [422, 200] else "no longer as stated")
PYTHON
