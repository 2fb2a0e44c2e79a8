"""`rethink up`, `api` and `worker`: start servers."""

import os
from typing import Annotated

import typer

from core.settings import Settings, get_settings

Host = Annotated[
    str | None, typer.Option(help="Address to bind to: RETHINK_HOST, or 127.0.0.1, unless given.")
]
Port = Annotated[
    int | None,
    typer.Option(
        min=0, max=65535, help="Port, 0 for a free one: RETHINK_PORT, or 8000, unless given."
    ),
]


def up(
    host: Host = None,
    port: Port = None,
    demo: Annotated[
        bool | None,
        typer.Option(
            "--demo/--no-demo",
            help="Start the race if there is no run: RETHINK_DEMO, or yes, unless given.",
        ),
    ] = None,
) -> None:
    """Start everything on this machine, and print the link that opens the page.

    With the token in it on a terminal only; elsewhere `rethink token` prints that.
    Broker, database, API and workers. Ctrl-C ends all of it.
    """
    from rethink.up import up as start

    settings = get_settings()
    start(
        settings,
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        demo=settings.demo if demo is None else demo,
    )


def api(host: Host = None, port: Port = None) -> None:
    """Start the API and the page alone; brings the database to the newest schema before."""
    migrate()
    arguments = [f"--host={host}"] if host is not None else []
    arguments += [f"--port={port}"] if port is not None else []
    _become("backend", *arguments)


def worker(
    slot: Annotated[
        str | None, typer.Option(help="Start one, of this name on its machine.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1024,
            help="How many. Left out: RETHINK_WORKERS, or as many as fill the machine beside those "
            "that run; `rethink doctor` says how many it carries.",
        ),
    ] = None,
) -> None:
    """Start workers; any number of them share a queue, on any number of machines.

    Beside `rethink up` they join the same queue.
    """
    from rethink.workers import run

    settings = get_settings()
    run(settings, _local_broker(settings), slot=slot, count=workers)


def migrate() -> None:
    """Bring the database to the newest schema; create it if there is none. `api` does it too."""
    from core.storage import database

    database.migrate(get_settings(), typer.echo)


def _become(name: str, *arguments: str) -> None:
    """Replace this process by one of the project's programs."""
    from rethink.processes import module, module_environment

    command = module(name, *arguments)
    os.execve(command[0], command, module_environment(_local_broker(get_settings())))


def _local_broker(settings: Settings) -> dict[str, str]:
    """The address of the broker that the `rethink up` of this home started, if one runs."""
    from rethink.discovery import running

    url = "" if settings.broker_url else running(settings).get("broker_url", "")
    return {"RETHINK_BROKER_URL": url} if url else {}
