"""The service manager that started us, where one did: systemd hears how we are, in datagrams (sd_notify)."""

import contextlib
import os
import socket
from collections.abc import MutableMapping


class ServiceManager:
    """Tells the service manager; without one, and where it does not listen, nothing happens.

    Args:
        address: its socket: a path, or `@` and a name in the abstract namespace. Empty for none.
        watchdog_seconds: within which it wants to hear of us again and again; 0 for never.
    """

    def __init__(self, address: str = "", watchdog_seconds: float = 0) -> None:
        self.watchdog_seconds = watchdog_seconds if address else 0
        self._address = address

    @classmethod
    def take_from(cls, environment: MutableMapping[str, str] = os.environ) -> "ServiceManager":
        """The one that the environment names; it is removed from there, so that no child can speak in our name."""
        address = environment.pop("NOTIFY_SOCKET", "")
        microseconds = environment.pop("WATCHDOG_USEC", "")
        asked = environment.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        is_number = microseconds.isascii() and microseconds.isdigit()
        return cls(address, int(microseconds) / 1e6 if asked and is_number else 0)

    def ready(self, status: str) -> None:
        """We serve."""
        self._tell("READY=1", f"STATUS={status}")

    def status(self, sentence: str) -> None:
        """What `systemctl status` shows."""
        self._tell(f"STATUS={sentence}")

    def alive(self) -> None:
        """We live; due again within `watchdog_seconds`."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """We begin to end."""
        self._tell("STOPPING=1", "STATUS=Stopping")

    def _tell(self, *words: str) -> None:
        if not self._address.startswith(("/", "@")):
            return
        # A manager that does not read must not hold us up; what it missed is told again, or late.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
            channel.sendto("\n".join(words).encode("utf-8", "replace"), address)
