"""Short texts that users write: the name of a run, the title of a study, a search for either."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError


def _storable(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("text", "should be without the character NUL (U+0000)")
    return text


ShortText = Annotated[
    str,
    Field(max_length=200, json_schema_extra={"pattern": r"^[^\u0000]*$"}),
    # Not by the pattern: its error would show a regular expression in place of a sentence.
    AfterValidator(_storable),
]
"""At most 200 characters, none of them NUL: PostgreSQL stores it in no text, though SQLite does."""
