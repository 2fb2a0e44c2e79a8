"""`python -m backend`: serve the API and the page with uvicorn."""

import argparse
import errno
import gc
import logging
import signal
import socket
import sys
from types import FrameType

import structlog
import uvicorn

from backend import connections
from backend.app import LOOPBACK, create_app
from core import address, descriptors, home
from core.run.errors import Conflict, InvalidInput, RethinkError
from core.settings import Settings, get_settings
from core.storage.database import refuse_newer

TOKEN_LENGTH = 32
"""Characters that the token of a server has at least that others can reach."""
GRACE_SECONDS = 5
"""Open streams get this long to end."""


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m backend", description=__doc__)
    options.add_argument("--host", default=None, help="address to bind (RETHINK_HOST)")
    options.add_argument("--port", default=None, type=int, help="port; 0: a free one")
    given = options.parse_args()
    try:
        settings = get_settings()
        changes = {"host": given.host, "port": given.port}
        settings = settings.model_copy(update={k: v for k, v in changes.items() if v is not None})
        return serve(settings)
    except RethinkError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 2 if isinstance(error, InvalidInput) else 1


def serve(settings: Settings) -> int:
    """Serve until a signal. Writes where it listens into the home, for clients to find it."""
    _refuse_open_bind(settings)
    home.keep_private()
    refuse_newer(settings)
    _configure_logging(settings.log_level)
    most = connections.limit_for(descriptors.raise_limit())
    listener = _bind(settings)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else shown}:{port}"
    app = create_app(settings)
    # What is loaded stays: without this, answers wait for the collector to look through it again.
    gc.collect()
    gc.freeze()
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            http=connections.protocol(most),
            limit_concurrency=most,
            timeout_graceful_shutdown=GRACE_SECONDS,
            server_header=False,
        )
    )
    # uvicorn shuts down on these, then raises them again: what remains is to tidy up and return.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    path = address.publish(settings, url)
    try:
        logging.getLogger(__name__).info("listening on %s", url)
        server.run(sockets=[listener])
    finally:
        path.unlink(missing_ok=True)
    return 0


class _Server(uvicorn.Server):
    """Tells open streams to end as soon as the signal comes, not after they have ended."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.config.app.state.hub.close()  # type: ignore[union-attr]
        super().handle_exit(sig, frame)


def _refuse_open_bind(settings: Settings) -> None:
    if settings.host in LOOPBACK:
        return
    if len(settings.token) < TOKEN_LENGTH:
        raise InvalidInput(
            f"Binding to {settings.host} opens the server to others: set RETHINK_TOKEN to a "
            f"secret of your own of at least {TOKEN_LENGTH} characters first, such as "
            "`openssl rand -hex 32` prints, and RETHINK_ALLOWED_HOSTS to the names it is reached "
            f"by. It has {len(settings.token)} now."
        )


def _bind(settings: Settings) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        refusal = Conflict if error.errno == errno.EADDRINUSE else InvalidInput
        raise refusal(
            f"Cannot listen on {settings.host}, port {settings.port} ({error.strerror}). "
            "Choose another with --port, or --port 0 for any free one."
        ) from error
    return listener


def _configure_logging(level: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=False),
        ],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    handler.addFilter(connections.Seldom())
    logging.basicConfig(level=level.upper(), handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
