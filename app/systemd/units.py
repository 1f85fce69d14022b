"""The units that systemd gets: the core, the socket of its runner, and the runner. docs/service.md explains them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from app.runner.protocol import RUNNER_VERSION
from app.systemd.escaping import value, word

STATE = Path("/var/lib")
LOGS = Path("/var/log")
RUN = Path("/run")
PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
COMMAND = "ExecStart=/bin/sh ./toru {}"
SERVES = COMMAND.format("serve")
WRITTEN_BY_US = "# Written by `toru service install`, which writes it anew; put changes beside it: systemctl edit {}"

STRICT = (
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "AmbientCapabilities=",
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallErrorNumber=EPERM",
    "KeyringMode=private",
    "UMask=0077",
)
"""What the strict profile adds to both services."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the units are made for.

    Args:
        name: of the service; the runner's units are named after it.
        root: the folder of `toru`.
        data_dir: the data folder.
        log_dir: the folder of log files.
        plugins_dir: the folder of plugins, which keeps what is enabled.
        user: who runs it.
        is_strict: whether the strict profile is wanted.
    """

    name: str
    root: Path
    data_dir: Path
    log_dir: Path
    plugins_dir: Path
    user: str
    is_strict: bool

    @property
    def runner_name(self) -> str:
        """Of the runner's units, without the ending. A newer runner gets units of its own."""
        return f"{self.name}-runner-{RUNNER_VERSION}"

    @property
    def runner_socket(self) -> Path:
        """Where systemd listens for the core."""
        return RUN / f"{self.runner_name}.sock"


def units(deployment: Deployment) -> dict[str, str]:
    """The text of each unit by its name. Raises Unwritable where a folder's name cannot be written into one."""
    texts = {
        f"{deployment.name}.service": _core(deployment),
        f"{deployment.runner_name}.socket": _socket(deployment),
        f"{deployment.runner_name}.service": _runner(deployment),
    }
    return {name: f"{WRITTEN_BY_US.format(name)}\n{text}" for name, text in texts.items()}


def _core(deployment: Deployment) -> str:
    runner = deployment.runner_name
    return _text(
        ("[Unit]", "Description=Toru Steering Center"),
        # Wanted, not required: neither ends with the other.
        (f"Wants={runner}.socket {runner}.service", f"After=network.target {runner}.socket {runner}.service"),
        ("StartLimitIntervalSec=600", "StartLimitBurst=10", ""),
        ("[Service]", "Type=notify", *_program(deployment, "serve")),
        (f"Environment=TORU_RUNNER_SOCKET={deployment.runner_socket}",),
        (f"RuntimeDirectory={deployment.name}", "RuntimeDirectoryMode=0700"),
        _made_by_systemd("StateDirectory", STATE, deployment.data_dir, "0700"),
        _made_by_systemd("LogsDirectory", LOGS, deployment.log_dir, "0750"),
        ("# An environment that a new version needs is made at its first start.", "TimeoutStartSec=15min"),
        ("TimeoutStopSec=30", "WatchdogSec=60"),
        ("Restart=on-failure", "RestartSec=5", "RestartPreventExitStatus=78"),
        ("# It ends its plugins itself; a plugin that runs out of memory does not end it.",),
        ("KillMode=mixed", "OOMPolicy=continue"),
        _profile(deployment, deployment.plugins_dir),
        ("", "[Install]", "WantedBy=multi-user.target"),
    )


def _socket(deployment: Deployment) -> str:
    return _text(
        ("[Unit]", "Description=Toru Steering Center: where the core finds the runner of scripts", ""),
        ("[Socket]", f"ListenStream={deployment.runner_socket}", f"SocketUser={deployment.user}", "SocketMode=0600"),
        ("RemoveOnStop=yes", "", "[Install]", "WantedBy=sockets.target"),
    )


def _runner(deployment: Deployment) -> str:
    return _text(
        ("[Unit]", "Description=Toru Steering Center: runner of scripts", ""),
        ("[Service]", "Type=exec", *_program(deployment, "runner")),
        ("# Another runner serves already, one that was started by hand.", "SuccessExitStatus=75"),
        ("# It ends the scripts itself; what they left behind on purpose stays, as it does from a terminal.",),
        ("KillMode=process", "OOMPolicy=continue", "TimeoutStopSec=30"),
        _profile(deployment),
    )


def _program(deployment: Deployment, command: str) -> Iterable[str]:
    # By a relative path: words of a command line follow more rules than a setting of one value.
    yield f"User={deployment.user}"
    yield f"WorkingDirectory={value(deployment.root)}"
    yield COMMAND.format(command)


def _made_by_systemd(setting: str, place: Path, folder: Path, mode: str) -> Iterable[str]:
    """Has systemd make a folder and give it to the user, where it lies in systemd's place for such."""
    if folder.parent == place and PLAIN.fullmatch(folder.name):
        yield f"{setting}={folder.name}"
        yield f"{setting}Mode={mode}"


def _profile(deployment: Deployment, *further: Path) -> Iterable[str]:
    if deployment.is_strict:
        yield "# The strict profile: docs/service.md says what stops working."
        yield from STRICT
        folders = (deployment.data_dir, deployment.log_dir, *further)
        yield f"ReadWritePaths={' '.join(f'-{word(folder)}' for folder in folders)}"


def _text(*parts: Iterable[str]) -> str:
    return "".join(f"{line}\n" for part in parts for line in part)
