"""Where a Chromium is found: on the machine, else Playwright's own, else from Debian as root."""

import contextlib
import fcntl
import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--disable-dev-shm-usage",  # containers have little of it
    "--disable-gpu",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # no other host exists
)


@functools.cache
def find_chromium(own: Path) -> Path | None:
    """The browser to use. `own` is where Playwright's would be. None: there is none to be had."""
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes side by side install it once
        return _on_the_path() or _from_playwright(own) or _from_debian()


def _on_the_path() -> Path | None:
    return next((Path(found) for name in NAMES if (found := shutil.which(name))), None)


def _from_playwright(own: Path) -> Path | None:
    if not own.exists():
        print("\nNo Chromium on this machine: downloading Playwright's for the browser tests …")
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [sys.executable, "-m", "playwright", "install", "chromium"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=600,
                check=False,
            )
    return own if own.exists() else None


def _from_debian() -> Path | None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    print("\nNo Chromium on this machine: installing Debian's package for the browser tests …")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # --reinstall: a package can be marked as installed while its command is gone
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--reinstall", "chromium"]):
        done = subprocess.run(
            ["apt-get", *command],
            env=environment,
            stdout=subprocess.DEVNULL,
            timeout=600,
            check=False,
        )
        if done.returncode != 0:
            return None
    return _on_the_path()


def launch_flags() -> list[str]:
    """Root cannot use Chromium's sandbox."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [*FLAGS, "--no-sandbox"] if is_root else list(FLAGS)
