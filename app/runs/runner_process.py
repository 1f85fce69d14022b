"""Starting a runner that outlives us: its own session, a clean environment, and out of a service's control group."""

import logging
import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.runner.protocol import socket_folder, start_command

log = logging.getLogger(__name__)

ENDS_WITH_US = (
    "Toru runs inside a systemd service and its runner could not be started outside of it:"
    " a restart of the service will end running scripts."
)
LOG_LIMIT = 1 << 20
HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)


@dataclass(frozen=True, slots=True)
class Service:
    """The systemd service that this process belongs to; `of_user` when a user's manager runs it."""

    name: str
    of_user: bool


def service_of(cgroups: str) -> Service | None:
    """The service in a text of /proc/self/cgroup, None outside of any."""
    for line in cgroups.splitlines():
        parts = [part for part in line.rpartition(":")[2].split("/") if part]
        if parts and parts[-1].endswith(".service"):
            return Service(parts[-1], any(part.startswith("user@") for part in parts[:-1]))
    return None


def runner_environment(source: Mapping[str, str]) -> dict[str, str]:
    """What the runner itself gets: scripts can read it in /proc, and it needs next to nothing."""
    names = ("PATH", "LANG", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
    return {name: source[name] for name in names if name in source}


class RunnerStarter:
    """Starts runners for one data folder. All of it blocks.

    A runner is no asyncio subprocess: those are killed when the loop that started them closes.

    Args:
        root: the folder that holds `app`.
        options: further words of the runner's command line.
        cgroups: where the kernel tells the control group of this process.
    """

    def __init__(
        self, root: Path, data_dir: Path, options: tuple[str, ...] = (), cgroups: Path = Path("/proc/self/cgroup")
    ) -> None:
        self.problem: str | None = None
        self._command = start_command(root, data_dir, *options)
        self._folder = Path(socket_folder(data_dir))
        self._cgroups = cgroups
        self._scoped = True
        self._children: set[int] = set()

    def start(self) -> int:
        """Starts a runner and returns its process id; it listens a moment later, unless another one does already.

        Raises:
            OSError: no process could be started.
        """
        service = self._service()
        prefix = _scope(service) if service is not None and self._scoped else []
        self.problem = ENDS_WITH_US if service is not None and not prefix else None
        if self.problem is not None:
            log.warning(self.problem, extra={"event": "runner_in_service"})
        command = [*prefix, *self._command]
        output = self._open_log()
        try:
            pid = os.posix_spawn(
                command[0],
                command,
                runner_environment(os.environ),
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, output, 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=HANDLED,
            )
        finally:
            os.close(output)
        self._children.add(pid)
        return pid

    def exit_code(self, pid: int) -> int | None:
        """How a process that we started ended, None while it lives."""
        self._children.discard(pid)
        try:
            found, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            return 0
        if not found:
            self._children.add(pid)
            return None
        return os.waitstatus_to_exitcode(status)

    def reap(self) -> None:
        """Takes the exit codes of runners that have ended."""
        for pid in list(self._children):
            self.exit_code(pid)

    def another_way(self) -> bool:
        """After a start that failed: whether the next will be done differently."""
        was_scoped = self._scoped and self._service() is not None and shutil.which("systemd-run") is not None
        self._scoped = False
        return was_scoped

    def _service(self) -> Service | None:
        try:
            return service_of(self._cgroups.read_text())
        except OSError:
            return None

    def _open_log(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / "runner.log"
        if path.exists() and path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _scope(service: Service) -> list[str]:
    program = shutil.which("systemd-run")
    if program is None:
        return []
    manager = ["--user"] if service.of_user else []
    return [program, *manager, "--scope", "--collect", "--quiet", "--description=Toru runner", "--"]
