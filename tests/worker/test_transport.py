"""What another with the broker's password may send: none of it ends the worker."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.broker import Broker
from core import messages
from tests.processes import eventually
from tests.services import Valkey

PROGRAM = """
import sys, threading
from core.settings import Settings
from worker.app import arguments, create_app

class Supervisor:
    stopping = threading.Event()
    def work(self):
        print("worked", flush=True)

settings = Settings(broker_url=sys.argv[1])
create_app(settings, Supervisor()).worker_main(arguments(settings, "0"))
"""


class Worker:
    """Celery as a worker runs it, with a supervisor that says when it was called."""

    def __init__(self, broker_url: str, output: Path) -> None:
        self.output = output
        with output.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, broker_url],
                cwd=Path(__file__).parents[2],
                stdout=file,
                stderr=file,
            )

    @property
    def calls(self) -> int:
        return self.output.read_text().count("worked")

    def await_calls(self, count: int) -> None:
        eventually(lambda: self.calls >= count or self.process.poll() is not None, 30)
        assert self.process.poll() is None, self.output.read_text()[-3000:]


@pytest.fixture
def garbage(valkey: Valkey) -> list[bytes | str]:
    """Messages that are none, and real ones with a part missing or of another kind."""
    client = messages.connect(valkey.url)
    client.flushall()
    Broker(valkey.url).wake_a_worker()
    taken = client.rpop(messages.QUEUE)
    assert isinstance(taken, bytes)
    real: dict[str, Any] = json.loads(taken)
    found: list[bytes | str] = [b"\xff\xfe", "no JSON", "[]", "{}", "null", '{"properties": 5}']
    for part, value in real.items():
        rest = {k: v for k, v in real.items() if k != part}
        found += [json.dumps(rest), json.dumps(real | {part: 5})]
        for key in value if isinstance(value, dict) else ():
            fewer = {k: v for k, v in value.items() if k != key}
            found.append(json.dumps(real | {part: fewer}))
    return found


@pytest.fixture
def worker(valkey: Valkey, tmp_path: Path) -> Iterator[Worker]:
    messages.connect(valkey.url).flushall()
    started = Worker(valkey.url, tmp_path / "output")
    yield started
    started.process.terminate()
    started.process.wait(20)


def test_messages_that_cannot_be_read_are_skipped(
    garbage: list[bytes | str], worker: Worker, valkey: Valkey
) -> None:
    client, broker = messages.connect(valkey.url), Broker(valkey.url)
    worker.await_calls(1)
    for faulty in garbage:
        client.lpush(messages.QUEUE, faulty)
        calls = worker.calls
        assert broker.wake_a_worker()
        worker.await_calls(calls + 1)
    eventually(lambda: not client.llen(messages.QUEUE) and not client.hlen("unacked"))
    calls = worker.calls
    assert broker.wake_a_worker()
    worker.await_calls(calls + 1)


def test_a_worker_takes_no_orders_over_the_broker(worker: Worker, valkey: Valkey) -> None:
    from celery import Celery

    worker.await_calls(1)
    other = Celery(broker=messages.celery_url(valkey.url), set_as_current=False)
    other.control.broadcast("shutdown")
    assert Broker(valkey.url).wake_a_worker()
    worker.await_calls(2)
