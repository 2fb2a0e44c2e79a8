"""Secrets: what a token may be, and texts without the passwords and tokens that URLs hold."""

import re

_IN_HEADER = re.compile(r"[ -~]*")
_USER = re.compile(r"(?<=//)[^\s'\"]*@|(?<![^\s'\"])(?![^\s'\"]*//)[^\s'\"]*:[^\s'\"]*@")
"""After a scheme, or where it was forgotten."""
_VALUE = re.compile(r"(?<=[?&#])(\w*(?:password|token)=)[^&#\s'\"]+", re.IGNORECASE)


def usable(token: str) -> str:
    """`token` without white space at its ends.

    Raises:
        ValueError: no HTTP header could carry it. The message does not show it.
    """
    token = token.strip()
    if not _IN_HEADER.fullmatch(token):
        raise ValueError(
            "token is not allowed: a line break, a control character or a letter outside ASCII is "
            "in it, which an HTTP header cannot carry. Copy it again, or use letters and digits"
        )
    return token


def hidden(text: str) -> str:
    """`text` as it may be shown: `***` stands for users with their passwords and for tokens."""
    return _VALUE.sub(r"\1***", _USER.sub("***@", text))
