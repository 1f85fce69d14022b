"""Debian's own programs for tests of the full size: fetched once, unpacked into a cache, never installed."""

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

CACHE = Path(os.environ.get("TORU_TEST_CACHE", Path.home() / ".cache" / "toru-tests"))
SECONDS = 300


@functools.cache
def unpacked(package: str) -> Path | None:
    """The folder that a package's files lie in, as they would below `/`; None where it cannot be had."""
    folder = CACHE / package
    if not folder.is_dir() and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as fresh:
            if _run(["apt-get", "download", "-qq", package], fresh):
                [archive] = Path(fresh).glob("*.deb")
                if _run(["dpkg-deb", "-x", str(archive), "unpacked"], fresh):
                    # In one step: whoever looks meanwhile sees all of it or nothing.
                    Path(fresh, "unpacked").rename(folder)
    return folder if folder.is_dir() else None


def why_not(package: str) -> str | None:
    """Why the package is not to be had, None when it is."""
    return None if unpacked(package) else f"Debian's {package} can be neither found in {CACHE} nor downloaded"


def _run(command: list[str], folder: str) -> bool:
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=SECONDS, check=False)
    return done.returncode == 0
