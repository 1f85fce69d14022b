"""Placing our units where systemd finds them, and taking them away again. Blocks; needs root."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from app.systemd.escaping import Unwritable, value
from app.systemd.units import SERVES, WRITTEN_BY_US

FOLDER = Path("etc/systemd/system")
BOOTED = Path("/run/systemd/system")
OURS = WRITTEN_BY_US.partition(",")[0]
SECONDS = 1200
"""For systemctl: it waits until the core serves, which may have an environment to make."""


class CannotInstall(Exception):
    """Something on this machine is in the way; the text is one sentence a line, fit for a terminal."""


class Systemd:
    """The systemd of a machine.

    Args:
        root: `/` for the machine that runs; another folder for a system that lies in it, of which nothing is started.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER
        self._offline = [] if root == Path("/") else [f"--root={root}"]
        if not self._offline and not BOOTED.is_dir():
            raise CannotInstall("This machine was not started by systemd. `toru service print` shows the units.")

    @property
    def is_live(self) -> bool:
        """Whether it runs, so that units can be started."""
        return not self._offline

    def is_active(self, unit: str) -> bool:
        """Whether the unit runs."""
        return self.is_live and self._run("is-active", "--quiet", unit).returncode == 0

    def install(self, texts: Mapping[str, str], enabled: Iterable[str]) -> None:
        """Writes the units and has the `enabled` ones started with the machine. Raises CannotInstall, OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in texts:
            self._require_ours(name)
        for name, text in texts.items():
            new = self._folder / f".{name}.new"
            new.write_text(text)
            new.chmod(0o644)
            new.replace(self._folder / name)
        self._reload()
        self.do("enable", *enabled)

    def found(self, name: str) -> list[str]:
        """The units of a service that are installed, its own one first. Raises CannotInstall when one is not ours."""
        core = f"{name}.service"
        names = [core] if (self._folder / core).exists() else []
        for ending in ("socket", "service"):
            names += sorted(path.name for path in self._folder.glob(f"{name}-runner-[0-9]*.{ending}"))
        for unit in names:
            self._require_ours(unit)
        return names

    def remove(self, names: Iterable[str]) -> None:
        """Stops units, for good; only runners go on to the end of their runs. Raises CannotInstall, OSError."""
        names = list(names)
        listed = [name for name in names if name.endswith(".socket") or "-runner-" not in name]
        if listed:
            self.do("disable", *(["--now"] if self.is_live else []), *listed)
        for name in names:
            (self._folder / name).unlink(missing_ok=True)
        self._reload()

    def do(self, *words: str) -> None:
        """Has systemctl do something. Raises CannotInstall with what it says."""
        done = self._run(*words)
        if done.returncode != 0:
            raise CannotInstall(done.stderr.strip() or f"systemctl {' '.join(words)} ended with {done.returncode}.")

    def _reload(self) -> None:
        if self.is_live:
            self.do("daemon-reload")

    def _require_ours(self, name: str) -> None:
        path = self._folder / name
        if path.is_symlink() or (path.exists() and not path.read_text(errors="replace").startswith(OURS)):
            raise CannotInstall(f"{path} is not ours. Remove it, or take another name with --name.")

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["systemctl", *self._offline, *words]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except FileNotFoundError:
            raise CannotInstall("systemctl is not installed. `toru service print` shows the units.") from None
        except subprocess.TimeoutExpired:
            raise CannotInstall(f"systemctl {' '.join(words)} did not end within {SECONDS} seconds.") from None


def services_of(root: Path, folder: Path = Path("/") / FOLDER) -> list[str]:
    """The names of our units in `folder` that serve what lies in `root`, the folder of `toru`."""
    try:
        wanted = {f"WorkingDirectory={value(root)}", SERVES}
    except Unwritable:
        return []
    found = []
    for path in sorted(folder.glob("*.service")):
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        if text.startswith(OURS) and wanted <= set(text.splitlines()):
            found.append(path.name)
    return found


def add_lines(env_file: Path, lines: Iterable[str]) -> None:
    """Adds lines to `.env`, and makes it, for its owner only, when it is missing. Raises OSError."""
    with os.fdopen(os.open(env_file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "r+") as file:
        before = file.read()
        file.write("\n" if before and not before.endswith("\n") else "")
        file.writelines(f"{line}\n" for line in lines)
