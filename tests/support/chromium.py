"""Where a Chromium for the browser's tests comes from."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.packages import cannot_install, install, update_lists

SNAP_STUB_BYTES = 20_000  # Ubuntu's /usr/bin/chromium-browser is a short shell script that starts a snap


def chromium_path() -> str | None:
    """A Chromium that Playwright can drive: the one told, or Debian's; None where it would fetch its own."""
    told = os.environ.get("TORU_TEST_CHROMIUM")
    if told:
        return told
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path and not is_snap_stub(Path(path)):
            return path
    return None


def is_snap_stub(path: Path) -> bool:
    """Whether the program only starts a snap, which cannot be driven from outside."""
    real = path.resolve()
    return real.name == "snap" or (real.stat().st_size < SNAP_STUB_BYTES and b"/snap/bin" in real.read_bytes())


def playwright_browser() -> str | None:
    """The Chromium that Playwright fetched itself, if it did."""
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    found = sorted(
        [*folder.glob("chromium-*/chrome-linux*/chrome"), *folder.glob("chromium_headless_shell-*/*/*shell")]
    )
    return str(found[-1]) if found else None


def fetch_browser() -> None:
    """Gets a Chromium: Debian's package, or Playwright's own where the package only starts a snap.

    What goes wrong is printed; the browser's tests then say what they lack.
    """
    problem = cannot_install()
    if problem is None:
        update_lists()
        if not _package_is_snap():
            install(["chromium"])
    if chromium_path() is None:
        print("── Chromium from Playwright", flush=True)
        with_libraries = ["--with-deps"] if problem is None else []
        fetch = [sys.executable, "-m", "playwright", "install", *with_libraries, "chromium"]
        subprocess.run(fetch, check=False)


def _package_is_snap() -> bool:
    """Whether the distribution's chromium is a stub for a snap (Ubuntu's has that word in its version)."""
    told = subprocess.run(["apt-cache", "policy", "chromium"], capture_output=True, text=True, check=False).stdout
    candidate = next((line for line in told.splitlines() if "Candidate:" in line), "")
    return "snap" in candidate or "(none)" in candidate or not candidate
