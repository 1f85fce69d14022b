"""What core and runner say to each other: the version, the names of the socket's files, the fields of a start.

Frames as in app/core/framing.py, at most 1 MiB. Core to runner `{id, cmd, …}`; runner to core `{re: id, ok: true, …}`
or `{re: id, error: sentence, errno}`, and `{p: [[run, size, records, status | null, flags], …]}` whenever runs moved.
The core answers each p frame with `{ack: 1}`; one is on its way at a time, what moves meanwhile goes into the next.

| cmd    | fields                                     | answer                                              |
|--------|--------------------------------------------|-----------------------------------------------------|
| hello  | version                                    | version, pid, runs as list                          |
| start  | run argv env cwd tty cols rows cap timeout | pid; an error with errno when it cannot be executed |
| input  | run data (base64)                          |                                                     |
| resize | run cols rows                              |                                                     |
| cancel | run grace                                  | already: it had ended before                        |
| list   |                                            | runs [[run, size, records, status, flags, pid], …]  |
| forget | run                                        | an error while it still runs                        |
| sweep  | run                                        | killed: how many processes carried the run's marker |

hello comes first and makes the connection the core's: the one before is dropped. Times are in seconds, sizes in bytes.
"""

import os
import re
import sys
from typing import Any, NamedTuple

RUNNER_VERSION = 1
RUN_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
MARKER = "TORU_RUN_ID"  # in the environment of every process of a run
GRACE = 5.0  # seconds between SIGTERM and SIGKILL, where the core does not say
MAX_INPUT = 1 << 20  # bytes of keystrokes that wait for a program to read them
MAX_RUNS = 4096  # runs the core has not told to forget; their list must fit a frame


class BadRequest(ValueError):
    """A command with a field that is missing or wrong."""


class StartRequest(NamedTuple):
    """The fields of a start, checked."""

    run: str
    argv: list[str]
    env: dict[str, str]
    cwd: str
    tty: bool
    cols: int
    rows: int
    cap: int
    timeout: float

    @classmethod
    def of(cls, message: dict[str, Any]) -> "StartRequest":
        """Raises BadRequest."""
        argv = _field(message, "argv", list)
        if not argv or not all(isinstance(part, str) and "\0" not in part for part in argv):
            raise BadRequest("argv must be strings without NUL")
        env = _field(message, "env", dict)
        if not all(isinstance(value, str) and "\0" not in name + value for name, value in env.items()):
            raise BadRequest("env must be strings without NUL")
        if any(not name or "=" in name for name in env):
            raise BadRequest("env must have names without =")
        run = run_id(message)
        cwd = text(message, "cwd")
        if not os.path.isabs(cwd):
            raise BadRequest("cwd must be an absolute path")
        return cls(
            run=run,
            argv=argv,
            env={**env, MARKER: run},
            cwd=cwd,
            tty=_field(message, "tty", bool, default=False),
            cols=number(message, "cols", default=80),
            rows=number(message, "rows", default=24),
            cap=number(message, "cap"),
            timeout=seconds(message, "timeout", default=0),
        )


def run_id(message: dict[str, Any]) -> str:
    """The run a command is about. Raises BadRequest."""
    run: str = _field(message, "run", str)
    if not RUN_ID.fullmatch(run):
        raise BadRequest("run must be letters, digits, - and _, at most 64")
    return run


def number(message: dict[str, Any], name: str, default: int | None = None) -> int:
    """A whole number of 0 or more. Raises BadRequest."""
    value: int = _field(message, name, int, default)
    if value < 0 or isinstance(value, bool):
        raise BadRequest(f"{name} must be 0 or more")
    return value


def seconds(message: dict[str, Any], name: str, default: float) -> float:
    """A length of time, at most a year. Raises BadRequest."""
    value = _field(message, name, (int, float), default)
    if isinstance(value, bool) or not 0 <= value <= 366 * 86400:
        raise BadRequest(f"{name} must be 0 or more seconds")
    return float(value)


def text(message: dict[str, Any], name: str) -> str:
    """A string. Raises BadRequest."""
    value: str = _field(message, name, str)
    return value


def _field(message: dict[str, Any], name: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
    value = message.get(name, default)
    if not isinstance(value, kind):
        raise BadRequest(f"{name} is missing or of the wrong kind")
    return value


def socket_folder(data_dir: str | os.PathLike[str]) -> str:
    """Where the sockets and locks of all versions lie (0700)."""
    return os.path.join(os.path.abspath(data_dir), "runner")


def socket_name(version: int = RUNNER_VERSION) -> str:
    """The socket's name in that folder. The path can exceed the 107 bytes of an address: see `address`."""
    return f"{version}.sock"


def lock_name(version: int = RUNNER_VERSION) -> str:
    """The file a living runner holds with flock."""
    return f"{version}.lock"


def address(folder_fd: int, name: str) -> str:
    """A short path to connect to a socket in the folder that is open as `folder_fd`, however deep it lies."""
    return f"/proc/self/fd/{folder_fd}/{name}"


def start_command(
    root: str | os.PathLike[str], data_dir: str | os.PathLike[str], *options: str, python: str = sys.executable
) -> list[str]:
    """The argv that starts a runner; `root` is the folder that holds `app`, `options` those of app/runner/__main__.py.

    Isolated and without site-packages: it needs neither, and code that comes from .pyc saves memory.
    """
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from app.runner.__main__ import main; main()"
    flags = ["-I", "-S", "-X", "utf8", "-X", "no_debug_ranges"]
    return [python, *flags, "-c", code, os.path.abspath(root), os.path.abspath(data_dir), *options]
