"""What systemd says of its services, and what it is told to do with them. Blocks; every call ends within seconds."""

import os
import re
import shutil
import subprocess

ASK_SECONDS = 10.0
ACT_SECONDS = 25.0
NAME = re.compile(r"[A-Za-z0-9_@:.\\][A-Za-z0-9_@:.\\-]{0,250}\.service", re.ASCII)
VERBS = ("start", "stop", "restart")
SHOWN = ("Id", "Description", "LoadState", "ActiveState", "SubState", "UnitFileState", "MainPID", "MemoryCurrent")


class SystemdError(Exception):
    """systemd did not do it; the text is a sentence."""


class Service:
    """One service, as `systemctl list-units` lists it.

    Attributes:
        name: such as `cron.service`.
        active: `active`, `inactive`, `failed`, `activating` …
        sub: the same in more detail: `running`, `exited`, `dead` …
    """

    def __init__(self, line: str) -> None:
        name, _, self.active, self.sub, *rest = line.split(None, 4)
        self.name = name
        self.description = rest[0].strip() if rest else ""


def problem() -> str | None:
    """Why there are no services to look after, None when there are."""
    if shutil.which("systemctl") is None:
        return "There is no systemd on this machine: the program systemctl is not installed."
    told = _run(ASK_SECONDS, "systemctl", "is-system-running")
    if told.stdout.strip() in ("offline", "unknown", ""):
        return "systemd is installed on this machine, but does not run it."
    return None


def services() -> list[Service]:
    """All that systemd has loaded, by name. Raises SystemdError."""
    lines = _ask("systemctl", "list-units", "--type=service", "--all", "--plain", "--no-legend", "--full")
    found = (Service(line) for line in lines.splitlines() if len(line.split()) >= 4)
    return sorted(found, key=lambda service: service.name)


def details(name: str) -> dict[str, str]:
    """What systemd knows of one service, by its own names. Raises SystemdError."""
    lines = _ask("systemctl", "show", f"--property={','.join(SHOWN)}", "--", _checked(name))
    told = dict(line.split("=", 1) for line in lines.splitlines() if "=" in line)
    if told.get("LoadState") == "not-found":
        raise SystemdError(f"There is no service {name}.")
    return told


def act(verb: str, name: str) -> None:
    """Starts, stops or restarts a service, and waits for that. Raises SystemdError."""
    if verb not in VERBS:
        raise SystemdError(f"A service can be told to {', '.join(VERBS)}.")
    done = _run(ACT_SECONDS, "systemctl", "--no-ask-password", verb, "--", _checked(name))
    if done.returncode != 0:
        raise SystemdError(_sentence(done.stderr) or f"systemctl {verb} ended with exit code {done.returncode}.")


def journal(name: str, lines: int = 200) -> list[str]:
    """The last lines that a service wrote, oldest first. Raises SystemdError."""
    if shutil.which("journalctl") is None:
        raise SystemdError("There is no journal: the program journalctl is not installed.")
    unit = f"--unit={_checked(name)}"
    return _ask("journalctl", unit, f"--lines={lines}", "--no-pager", "--output=short-iso", "--quiet").splitlines()


def _checked(name: str) -> str:
    if NAME.fullmatch(name) is None:
        raise SystemdError(f"“{name}” is no name of a service.")
    return name


def _ask(*command: str) -> str:
    done = _run(ASK_SECONDS, *command)
    if done.returncode != 0:
        raise SystemdError(_sentence(done.stderr) or f"{command[0]} ended with exit code {done.returncode}.")
    return done.stdout


def _run(seconds: float, *command: str) -> "subprocess.CompletedProcess[str]":
    plain = os.environ | {"LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": "", "SYSTEMD_URLIFY": "0"}
    try:
        return subprocess.run(
            command,
            env=plain,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SystemdError(f"{command[0]} did not answer within {seconds:.0f} seconds.") from None
    except OSError as error:
        raise SystemdError(f"{command[0]} cannot be started: {error.strerror}.") from None


def _sentence(errors: str) -> str:
    return " ".join(line.strip() for line in errors.splitlines() if line.strip())[:300]
