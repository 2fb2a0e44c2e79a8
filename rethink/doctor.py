"""`rethink doctor`: what this machine offers, and why; what is missing, and what to do about it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core import credentials, home
from core.catalogue import plugins
from core.run.errors import RethinkError
from core.settings import Settings
from rethink import broker
from rethink.capacity import capacity
from rethink.client import Client
from rethink.processes import module, module_environment

WORKER_SECONDS = 120
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A fact about this machine. Only what is needed can be broken."""

    subject: str
    state: Literal["ok", "note", "broken"]
    detail: str

    @property
    def broken(self) -> bool:
        return self.state == "broken"

    def as_json(self) -> dict[str, str]:
        return {"subject": self.subject, "state": self.state, "detail": self.detail}


def diagnose(settings: Settings) -> list[Finding]:
    """Look at everything; nothing is changed, and nothing found broken stops the rest."""
    findings = [_home(settings)]
    findings += _worker()
    side_by_side = f"`rethink up` starts {capacity(settings).sentence}"
    findings.append(Finding(subject="workers", state="ok", detail=side_by_side))
    findings += [_plugin(plugin) for plugin in plugins.load(settings.root)]
    findings += [_database(settings), _broker(settings), _server(settings), _browser()]
    return findings


def table(findings: list[Finding]) -> str:
    marks = {"ok": "ok", "note": "--", "broken": "BROKEN"}
    width = max(len(f.subject) for f in findings)
    return "\n".join(f"{marks[f.state]:>6}  {f.subject:{width}}  {f.detail}" for f in findings)


def _plugin(plugin: plugins.Plugin) -> Finding:
    told = f"{plugin.source}: {plugin.fault or 'adds ' + (', '.join(plugin.adds) or 'nothing')}"
    return Finding(subject="plugin", state="note" if plugin.fault else "ok", detail=told)


def _home(settings: Settings) -> Finding:
    try:
        path = home.folder(settings)
    except RethinkError as error:
        return Finding(subject="home", state="broken", detail=error.message)
    free = shutil.disk_usage(path).free / 1e9
    return Finding(subject="home", state="ok", detail=f"{path}, {free:.0f} GB free")


def _worker() -> Iterator[Finding]:
    """What `python -m worker doctor` says of device, precision, threads and data."""
    try:
        answer = subprocess.run(
            module("worker", "doctor", "--json"),
            env=module_environment({}),
            capture_output=True,
            text=True,
            timeout=WORKER_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        detail = f"it did not start within {WORKER_SECONDS} s"
        yield Finding(subject="worker", state="broken", detail=detail)
        return
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip() or "no reason was given").splitlines()[-1]
        yield Finding(subject="worker", state="broken", detail=f"it cannot start: {said}")
        return
    facts: dict[str, Any] = json.loads(answer.stdout)
    yield _device(facts)
    yield Finding(subject="precision", state="ok", detail=facts["precision_reason"])
    yield from map(_dataset, facts["datasets"])


def _device(facts: dict[str, Any]) -> Finding:
    numerics = facts["numerics"]
    memory = "" if facts["memory_bytes"] is None else f", {facts['memory_bytes'] / 1e9:.0f} GB"
    why = ", as torch finds no CUDA device" if facts["device"] == "cpu" else ""
    detail = (
        f"{facts['device']}{why}: {facts['name']}{memory}; {numerics['threads']} of "
        f"{facts['cores']} cores, torch {numerics['torch']}"
    )
    return Finding(subject="device", state="ok", detail=detail)


def _dataset(status: dict[str, Any]) -> Finding:
    """Broken only if it is damaged, or neither here nor to be had from anywhere."""
    subject = status["title"]
    if status["state"] == "ready":
        origin = (status["provenance"] or {}).get("source", "its source is not recorded")
        return Finding(subject=subject, state="ok", detail=f"in {status['folder']}, from {origin}")
    if status["state"] == "damaged":
        return Finding(subject=subject, state="broken", detail=status["reason"])
    usable = [source["name"] for source in status["sources"] if source["obstacle"] is None]
    if usable:
        detail = f"to be fetched before the first run, from {' or '.join(usable)}"
        return Finding(subject=subject, state="note", detail=detail)
    obstacles = "; ".join(f"{s['name']}: {s['obstacle']}" for s in status["sources"])
    return Finding(subject=subject, state="broken", detail=f"it has no source ({obstacles})")


def _database(settings: Settings) -> Finding:
    from core.storage.clock import now
    from core.storage.database import Database

    file = settings.root / "rethink.db"
    if not settings.database_url and not file.exists():
        return Finding(subject="database", state="ok", detail=f"SQLite, to be made at {file}")
    try:
        database = Database(settings.database)
    except RethinkError as error:
        return Finding(subject="database", state="broken", detail=error.message)
    try:
        with database.read() as session:
            now(session)
    except RethinkError as error:
        return Finding(subject="database", state="broken", detail=error.message)
    finally:
        database.close()
    return Finding(subject="database", state="ok", detail=f"{database.shown} answers")


def _broker(settings: Settings) -> Finding:
    if url := settings.broker_url:
        shown = credentials.hidden(url)
        try:
            answers = broker.answers(url)
        except RethinkError as error:
            return Finding(subject="broker", state="broken", detail=error.message)
        if answers:
            return Finding(subject="broker", state="ok", detail=f"{shown} answers")
        return Finding(
            subject="broker",
            state="broken",
            detail=f"{shown} does not answer: start it, or correct RETHINK_BROKER_URL",
        )
    binary = broker.find_binary()
    if binary is None:
        return Finding(subject="broker", state="broken", detail=broker.NONE_FOUND)
    return Finding(
        subject="broker", state="ok", detail=f"`rethink up` starts its own, from {binary.source}"
    )


def _server(settings: Settings) -> Finding:
    try:
        with Client(settings=settings) as client:
            health = client.health()
    except RethinkError as error:
        return Finding(subject="server", state="note", detail=error.message)
    detail = f"{client.url} is {health['status']}, with {health['workers']} workers"
    return Finding(subject="server", state="ok", detail=detail)


def _browser() -> Finding:
    """A Chromium, which only the project's own browser tests need."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        downloads = os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "~/.cache/ms-playwright")
        builds = sorted(Path(downloads).expanduser().glob("chromium*"))
        found = str(builds[-1]) if builds else None
    if found is None:
        detail = "no Chromium; only the browser tests of `make test` need one"
        return Finding(subject="browser", state="note", detail=detail)
    return Finding(subject="browser", state="ok", detail=f"{found}, for the browser tests")
