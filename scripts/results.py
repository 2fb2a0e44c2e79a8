"""Recorded figures: make them from the bundles in results/bundles, or check that they are.

    python scripts/results.py check
    python scripts/results.py record [BUNDLE.zip …]    first adds these bundles

The runs are imported into a database of their own, and read by what the API reads figures with. A
recorded figure none of whose runs is in a bundle is older than bundles, and left as it is.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.figures import publication, service, tables
from backend.figures.schemas import FigureQuery
from core import bundles
from core.catalogue import panels
from core.paper.panel import Panel
from core.paper.scales import Scale
from core.paper.studies import MAX_SEEDS
from core.settings import Settings
from core.storage import imports
from core.storage.artifacts import Folder
from core.storage.database import Database, migrate

RESULTS = Path(__file__).parents[1] / "results"
NAMES = tuple(panel.name for panel in panels.values() if panel.role)


@contextmanager
def database(folder: Path = RESULTS / "bundles") -> Iterator[Database]:
    """A database that holds the runs of all bundles in `folder`, for a while."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), database_url="", artifacts=None)
        migrate(settings)
        opened = Database(settings.database)
        for file in sorted(folder.glob("*.zip")):
            origin = imports.origin(file)
            for result in bundles.read_results(file):
                with opened.write() as session:
                    imports.add(session, Folder.of(settings), result, origin)
        yield opened
        opened.close()


def recompute(runs: Database, recorded: Panel) -> Panel | None:
    """The same figure from the bundles; None where they have none of its runs."""
    query = FigureQuery.model_validate(
        {"scale": recorded.scale, "variant": recorded.variant, "seeds": recorded.seeds}
    )
    found = service.draw(runs, recorded.name, query).panel
    return found if found.counts.missing < found.counts.planned else None


def check(runs: Database) -> int:
    """Compare every recorded figure, its facts and its verdict; returns an exit code."""
    differ = 0
    for file in sorted(RESULTS.glob("*/*.json")):
        recorded = Panel.model_validate_json(file.read_bytes())
        again = recompute(runs, recorded)
        if again is None:
            print(f"{file.relative_to(RESULTS)}: older than bundles, not checked")
            continue
        same_table = tables.to_csv(again) == file.with_suffix(".csv").read_bytes()
        if again == recorded and same_table:
            print(f"{file.relative_to(RESULTS)}: the same from {again.counts.complete} runs")
            continue
        differ += 1
        print(f"{file.relative_to(RESULTS)}: differs in {', '.join(_differing(recorded, again))}")
    if differ:
        print("If that is meant, record them again: make results-record", file=sys.stderr)
    return 1 if differ else 0


def _differing(recorded: Panel, again: Panel) -> list[str]:
    fields = [f for f in Panel.model_fields if getattr(recorded, f) != getattr(again, f)]
    return fields or ["its table"]


def record(runs: Database) -> None:
    """Write each figure that has a whole curve, of as many seeds as that has."""
    for scale in Scale:
        for name in NAMES:
            panel = _of_most_seeds(runs, name, scale)
            if panel is None:
                continue
            file = RESULTS / scale / f"{name}.json"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(tables.to_json(panel))
            file.with_suffix(".csv").write_bytes(tables.to_csv(panel))
            file.with_suffix(".svg").write_bytes(publication.render(panel, "svg"))
            print(f"{file.relative_to(RESULTS)}: {panel.status_text}, n = {panel.seeds}")


def _of_most_seeds(runs: Database, name: str, scale: Scale) -> Panel | None:
    for seeds in range(MAX_SEEDS, 0, -1):
        panel = service.draw(runs, name, FigureQuery(scale=scale, seeds=seeds)).panel
        if any(_is_whole(series.state, series.n, seeds) for series in panel.series):
            return panel
        if any(row.n == seeds for row in panel.table):
            return panel
    return None


def _is_whole(state: str, n: list[int], seeds: int) -> bool:
    return state == "complete" and bool(n) and max(n) == seeds


def add(files: list[Path]) -> None:
    """Copy bundles in, each run's newest result under the name of its file."""
    folder = RESULTS / "bundles"
    folder.mkdir(exist_ok=True)
    for file in files:
        print(f"{file.name}: {len(bundles.read_results(file))} runs")
        shutil.copy(file, folder / file.name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["check", "record"])
    parser.add_argument("bundles", nargs="*", type=Path)
    given = parser.parse_args()
    if given.what == "record":
        add(given.bundles)
    with database() as runs:
        if given.what == "check":
            return check(runs)
        record(runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
