"""What a machine may lack: each thing has one check that says why it is not here."""

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable

from tests.support.chromium import chromium_path, playwright_browser
from tests.support.debian import debian_problem
from tests.support.packages import cannot_install, install, update_lists
from tests.support.unprivileged import open_python


def _browser() -> str | None:
    return None if chromium_path() or playwright_browser() else "no Chromium is installed"


def _nobody() -> str | None:
    if os.geteuid() != 0:
        return None  # already unprivileged
    if shutil.which("setpriv") is None:
        return "setpriv (util-linux) is not installed"
    return None if open_python() else "another user cannot read this checkout or its Python"


def _root() -> str | None:
    return None if os.geteuid() == 0 else "it takes root"


def _mounts() -> str | None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return "it takes root and unshare (util-linux)"
    own_proc = ["unshare", "--mount", "mount", "-t", "proc", "proc", "/proc"]
    tried = subprocess.run(own_proc, capture_output=True, timeout=30, check=False)
    return None if tried.returncode == 0 else "mounting is not allowed here"


def _package_index() -> str | None:
    """Whether packages can be had; asked for the smallest of our own."""
    import uv

    with tempfile.TemporaryDirectory() as folder:
        ask = ["pip", "install", "--dry-run", "--no-cache", "--no-deps", "--target", folder, "iniconfig"]
        tried = subprocess.run([uv.find_uv_bin(), *ask], capture_output=True, timeout=60, check=False)
    return None if tried.returncode == 0 else "no package index answers"


PACKAGES = {
    "dash": "dash",
    "bash": "bash",
    "openssl": "openssl",
    "curl": "curl",
    "systemd-run": "systemd",
    "systemd-analyze": "systemd",
    "systemctl": "systemd",
    "cargo": "cargo",
    "systemd-nspawn": "systemd-container",
}
"""Debian's package of each program that a test may need."""


def _program(name: str) -> Callable[[], str | None]:
    return lambda: None if shutil.which(name) else f"{name} ({PACKAGES[name]}) is not installed"


CHECKS: dict[str, Callable[[], str | None]] = {
    "browser": _browser,
    "nobody": _nobody,
    "package-index": _package_index,
    "debian-packages": debian_problem,
    "root": _root,
    "mounts": _mounts,
    **{name: _program(name) for name in PACKAGES},
}

TOOLS = frozenset({"browser", *PACKAGES} - {"cargo", "systemd-nspawn"})
"""What can be installed, so that CI fails without it; the others are circumstances of the machine."""


def fetch_tools() -> None:
    """Installs the programs that tests cannot do without, where they are missing and the machine lets us."""
    lacking = sorted({PACKAGES[name] for name in TOOLS & PACKAGES.keys() if shutil.which(name) is None})
    if lacking and cannot_install() is None:
        update_lists()
        install(lacking)


@functools.cache
def missing(thing: str) -> str | None:
    """Why `thing` is not to be had here, None when it is."""
    return CHECKS[thing]()


def in_ci() -> bool:
    """Whether a missing thing is a failure."""
    return os.environ.get("CI", "") not in ("", "0", "false")
