"""Bundles as files: what is written is read again, and what was changed is refused."""

import json
import zipfile
from pathlib import Path

import pytest

from core import bundles
from core.bundles import AttemptRecord, Result, Work
from core.paper.scales import Scale
from core.paper.studies import StudyName, plan
from core.run.errors import DataCorrupt, InvalidInput
from core.run.metrics import EpochMetrics
from core.run.spec import RunSpec
from tests.core.hand_made import metrics


def result(epochs: int = 70, seed: int = 0) -> Result:
    spec = RunSpec(seed=seed)
    curve = [metrics(i, 1 / (3 * i)) for i in range(1, epochs + 1)]
    return Result(
        spec=spec,
        spec_hash=spec.hash(),
        demands=[plan(StudyName.FIGURE_1BC, Scale.FULL)[0].demand],
        outcome="completed",
        attempts=[AttemptRecord(first_epoch=1, started_at=0.1, provenance={"name": "a machine"})],
        metrics=bundles.columns(curve),
    )


def changed(path: Path, name: str, old: str, new: str) -> None:
    """Replace text in a member of a zip, as someone with an editor would."""
    with zipfile.ZipFile(path) as file:
        members = {each: file.read(each) for each in file.namelist()}
    assert old.encode() in members[name]
    members[name] = members[name].replace(old.encode(), new.encode())
    with zipfile.ZipFile(path, "w") as file:
        for each, data in members.items():
            file.writestr(each, data)


def test_a_plan_is_bundled_in_its_order_with_each_run_once(tmp_path: Path) -> None:
    entries = plan(StudyName.EVERYTHING, Scale.QUICK)
    runs = bundles.work_of(entries)
    bundles.write_work(tmp_path / "work.zip", "all", runs)
    read = bundles.read_work(tmp_path / "work.zip")
    assert read == runs
    assert [run.spec for run in read] == list(dict.fromkeys(e.spec for e in entries))
    assert sum(len(run.roles) for run in read) == len(entries)
    assert any(len(run.demands) > 1 for run in read), "panels ask one run for two prefixes"


def test_results_are_read_as_they_were_written_to_the_bit(tmp_path: Path) -> None:
    both = [result(), result(3, seed=1)]
    bundles.write_results(tmp_path / "r.zip", both)
    assert bundles.read_results(tmp_path / "r.zip") == both
    first = (tmp_path / "r.zip").read_bytes()
    bundles.write_results(tmp_path / "r.zip", both)
    assert (tmp_path / "r.zip").read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["r.zip"], "nothing else is left"


def test_a_run_of_seventy_epochs_takes_a_few_kilobytes(tmp_path: Path) -> None:
    bundles.write_results(tmp_path / "r.zip", [result()])
    assert (tmp_path / "r.zip").stat().st_size < 8000


def test_columns_that_an_older_version_did_not_have_are_empty() -> None:
    old = result(2)
    columns = {k: v for k, v in old.metrics.items() if not k.startswith("noisy")}
    assert bundles.rows(columns) == old.curve
    assert list(bundles.columns(old.curve)) == list(EpochMetrics.model_fields)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('"epoch":[1,2', '"epoch":[1,1', id="metrics"),
        pytest.param('"learning_rate":0.01', '"learning_rate":0.02', id="spec"),
    ],
)
@pytest.mark.parametrize("hashed_again", [False, True])
def test_a_changed_result_is_refused(
    old: str, new: str, hashed_again: bool, tmp_path: Path
) -> None:
    file, name = tmp_path / "r.zip", f"runs/{RunSpec().hash()[:16]}.json"
    bundles.write_results(file, [result()])
    changed(file, name, old, new)
    if hashed_again:
        import hashlib

        with zipfile.ZipFile(file) as archive:
            before = json.loads(archive.read("bundle.json"))["sha256"][name]
            now = hashlib.sha256(archive.read(name)).hexdigest()
        changed(file, "bundle.json", before, now)
    with pytest.raises(DataCorrupt, match=name):
        bundles.read_results(file)


def test_a_file_that_is_no_bundle_of_its_kind_is_refused_in_words(tmp_path: Path) -> None:
    bundles.write_work(tmp_path / "work.zip", "", [])
    with pytest.raises(InvalidInput, match="is a work bundle: use a results bundle"):
        bundles.read_results(tmp_path / "work.zip")
    changed(tmp_path / "work.zip", "bundle.json", '"format": 1', '"format": 99')
    with pytest.raises(InvalidInput, match="has format 99, and this version reads 1"):
        bundles.read_work(tmp_path / "work.zip")
    (tmp_path / "text.zip").write_text("not a zip file")
    for path in (tmp_path / "text.zip", tmp_path / "missing.zip"):
        with pytest.raises(InvalidInput, match="cannot be read as a bundle"):
            bundles.read_work(path)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as file:
        file.writestr("bundle.json", "[]")
    with pytest.raises(InvalidInput, match="is not a bundle"):
        bundles.read_work(tmp_path / "other.zip")
    changed(tmp_path / "work.zip", "bundle.json", '"format": 99', '"format": 1')
    changed(tmp_path / "work.zip", "bundle.json", '"runs": []', '"runs": [{"spec": 1}]')
    with pytest.raises(InvalidInput, match="spec: Input should be"):
        bundles.read_work(tmp_path / "work.zip")


def test_a_run_is_labelled_by_its_own_hash() -> None:
    run = Work(spec=RunSpec(), demands=result().demands)
    assert run.run_id == RunSpec().hash()[:16]
