"""Install a lock file into `.venv`, and the project itself in editable form.

    python3 scripts/install.py requirements.txt

Needs pip and venv only. Does nothing if the same lock was installed by the same Python before; an
installation that was interrupted is taken up again.
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
PIP = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input"]
INCLUDES = {"requirements-test.txt": ["requirements.txt"]}
"""Locks that another one contains, pin for pin."""
DOWNLOADING = re.compile(r"\s*Downloading (\S+?)(?:\.metadata)? \((.+?)\)")
LARGE_MB = 20.0


def main(lock: str) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036
        sys.exit(f"error: Python 3.11 or newer is needed, this is {platform.python_version()}.")
    os.chdir(ROOT)
    key = _key(lock)
    stamp = VENV / f".{lock}.installed"
    if stamp.exists() and stamp.read_text() == key and _works():
        return
    _announce()
    started = time.monotonic()
    if not _works():
        _make_venv()
    _run_pip(["install", "--requirement", lock])
    _run_pip(["install", "--no-deps", "--no-build-isolation", "--editable", "."])
    for name in (lock, *INCLUDES.get(lock, [])):
        (VENV / f".{name}.installed").write_text(_key(name))
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)


def _key(lock: str) -> str:
    """What the installation depends on."""
    content = Path(lock).read_bytes() + Path("pyproject.toml").read_bytes()
    return hashlib.sha256(content + sys.version.encode() + sys.executable.encode()).hexdigest()


def _works() -> bool:
    """Whether `.venv` holds a Python that can install."""
    if not PYTHON.exists():
        return False
    command = [str(PYTHON), "-c", "import sys, pip; print(sys.version)"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() == sys.version


def _announce() -> None:
    large = sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")
    size = "about 3 GB to download, 6 GB on disk" if large else "about 1 GB on disk"
    print(
        f"Installing into {VENV.name}: {size}; once, and again when the lock changes.", flush=True
    )


def _make_venv() -> None:
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        sys.exit(
            "error: this Python has no venv module. On Debian or Ubuntu: "
            f"sudo apt install python{version}-venv"
        )
    shutil.rmtree(VENV, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)


def _run_pip(arguments: list[str]) -> None:
    """Run pip; show what it downloads, and all it said if it fails."""
    said: list[str] = []
    with subprocess.Popen(
        [*PIP, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout is not None
        show = _Progress()
        for line in pip.stdout:
            said.append(line)
            show.line(line)
        show.end()
    if pip.returncode != 0:
        print("".join(said[-30:]), file=sys.stderr)
        sys.exit("error: the installation failed, see above. What was downloaded is kept by pip.")


class _Progress:
    """One line that is overwritten on a terminal; else a line for each large file."""

    def __init__(self) -> None:
        self.files = 0
        self.on_terminal = sys.stdout.isatty()

    def line(self, line: str) -> None:
        found = DOWNLOADING.match(line)
        if found and ".metadata" not in line:
            self.files += 1
            name, size = found.group(1).split("/")[-1].split("-")[0], found.group(2)
            self._show(f"[{self.files}] downloading {name}, {size}", _is_large(size))
        elif line.startswith("Installing collected packages") and "," in line:
            self._show("unpacking, a minute or two", True)

    def _show(self, text: str, is_important: bool) -> None:
        if self.on_terminal:
            print(f"\r\033[K  {text}", end="", flush=True)
        elif is_important:
            print(f"  {text}", flush=True)

    def end(self) -> None:
        if self.on_terminal:
            print("\r\033[K", end="", flush=True)


def _is_large(size: str) -> bool:
    number, _, unit = size.partition(" ")
    return unit == "GB" or (unit == "MB" and float(number) >= LARGE_MB)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. Run it again to go on.")
