"""The Celery application and its one task.

Notable choices (facts in docs/adr/0002-celery-supervises.md):
- A pool of one thread and no prefetch: a waiting message stays with the broker, for any worker.
- Early acknowledgement, no retries, no results: a message carries no work, so none can be lost.
- JSON only, so that a message cannot carry code.
"""

import logging
from typing import Any

from celery import Celery, signals

from core import messages
from core.settings import Settings
from worker import transport
from worker.child import TrainerDied
from worker.supervise import Supervisor

logger = logging.getLogger(__name__)


def create_app(settings: Settings, supervisor: Supervisor) -> Celery:
    """Celery, told to call `supervisor` for each message."""
    transport.install()
    app = Celery("rethink", broker=messages.celery_url(settings.broker_url), set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_acks_late=False,
        task_default_queue=messages.QUEUE,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,  # who can publish a message could end workers
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_connect_timeout": messages.TIMEOUT,
            "socket_keepalive": True,
            "health_check_interval": 15,
        },
    )

    @app.task(name=messages.TASK)  # type: ignore[untyped-decorator]
    def work() -> None:
        supervisor.work()

    # Celery keeps weak references to receivers: these live as long as the app.
    app.rethink_receivers = _connect(app, supervisor)
    return app


def _connect(app: Celery, supervisor: Supervisor) -> list[Any]:
    def ready(**_: object) -> None:
        # Runs may have waited for a worker longer than their messages lasted.
        app.send_task(messages.TASK, queue=messages.QUEUE)

    def shutting_down(**_: object) -> None:
        supervisor.stopping.set()

    signals.worker_ready.connect(ready)
    signals.worker_shutting_down.connect(shutting_down)
    return [ready, shutting_down]


def run(settings: Settings, slot: str, why: str = "") -> int:
    """Work until a signal; then hand back the run in progress and end."""
    supervisor = Supervisor(settings, slot, why)
    try:
        supervisor.start()
    except TrainerDied as death:
        logger.error("%s. What it printed is above.", death)
        return 1
    app = create_app(settings, supervisor)
    try:
        app.worker_main(arguments(settings, slot))
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        supervisor.stop()
        if supervisor.handed_back:
            _wake_another(app)
    return 0


def arguments(settings: Settings, slot: str) -> list[str]:
    """Celery's command line."""
    return [
        "worker",
        *("--pool", "threads", "--concurrency", "1", "--hostname", f"{slot}@%h"),
        *("--queues", messages.QUEUE, "--loglevel", settings.log_level.upper()),
        *("--without-mingle", "--without-gossip", "--without-heartbeat"),
    ]


def _wake_another(app: Celery) -> None:
    """Have another worker take the run now; the API would send word within seconds."""
    try:
        app.send_task(messages.TASK, queue=messages.QUEUE, retry=False)
    except Exception as error:  # kombu raises its transport's own kinds
        logger.warning("no other worker was woken: %s", error)
