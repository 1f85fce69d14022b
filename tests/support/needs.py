"""What a machine may lack: each thing has one check that says why it is not here."""

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable

from tests.support.chromium import chromium_path, playwright_browser
from tests.support.debian import debian_problem
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


def _program(name: str, package: str) -> Callable[[], str | None]:
    return lambda: None if shutil.which(name) else f"{name} ({package}) is not installed"


CHECKS: dict[str, Callable[[], str | None]] = {
    "browser": _browser,
    "nobody": _nobody,
    "package-index": _package_index,
    "debian-packages": debian_problem,
    "root": _root,
    "mounts": _mounts,
    "dash": _program("dash", "dash"),
    "bash": _program("bash", "bash"),
    "openssl": _program("openssl", "openssl"),
    "curl": _program("curl", "curl"),
    "systemd-run": _program("systemd-run", "systemd"),
    "systemd-analyze": _program("systemd-analyze", "systemd"),
    "systemctl": _program("systemctl", "systemd"),
    "cargo": _program("cargo", "cargo"),
}

TOOLS = frozenset({"browser", "dash", "bash", "openssl", "curl", "systemd-run", "systemd-analyze", "systemctl"})
"""What can be installed, so that CI fails without it; the others are circumstances of the machine."""


@functools.cache
def missing(thing: str) -> str | None:
    """Why `thing` is not to be had here, None when it is."""
    return CHECKS[thing]()


def in_ci() -> bool:
    """Whether a missing thing is a failure."""
    return os.environ.get("CI", "") not in ("", "0", "false")
