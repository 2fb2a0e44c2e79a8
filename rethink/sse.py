"""Server-Sent Events, as the HTML standard frames them (section 9.2.6)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ServerEvent:
    event: str = "message"
    data: str = ""
    id: str | None = None
    """Sequence number to resume after; None for events that are not replayed."""


@dataclass(slots=True)
class _Pending:
    event: str = "message"
    data: list[str] = field(default_factory=list)
    id: str | None = None


def parse(lines: Iterable[str]) -> Iterator[ServerEvent]:
    """The events in `lines` (without line ends). A last one that was cut off is dropped."""
    pending = _Pending()
    for line in lines:
        if not line:
            if pending.data:
                yield ServerEvent(pending.event, "\n".join(pending.data), pending.id)
            pending = _Pending()
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            pending.event = value
        elif name == "data":
            pending.data.append(value)
        elif name == "id" and "\0" not in value:
            pending.id = value
