"""Servers of one home, on one host or several, do not get into each other's way."""

import os
import socket
from pathlib import Path

import pytest

from core import address
from core.settings import Settings


def test_each_server_has_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path)
    alive = {101, 102}
    monkeypatch.setattr(address, "is_alive", lambda pid, _: pid in alive)

    def starts(pid: int, url: str, host: str = "lab") -> Path:
        monkeypatch.setattr(os, "getpid", lambda: pid)
        monkeypatch.setattr(socket, "gethostname", lambda: host)
        path = address.publish(settings, url)
        os.utime(path, (pid, pid))
        return path

    first = starts(101, "http://127.0.0.1:1")
    second = starts(102, "http://127.0.0.1:2")
    elsewhere = starts(101, "http://127.0.0.1:3", host="other")
    assert address.listening(settings)["url"] == "http://127.0.0.1:3"  # on the other host
    monkeypatch.setattr(socket, "gethostname", lambda: "lab")
    assert address.listening(settings) == {"url": "http://127.0.0.1:1", "pid": 101}
    second.unlink()
    assert address.listening(settings)["url"] == "http://127.0.0.1:1"
    alive.remove(101)  # killed: its file stays behind
    assert address.listening(settings) == {}
    alive.add(103)
    starts(103, "http://127.0.0.1:4")
    assert address.listening(settings)["url"] == "http://127.0.0.1:4"
    assert not first.exists()
    assert elsewhere.exists()


def test_a_process_that_runs_something_else_is_not_the_server() -> None:
    assert address.is_alive(os.getpid(), "py")
    assert not address.is_alive(os.getpid(), "no such program")
