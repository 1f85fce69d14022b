"""Running something as nobody, when the tests run as root: for root, file modes mean nothing."""

import atexit
import functools
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


def open_folder() -> Path:
    """A new folder that other users may pass through, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="toru-test-"))
    folder.chmod(0o755)
    return folder


@functools.cache
def open_python() -> str | None:
    """A Python with our packages that nobody may use; None when there is none, or no setpriv.

    Ours is often below a home folder that others cannot enter. The system's of the same version then gets an
    environment that borrows our packages.
    """
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return None
    if _works(sys.executable):
        return sys.executable
    system = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    if not system.exists():
        return None
    folder = open_folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = subprocess.run([system, "-m", "venv", "--without-pip", folder / "venv"], capture_output=True, check=False)
    if made.returncode != 0:
        return None
    for packages in (folder / "venv").glob("lib/*/site-packages"):
        (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = str(folder / "venv" / "bin" / "python")
    return python if _works(python) else None


def _works(python: str) -> bool:
    # By way of a shell: what setpriv executes itself is still looked up with the rights of root.
    command = [*AS_NOBODY, "sh", "-c", 'exec "$0" -c "import app.core.config, sqlmodel"', python]
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False).returncode == 0
