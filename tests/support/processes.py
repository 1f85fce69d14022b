"""No process started by a test survives it, wherever it hides: orphans come back to us, not to init."""

import contextlib
import ctypes
import os
from pathlib import Path

import psutil

from tests.support.server import is_runner_of

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 5


def adopt_orphans() -> None:
    """Makes this process the parent of every descendant whose own parent ends (setsid and double forks too)."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("prctl(PR_SET_CHILD_SUBREAPER) failed")


class ProcessWatch:
    """Knows which descendants of the test process may live on beyond one test."""

    def __init__(self) -> None:
        self._trees: set[int] = set()
        self._alone: set[int] = set()
        self._data_dirs: set[Path] = set()

    def keep_tree(self, pid: int) -> None:
        """A session's helper (the browser): it and whatever it starts."""
        self._trees.add(pid)

    def keep(self, pid: int) -> None:
        """A session's process, but not what it starts."""
        self._alone.add(pid)

    def keep_runner_of(self, data_dir: Path) -> None:
        """The runner of a session's data folder, but not its runs."""
        self._data_dirs.add(data_dir)

    def living(self) -> list[psutil.Process]:
        """Descendants that nobody asked to keep."""
        found = []
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                if not self._is_kept(process):
                    found.append(process)
        return found

    def _is_kept(self, process: psutil.Process) -> bool:
        if process.pid in self._alone or any(is_runner_of(process, data_dir) for data_dir in self._data_dirs):
            return True
        ancestors = {process.pid, *(parent.pid for parent in process.parents())}
        return bool(ancestors & self._trees)

    def left_behind(self, before: set[psutil.Process], grace: float = GRACE_SECONDS) -> list[str]:
        """What a test left running: command lines, after some seconds of grace. They are killed."""
        fresh = [process for process in self.living() if process not in before]
        _, alive = psutil.wait_procs(fresh, grace)
        told = []
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                told.append(f"{process.pid}: {' '.join(process.cmdline()) or process.name()}")
                process.kill()
        reap_orphans()
        return told


def reap_orphans() -> None:
    """Takes the exit codes of ended processes that became our children by adoption."""
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
            if process.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(process.pid, os.WNOHANG)
