"""`python -m worker`: the commands that need torch, or that work where training happens."""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core import home
from core.catalogue import Dataset, added, datasets, models, plugins
from core.run.errors import BrokerUnavailable, InvalidInput, RethinkError
from core.run.metrics import Progress
from core.settings import Settings, get_settings


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        settings = get_settings()
        home.keep_private()
        plugins.load(settings.root)
        added.follow(settings.root)
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
    data = commands.add_parser("data", help="fetch, add, remove or list datasets")
    commands_of_data = data.add_subparsers(required=True, metavar="COMMAND")
    for name, action, about, nargs in (
        ("fetch", _fetch, "fetch a dataset, or check that it is there", "?"),
        ("status", _status, "say which datasets are there, and where", "?"),
        ("remove", _remove, "remove the images of a dataset that was added", None),
    ):
        sub = commands_of_data.add_parser(name, help=about, description=about)
        sub.set_defaults(command=action)
        sub.add_argument("dataset", nargs=nargs, help="name, with or without its fingerprint")
        if name == "status":
            sub.add_argument("--verify", action="store_true", help="read and check every byte")
            sub.add_argument("--json", action="store_true")
    about = "add a dataset of one's own from a folder, a file or torchvision"
    own = commands_of_data.add_parser("add", help=about, description=about)
    own.set_defaults(command=_add)
    own.add_argument("name")
    own.add_argument("source")
    own.add_argument("--title", default="")
    own.add_argument("--test-fraction", type=float, default=0.2)
    own.add_argument("--split-seed", type=int, default=0)
    own.add_argument("--size", type=int, default=None)
    own.add_argument("--label-column", default=None)
    own.add_argument("--json", action="store_true")
    for name, report, about in (
        ("models", _models, "list the models with their parameter counts"),
        ("bench", _bench, "measure how fast this machine trains each model"),
        ("doctor", _doctor, "say what this machine offers for training, and why"),
    ):
        sub = add(name, report, about)
        sub.add_argument("--json", action="store_true")
        if name == "bench":
            sub.add_argument("--model", action="append", default=[], choices=list(models))
            sub.add_argument("--rounds", type=int, default=5, help="turns of each pipeline")
            sub.add_argument("--seconds", type=float, default=2.0, help="length of a turn")
    return parser


def _run(settings: Settings, given: argparse.Namespace) -> int:
    from core.storage.database import refuse_newer
    from worker.app import run

    if not settings.broker_url:
        raise BrokerUnavailable(
            "RETHINK_BROKER_URL is not set: a worker needs a broker. `rethink up` starts one with "
            "all the rest."
        )
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


def _fetch(settings: Settings, given: argparse.Namespace) -> int:
    from worker.datasets import store

    name = given.dataset or datasets.default
    store.load(name, settings.root, report=_show_progress, folder=settings.cifar10)
    print(file=sys.stderr)
    print("\n".join(_described(store.status(name, settings.root, folder=settings.cifar10))))
    return 0


def _status(settings: Settings, given: argparse.Namespace) -> int:
    from worker.datasets import store

    names = [given.dataset] if given.dataset else store.names(settings.root)
    found = [
        store.status(name, settings.root, folder=settings.cifar10, verify=given.verify)
        for name in names
    ]
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(line for status in found for line in _described(status)))
    return 0


def _add(settings: Settings, given: argparse.Namespace) -> int:
    from worker.datasets import added as own
    from worker.datasets.formats.found import Options

    name = own.add(
        given.name,
        given.source,
        settings.root,
        title=given.title,
        options=Options(
            test_fraction=given.test_fraction,
            split_seed=given.split_seed,
            size=given.size,
            label_column=given.label_column,
        ),
        report=_show_progress,
    )
    print(file=sys.stderr)
    status = own.status(name, settings.root)
    if given.json:
        print(json.dumps(status, indent=2))
    else:
        print("\n".join([*_described(status), f"  rethink run --dataset {name}"]))
    return 0


def _remove(settings: Settings, given: argparse.Namespace) -> int:
    from worker.datasets import added as own

    name = own.remove(given.dataset, settings.root)
    print(f"{name} was removed; its description stays, for the runs that were trained on it")
    return 0


def _described(status: dict[str, Any]) -> Iterator[str]:
    """A dataset's status in words, a fact a line."""
    own = "" if status["sources"] else f", as {status['name']}"
    yield f"{status['title']}: {status['reason'] or status['state']}{own}"
    if status["state"] == "ready":
        provenance = status["provenance"] or {}
        if status["name"] in datasets:
            yield f"  {_facts(datasets[status['name']])}"
        yield f"  in {status['folder']}, {status['bytes'] / 1e6:.0f} MB"
        yield f"  from {provenance.get('source', 'a source that was not recorded')}"
        yield f"  fingerprint {status['fingerprint']}"
        yield from (f"  note: {note}" for note in provenance.get("notes", ()))
    if status["state"] == "ready" or not status["sources"]:
        return
    yield "  `rethink data fetch` gets it from, in this order:"
    for source in status["sources"]:
        obstacle = source["obstacle"]
        yield f"  - {source['name']}" + (f", but: {obstacle}" if obstacle else "")


def _facts(info: Dataset) -> str:
    return (
        f"{info.train_size:,} training and {info.test_size:,} test images, {info.height}×"
        f"{info.width} pixels, {'grey' if info.channels == 1 else 'colour'}, {info.classes} classes"
    )


def _show_progress(progress: Progress) -> None:
    part = "" if progress.fraction is None else f" {progress.fraction:4.0%}"
    line = f"{progress.phase}{part} {progress.detail or ''}"
    end = "" if sys.stderr.isatty() else "\n"
    print(f"\r\x1b[K{line}" if not end else line, end=end, file=sys.stderr, flush=True)


def _models(_: Settings, given: argparse.Namespace) -> int:
    from core.run.spec import RunSpec
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
            status
            for name in store.names(settings.root)
            if (status := store.status(name, settings.root, folder=settings.cifar10))["state"]
            != "removed"
        ],
    }
    print(json.dumps(found, indent=None if given.json else 2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
