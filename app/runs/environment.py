"""What a script sees of our environment: an allow-list, and what the operator added by name."""

import logging
import os
import pwd
from collections.abc import Iterable, Mapping

log = logging.getLogger(__name__)

ALLOWED = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ")
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TERMINAL = "xterm-256color"
RUN_ID = "TORU_RUN_ID"

OURS = ("ADMIN_", "TORU_", "STEERING_")
SECRETS = frozenset({"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "CREDENTIALS_DIRECTORY"})


def is_ours(name: str) -> bool:
    """Whether a variable belongs to Toru or its supervisor, so that no script may ever see it."""
    return name.startswith(OURS) or name in SECRETS


class ScriptEnvironment:
    """Makes the environment of runs.

    Args:
        extra: names from TORU_SCRIPT_ENV; ours are refused with a warning.
        source: the environment they are taken from.
    """

    def __init__(self, extra: Iterable[str] = (), source: Mapping[str, str] = os.environ) -> None:
        extra = tuple(extra)
        for name in filter(is_ours, extra):
            log.warning("TORU_SCRIPT_ENV names %s, which scripts must not see; it is left out", name)
        wanted = {*ALLOWED, *(name for name in extra if not is_ours(name))}
        given = {name: value for name, value in source.items() if name in wanted or name.startswith("LC_")}
        self._base = {**_of_the_user(), **given}

    def of_run(self, run_id: str, *, tty: bool) -> dict[str, str]:
        """The whole environment of one run."""
        terminal = {"TERM": TERMINAL} if tty else {}
        return {**self._base, **terminal, RUN_ID: run_id}


def _of_the_user() -> dict[str, str]:
    """What a service manager may have left unset."""
    base = {"PATH": DEFAULT_PATH, "LANG": "C.UTF-8"}
    try:
        user = pwd.getpwuid(os.geteuid())
    except KeyError:  # a container's made-up user id
        return {**base, "HOME": "/"}
    return {
        **base,
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": user.pw_shell or "/bin/sh",
    }
