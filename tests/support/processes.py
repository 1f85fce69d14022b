"""No process started by a test survives it, wherever it hides: orphans come back to us, not to init."""

import contextlib
import ctypes
import os
import sys
from pathlib import Path

import psutil

from tests.support.server import is_runner_of

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 15


def adopt_orphans() -> None:
    """Makes this process the parent of every descendant whose own parent ends (setsid and double forks too)."""
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("prctl(PR_SET_CHILD_SUBREAPER) failed")


OWN_FOLDER = str(Path(sys.executable).parent)


def put_own_python_first() -> None:
    """`python3` is the tests' own: where it is a script that looks for one (pyenv), each start takes far longer."""
    if not os.environ["PATH"].startswith(f"{OWN_FOLDER}:"):
        os.environ["PATH"] = f"{OWN_FOLDER}:{os.environ['PATH']}"


class ProcessWatch:
    """Knows which descendants of the test process may live on beyond one test."""

    def __init__(self) -> None:
        self._trees: set[int] = set()
        self._alone: set[int] = set()
        self._names: set[str] = set()
        self._data_dirs: set[Path] = set()
        self._runners: set[psutil.Process] = set()

    def keep_tree(self, pid: int) -> None:
        """A session's helper (the browser): it and whatever it starts."""
        self._trees.add(pid)

    def keep(self, pid: int) -> None:
        """A session's process, but not what it starts."""
        self._alone.add(pid)

    def keep_named(self, name: str) -> None:
        """What a session's helper starts when it gets to it, and in a way that it is nobody's child."""
        self._names.add(name)

    def keep_runner_of(self, data_dir: Path) -> None:
        """The runner of a session's data folder, but not its runs."""
        self._data_dirs.add(data_dir)

    def living(self) -> list[psutil.Process]:
        """Descendants that nobody asked to keep."""
        found = []
        unseen = children_of(os.getpid())
        while unseen:
            pid = unseen.pop()
            if pid in self._trees:
                continue
            unseen += children_of(pid)
            if pid in self._alone:
                continue
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                if not self._is_kept(process) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def _is_kept(self, process: psutil.Process) -> bool:
        if process in self._runners or (self._names and process.name() in self._names):
            return True
        if any(is_runner_of(process, data_dir) for data_dir in self._data_dirs):
            self._runners.add(process)
            return True
        return False

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
    for pid in children_of(os.getpid()):
        with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                os.waitpid(pid, os.WNOHANG)


def end_orphans() -> None:
    """Ends our descendants in other process groups: servers, runners and browsers have sessions of their own."""
    unseen, left = children_of(os.getpid()), []
    while unseen:
        pid = unseen.pop()
        unseen += children_of(pid)
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(pid) != os.getpgid(0):
                left.append(psutil.Process(pid))
    for stop in (psutil.Process.terminate, psutil.Process.kill):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                stop(process)
        _, left = psutil.wait_procs(left, GRACE_SECONDS)


def children_of(pid: int) -> list[int]:
    """Its children, zombies too. The kernel is asked for them: a look at every process, twice a test, takes a minute.

    One that ends while it answers may hide another, so it is asked until it says the same twice.
    """
    told: list[int] | None = None
    while told != (told := _children_told(pid)):
        pass
    return told


def _children_told(pid: int) -> list[int]:
    told: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in sorted(os.listdir(f"/proc/{pid}/task")):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                told += map(int, _content(f"/proc/{pid}/task/{thread}/children").split())
    return told


def _content(path: str) -> bytes:
    """What a small file in /proc says, in a third of the time that `Path.read_text` takes."""
    file = os.open(path, os.O_RDONLY)
    try:
        parts = [os.read(file, 1 << 16)]
        while parts[-1]:
            parts.append(os.read(file, 1 << 16))
        return b"".join(parts)
    finally:
        os.close(file)
