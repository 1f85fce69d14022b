"""Programs of Debian, fetched as packages and unpacked into a cache: never installed, never started as services."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

FETCH_SECONDS = 300


def cache_folder() -> Path:
    """Where packages are unpacked; outside of the checkout, and kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "toru-tests"


@functools.cache
def debian_problem() -> str | None:
    """Why no package of Debian can be had here, None when it can."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return "this is neither Debian nor Ubuntu"
    shown = subprocess.run(["apt-cache", "show", "nginx"], capture_output=True, timeout=60, check=False)
    return None if shown.returncode == 0 else "apt knows no packages; `apt-get update` would fetch their list"


class DebianProgram:
    """One program of a package.

    Args:
        package: Debian's name of it.
        path: where the program lies in it.
        libraries: packages of libraries that a machine may lack.
    """

    def __init__(self, package: str, path: str, libraries: tuple[str, ...] = ()) -> None:
        self._folder = cache_folder() / package
        self._package = package
        self._path = path
        self._libraries = libraries

    @property
    def program(self) -> str:
        """The path to start it by."""
        return str(self._folder / self._path)

    @property
    def environment(self) -> dict[str, str]:
        """What it is to be started with."""
        folders = [*self._folder.glob("usr/lib/*-linux-gnu"), *self._folder.glob("lib/*-linux-gnu")]
        return {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": ":".join(map(str, folders))}

    def fetch(self) -> None:
        """Sees to it that it is there and starts. Raises AssertionError with what apt says."""
        if not Path(self.program).exists():
            self._unpack(self._package)
        if self._starts() != "":
            for library in self._libraries:
                self._unpack(library)
        problem = self._starts()
        assert problem == "", problem

    def _unpack(self, package: str) -> None:
        draft = self._folder / f"new-{os.getpid()}"
        draft.mkdir(parents=True, exist_ok=True)
        try:
            command = ["apt-get", "download", package]
            done = subprocess.run(
                command, cwd=draft, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False
            )
            assert done.returncode == 0, done.stderr
            (archive,) = draft.glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", str(archive), str(self._folder)], check=True, timeout=FETCH_SECONDS)
        finally:
            shutil.rmtree(draft)

    def _starts(self) -> str:
        """Empty when every library of it is found, else what the loader says."""
        told = subprocess.run(
            ["ldd", self.program], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        return "\n".join(line for line in told.stdout.splitlines() if "not found" in line)
