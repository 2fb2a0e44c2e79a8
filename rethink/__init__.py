"""The Python client, the command line over it, and `rethink up`.

    from rethink import Client

    client = Client()                       # finds the server on this machine
    run = client.runs.create({"model": "mlp-1x512", "n_train": 5000}, epochs=10)
    run = client.wait(run.id)
    curve = client.runs.metrics(run.id)     # a row an epoch; `frame` for pandas

Starts the other programs as processes; imports neither them nor torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rethink.client import Client, Run

__all__ = ["Client", "Run"]


def __getattr__(name: str) -> Any:
    """Load the client when it is asked for: most commands need no HTTP library."""
    if name in __all__:
        from rethink import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
