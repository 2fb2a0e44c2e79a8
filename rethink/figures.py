"""Figures of a server, as data, as a table, as a file. `client.figures`."""

import csv
import io
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from core.run.errors import InvalidInput
from rethink.transport import Transport

if TYPE_CHECKING:
    import pandas


class Figures:
    """The panels of a server: 1a, 1b, 1c, 2a, 2b, table-1, clean-corrupted and atlas.

    Every method takes the query of the API: scale, variant, seeds, criterion, x, spread,
    log, individual, study, run and corruption (one or a list), measure. A study or runs bring
    their own scale, variant and seeds.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, name: str, **query: Any) -> dict[str, Any]:
        """A panel: its series, references, deviations, verdict and provenance."""
        path = f"figures/{quote(name, safe='')}"
        return dict(self._transport.request("GET", path, params=_params(query)))

    def rows(self, name: str, **query: Any) -> list[dict[str, str]]:
        """A row a point, its values as text: what the CSV file holds."""
        text = self.download(name, "csv", **query).decode()
        return list(csv.DictReader(io.StringIO(text)))

    def frame(self, name: str, **query: Any) -> "pandas.DataFrame":
        """The same as a pandas DataFrame.

        Raises:
            InvalidInput: pandas is not installed.
        """
        return data_frame(self.download(name, "csv", **query), instead="figures.rows")

    def download(self, name: str, format: str, **query: Any) -> bytes:
        """The figure as a file: json, csv, parquet, svg, pdf or png."""
        path = f"figures/{quote(name, safe='')}.{quote(format, safe='')}"
        return self._transport.raw("GET", path, params=_params(query)).content

    def claims(self, **query: Any) -> list[dict[str, Any]]:
        """The paper's claims with their verdicts; takes scale, variant and seeds."""
        answer = self._transport.request("GET", "claims", params=_params(query))
        return list(answer["items"])


def data_frame(table: bytes, *, instead: str) -> "pandas.DataFrame":
    """A CSV file as a pandas DataFrame; `instead` can be used without pandas.

    Raises:
        InvalidInput: pandas is not installed.
    """
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise InvalidInput(
            f"pandas is not installed: `pip install pandas`, or use {instead}"
        ) from error
    return pandas.read_csv(io.BytesIO(table))


def _params(query: dict[str, Any]) -> dict[str, Any]:
    """As they go into the address; a list goes there once for each of its items."""
    return {
        name: [str(one) for one in value] if isinstance(value, list | tuple) else str(value)
        for name, value in query.items()
        if value is not None
    }
