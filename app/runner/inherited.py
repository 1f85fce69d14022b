"""What the process is given by whoever started it, and what scripts must not notice of the runner's own use of it."""

import asyncio
import errno
import os
import resource
import signal
import sys

MAX_FILES = 65536
SPARE = 24  # descriptors that a start and the core's connections take at most
PYTHON_IGNORES = {signal.SIGPIPE, signal.SIGXFSZ}  # put right again in children by subprocess itself

Limits = tuple[int, int]  # soft, hard


class FileLimit:
    """RLIMIT_NOFILE: five descriptors a run can be more than the usual 1,024.

    It is raised only when they get scarce, because from then on scripts have to be given the old limit by code between
    fork and exec, which takes 4 ms instead of a half.
    """

    def __init__(self) -> None:
        self._given = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._raised = False

    def make_room(self) -> Limits | None:
        """Sees to it that another run can be started; answers the limit that has to be set in the child, if any.

        Raises OSError (EMFILE) when there are no descriptors to be had.
        """
        used = len(os.listdir("/proc/self/fd"))
        soft, hard = self._given
        if not self._raised and used + SPARE > soft:
            most = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
            self._raised = True
        if used + SPARE > resource.getrlimit(resource.RLIMIT_NOFILE)[0]:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return self._given if self._raised else None


def reset_signals() -> None:
    """Makes sure that scripts inherit nothing ignored and nothing blocked, as from `nohup` or a shell's `&`."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in signal.valid_signals() - PYTHON_IGNORES:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def watch_children_by_pidfd() -> None:
    """Python 3.12 and later do it by themselves; before it is a thread for each child."""
    if sys.version_info < (3, 12):
        watcher = asyncio.PidfdChildWatcher()
        watcher.attach_loop(asyncio.get_running_loop())
        asyncio.set_child_watcher(watcher)
