"""A listening socket that systemd made and hands over; it starts a runner whenever somebody connects to it."""

import contextlib
import os
import socket

FIRST = 3  # the descriptor, by systemd's convention
HANDED_OVER = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def given_listener() -> socket.socket | None:
    """The socket that we were started with, None when we must make our own. It stays when we close it."""
    for_us = os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1"
    for name in HANDED_OVER:
        os.environ.pop(name, None)
    if not for_us:
        return None
    os.set_inheritable(FIRST, False)
    return socket.socket(fileno=FIRST)


def turn_away(listener: socket.socket | None) -> None:
    """Hangs up on those who wait: as long as somebody does, systemd would start a runner that cannot serve them."""
    if listener is None:
        return
    listener.setblocking(False)
    with contextlib.suppress(OSError):
        while True:
            listener.accept()[0].close()
