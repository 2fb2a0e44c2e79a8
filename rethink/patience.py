"""How long whoever follows something asks on while nothing answers, as a server that restarts."""

from collections.abc import Callable
from typing import TypeVar

from core.run.errors import NotFound, RethinkError

GIVE_UP_AFTER = 60
"""Questions in a row that the server did not answer."""

Answer = TypeVar("Answer")


class Patience:
    """Counts the questions in a row that failed."""

    def __init__(self) -> None:
        self._failures = 0

    def ask(self, question: Callable[[], Answer]) -> Answer | None:
        """The answer, or None where it is worth asking again.

        Raises:
            RethinkError: what is asked for is not there, or `GIVE_UP_AFTER` questions failed.
        """
        try:
            answer = question()
        except RethinkError as error:
            self.failed(error)
            return None
        self.answered()
        return answer

    def answered(self) -> None:
        self._failures = 0

    def failed(self, error: RethinkError) -> None:
        """Take note of `error`, or raise it if asking again is of no use."""
        self._failures += 1
        if isinstance(error, NotFound) or self._failures > GIVE_UP_AFTER:
            raise error
