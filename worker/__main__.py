"""`python -m worker`: the commands that need torch, or that work where training happens."""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core.catalogue import datasets, models, plugins
from core.domain.errors import BrokerUnavailable, InvalidInput, RethinkError
from core.domain.metrics import Progress
from core.settings import Settings, get_settings


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        settings = get_settings()
        plugins.load(settings.root)
        given = _parser().parse_args(arguments)
        code: int = given.command(settings, given)
    except RethinkError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 2 if isinstance(error, InvalidInput) else 1
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m worker", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Any, about: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=about, description=about)
        sub.set_defaults(command=command)
        return sub

    run = add("run", _run, "train runs from the queue until stopped")
    run.add_argument("--slot", default="0", help="name of this worker on its host")
    run.add_argument("--why", default="", help="why its host has as many workers as it has")
    bundle = add("bundle", _bundle, "train a work bundle: no server, broker or database")
    bundle.add_argument("work", type=Path, help="made by `rethink bundle make`")
    bundle.add_argument("--out", type=Path, required=True, help="results, added to if there")
    bundle.add_argument("--time-budget", help="put aside what is left after this, as 2h30m")
    bundle.add_argument("--workers", type=int, default=0, help="trainers side by side")
    bundle.add_argument("--threads", type=int, default=1, help="CPU threads of each")
    bundle.add_argument("--part", default="1/1", help="train a share only: 2/8 is the second of 8")
    bundle.add_argument("--weights", action="store_true", help="keep last checkpoints too")
    bundle.add_argument("--idle", action="store_true", help="only when nothing else wants the CPU")
    data = add("data", _data, "fetch the datasets, or say what is there")
    data.add_argument("what", choices=["fetch", "status"])
    data.add_argument("dataset", nargs="?", default="cifar10", choices=list(datasets))
    data.add_argument("--verify", action="store_true", help="read and check every byte")
    for name, command, about in (
        ("models", _models, "list the models with their parameter counts"),
        ("bench", _bench, "measure how fast this machine trains each model"),
        ("doctor", _doctor, "say what this machine offers for training, and why"),
    ):
        sub = add(name, command, about)
        sub.add_argument("--json", action="store_true")
        if name == "bench":
            sub.add_argument("--model", action="append", default=[], choices=list(models))
            sub.add_argument("--rounds", type=int, default=5, help="turns of each pipeline")
            sub.add_argument("--seconds", type=float, default=2.0, help="length of a turn")
    data.add_argument("--json", action="store_true")
    return parser


def _run(settings: Settings, given: argparse.Namespace) -> int:
    from core import home
    from core.storage.database import refuse_newer
    from worker.app import run

    if not settings.broker_url:
        raise BrokerUnavailable(
            "RETHINK_BROKER_URL is not set: a worker needs a broker. `rethink up` starts one with "
            "all the rest."
        )
    home.keep_private()
    refuse_newer(settings)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s [%(levelname)s] %(message)s"
    )
    return run(settings, given.slot, given.why)


def _bundle(_: Settings, given: argparse.Namespace) -> int:
    from worker import bundle

    options = bundle.Options(
        out=given.out,
        workers=given.workers,
        threads=given.threads,
        seconds=bundle.seconds_of(given.time_budget) if given.time_budget else None,
        part=bundle.part_of(given.part),
        weights=given.weights,
    )
    return bundle.train(given.work, options, idle=given.idle)


def _data(settings: Settings, given: argparse.Namespace) -> int:
    from core import home
    from worker.datasets import store

    if given.what == "fetch":
        home.keep_private()
        store.load(given.dataset, settings.root, report=_show_progress, folder=settings.cifar10)
        print(file=sys.stderr)
    status = store.status(
        given.dataset, settings.root, folder=settings.cifar10, verify=given.verify
    )
    if given.json:
        print(json.dumps(status, indent=2))
    else:
        print("\n".join(_described(status)))
    return 0 if status["state"] == "ready" or given.what == "status" else 1


def _described(status: dict[str, Any]) -> Iterator[str]:
    """A dataset's status in words, a fact a line."""
    yield f"{status['title']}: {status['reason'] or status['state']}"
    if status["state"] == "ready":
        provenance = status["provenance"] or {}
        yield f"  in {status['folder']}, {status['bytes'] / 1e6:.0f} MB"
        yield f"  from {provenance.get('source', 'a source that was not recorded')}"
        yield f"  fingerprint {status['fingerprint']}"
        return
    yield "  `rethink data fetch` gets it from, in this order:"
    for source in status["sources"]:
        obstacle = source["obstacle"]
        yield f"  - {source['name']}" + (f", but: {obstacle}" if obstacle else "")


def _show_progress(progress: Progress) -> None:
    part = "" if progress.fraction is None else f" {progress.fraction:4.0%}"
    line = f"{progress.phase}{part} {progress.detail or ''}"
    end = "" if sys.stderr.isatty() else "\n"
    print(f"\r\x1b[K{line}" if not end else line, end=end, file=sys.stderr, flush=True)


def _models(_: Settings, given: argparse.Namespace) -> int:
    from core.domain.spec import RunSpec
    from worker.training.models import parameter_count

    counts = {name: parameter_count(RunSpec(model=name)) for name in models}
    if given.json:
        print(json.dumps([{"name": name, "parameters": n} for name, n in counts.items()]))
    else:
        for name, n in counts.items():
            print(f"{name:12} {n:>10,}  {models[name].title}")
    return 0


def _bench(_: Settings, given: argparse.Namespace) -> int:
    from worker import bench

    options = ["--rounds", str(given.rounds), "--seconds", str(given.seconds)]
    options += [f"--model={model}" for model in given.model] + ["--json"] * given.json
    return bench.main(options)


def _doctor(settings: Settings, given: argparse.Namespace) -> int:
    from worker.datasets import store
    from worker.training import device

    device.configure(settings.threads)
    found = {
        **device.describe(),
        "datasets": [
            store.status(name, settings.root, folder=settings.cifar10) for name in datasets
        ],
    }
    print(json.dumps(found, indent=None if given.json else 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
