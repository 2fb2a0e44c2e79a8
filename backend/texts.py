"""Short texts that users write: the name of a run, the title of a study, a search for either."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

HIDDEN = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""Control characters, further ends of lines, and marks that turn the direction of writing: in a
table they would break its rows or make one look like another."""
_HIDDEN = re.compile(f"[{HIDDEN}]")


def _one_line(text: str) -> str:
    if found := _HIDDEN.search(text):
        raise PydanticCustomError(
            "text",
            "should be one line without control characters: leave out U+{code}",
            {"code": f"{ord(found[0]):04X}"},
        )
    return text


ShortText = Annotated[
    str,
    Field(max_length=200, json_schema_extra={"pattern": f"^[^{HIDDEN}]*$"}),
    # Not by the pattern: its error would show a regular expression in place of a sentence.
    AfterValidator(_one_line),
]
"""At most 200 characters on one line."""
