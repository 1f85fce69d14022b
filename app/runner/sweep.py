"""Finding and killing what a run left outside of its process group, by the marker in its environment.

`setsid` and double forks leave group and parent behind, but not the environment; whoever has replaced even that is
found by the session. Standard library only: the core uses it too, for the runs of a runner that died.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import NamedTuple

RUN = "TORU_RUN_ID="
MARKERS = (RUN.encode(), b"TORU_PLUGIN_SOCKET=", b"PLUGIN_METADATA=")
PAUSE = 0.02  # seconds between two passes
ENOUGH = 3  # passes in a row that find nobody: a process in the middle of exec has no environment to see
MAX_PASSES = 250
FRESH = 0.1  # seconds that one look at all process groups is good for
TURN = 32  # processes looked at before others get the loop


class Session(NamedTuple):
    """The session of a run. Its number is the run's alone as long as members from before `until` live."""

    id: int
    until: float  # clock ticks since boot: when its leader was reaped


class Hunt:
    """One run (or plugin) whose processes are to be killed.

    Args:
        mark: an entry of their environment; one that ends with a slash stands for all that begin with it.
        session: which is theirs, too.
    """

    def __init__(self, mark: str, session: Session | None = None) -> None:
        self.killed: set[int] = set()
        self._mark = os.fsencode(mark)
        self._session = session
        self._found = False
        self._clean = 0
        self._left = MAX_PASSES

    def look(self, process: "Process") -> None:
        """Kills the process, and its whole group, when it belongs to the run."""
        if not self._owns(process):
            return
        self._found = True
        self.killed.add(process.pid)
        with contextlib.suppress(OSError):
            handle = os.pidfd_open(process.pid)
            try:  # looked at again, now that the number cannot become another process under our hands
                again = Process.of(process.pid)
                if again is not None and self._owns(again):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)
        self._kill_group(process.group)

    def _kill_group(self, group: int) -> None:
        """In one call: a program that forks and leaves faster than one can look dies too.

        A member of the group was the run's a moment ago. Were the number another's by now, its leader would be alive.
        """
        leader = Process.of(group)
        if group not in {0, 1, os.getpgrp()} and (leader is None or self._owns(leader)):
            with contextlib.suppress(OSError):
                os.killpg(group, signal.SIGKILL)

    def end_pass(self) -> bool:
        """Whether the hunt is over."""
        self._clean = 0 if self._found else self._clean + 1
        self._found = False
        self._left -= 1
        return self._clean >= ENOUGH or self._left <= 0

    def _owns(self, process: "Process") -> bool:
        if self._mark in process.marks:
            return True
        if self._mark.endswith(b"/") and any(mark.startswith(self._mark) for mark in process.marks):
            return True
        session = self._session
        return session is not None and process.session == session.id and process.started <= session.until


class Process(NamedTuple):
    """What tells whose a process is."""

    pid: int
    group: int
    session: int
    started: int  # clock ticks since boot
    marks: list[bytes]  # of MARKERS

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """None when it is gone or only its exit is left."""
        fields = _stat(pid)
        if fields is None:
            return None
        try:
            environment = _read(f"/proc/{pid}/environ")
        except OSError:  # another user's
            environment = b""
        entries = environment.split(b"\0") if any(marker in environment for marker in MARKERS) else []
        marks = [entry for entry in entries if entry.startswith(MARKERS)]
        return cls(pid, int(fields[2]), int(fields[3]), int(fields[19]), marks)


def sweep(run: str) -> int:
    """Kills every process that carries the run's marker, again until none is found; answers how many. Blocks."""
    return sweep_marked(RUN + run)


def sweep_marked(mark: str) -> int:
    """The same for processes with this entry, of one of MARKERS, in their environment; see Hunt. Blocks."""
    hunt = Hunt(mark)
    while True:
        for process in _processes():
            hunt.look(process)
        if hunt.end_pass():
            return len(hunt.killed)
        time.sleep(PAUSE)


def wait_for_marked(mark: str, seconds: float) -> None:
    """Gives such processes time to end by themselves: returns when none is found, or that time is over. Blocks."""
    entry, clean, until = os.fsencode(mark), 0, time.monotonic() + seconds
    while clean < ENOUGH and time.monotonic() < until:
        clean = 0 if any(entry in process.marks for process in _processes()) else clean + 1
        time.sleep(PAUSE)


class Sweeper:
    """The same as `sweep` inside an event loop; one pass over /proc serves all runs that end at the same time."""

    def __init__(self) -> None:
        self._hunts: dict[Hunt, asyncio.Future[None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._groups: set[int] = set()
        self._groups_at = -FRESH

    def group_lives(self, group: int) -> bool:
        """Whether a process group has members that are more than an exit nobody asked for; FRESH old at most."""
        now = time.monotonic()
        if now - self._groups_at >= FRESH:
            self._groups = {int(fields[2]) for pid in _pids() if (fields := _stat(pid)) is not None}
            self._groups_at = now
        return group in self._groups

    async def sweep(self, run: str, session: Session | None = None) -> int:
        """Kills every process that carries the marker or is in the session; answers how many."""
        hunt = Hunt(RUN + run, session)
        over = self._hunts[hunt] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(), name="sweep")
        await over
        return len(hunt.killed)

    async def _work(self) -> None:
        try:
            while self._hunts:
                await self._look_around(list(self._hunts))
                if self._hunts:
                    await asyncio.sleep(PAUSE)
        finally:  # nobody waits for a sweep that failed
            for over in self._hunts.values():
                over.set_result(None)
            self._hunts.clear()

    async def _look_around(self, hunts: list[Hunt]) -> None:
        for count, process in enumerate(_processes()):
            for hunt in hunts:
                hunt.look(process)
            if count % TURN == 0:
                await asyncio.sleep(0)
        for hunt in hunts:
            if hunt.end_pass():
                self._hunts.pop(hunt).set_result(None)


def ticks() -> float:
    """Now, as /proc counts it: clock ticks since boot."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK")


def _pids() -> Iterator[int]:
    """All processes but ours, the newest first: they are the ones that soon may be somewhere else."""
    me = os.getpid()
    numbers = sorted((int(name) for name in os.listdir("/proc") if name.isdigit()), reverse=True)
    return (number for number in numbers if number != me)


def _processes() -> Iterator[Process]:
    return (process for pid in _pids() if (process := Process.of(pid)) is not None)


def _stat(pid: int) -> list[bytes] | None:
    """State [0], process group [2], session [3], start [19], …; None when it is gone or only its exit is left."""
    try:
        fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except OSError:
        return None
    return None if not fields or fields[0] in b"ZX" else fields


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.readall()
