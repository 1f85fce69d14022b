"""Debian's packages that tests need, installed where the machine lacks them and lets us."""

import os
import shutil
import subprocess
from collections.abc import Sequence


def cannot_install() -> str | None:
    """Why none can be installed here, None when one can: it takes apt-get, and root or sudo without a password."""
    if shutil.which("apt-get") is None:
        return "this is neither Debian nor Ubuntu"
    if os.geteuid() == 0:
        return None
    may = shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return None if may and may.returncode == 0 else "installing takes root"


def update_lists() -> None:
    """Has apt know what there is. What goes wrong is printed."""
    subprocess.run([*_as_root(), "apt-get", "update", "-qq"], check=False)


def install(packages: Sequence[str]) -> None:
    """Installs them, and nothing that they only recommend. What goes wrong is printed; their tests then say it, too."""
    print(f"── {', '.join(packages)} from the system's packages", flush=True)
    options = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    subprocess.run([*_as_root(), *options, *packages], stdout=subprocess.DEVNULL, check=False)


def _as_root() -> list[str]:
    return [] if os.geteuid() == 0 else ["sudo", "-n"]
