"""Connections to Unix sockets of this machine: surely taken in, and it is known by whom."""

import asyncio
import errno
import os
import socket
import struct

RETRY = 0.02
"""Seconds between tries to connect."""

PEER = struct.Struct("3i")  # pid, uid, gid


class NotOurs(OSError):
    """Another user listens on the socket."""


async def connected(path: str) -> socket.socket:
    """A connection to the socket at `path`, tried again while nobody has room for it; the caller sets the limit.

    Raises:
        OSError: nobody listens there.
    """
    while True:
        handle = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            handle.setblocking(False)
            await asyncio.get_running_loop().sock_connect(handle, path)
            if _is_connected(handle):
                return handle
        except BaseException:
            handle.close()
            raise
        handle.close()
        await asyncio.sleep(RETRY)


async def connected_to_own(path: str, *, or_root: bool = False) -> socket.socket:
    """The same, to a process of our own user, or of root for a socket of systemd. Raises as above, or NotOurs."""
    handle = await connected(path)
    if peer_uid(handle) != os.geteuid() and not (or_root and peer_uid(handle) == 0):
        handle.close()
        raise NotOurs(errno.EPERM, "another user listens on its socket")
    return handle


def peer_uid(connection: socket.socket) -> int:
    """The user behind the other end."""
    _, uid, _ = PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
    return int(uid)


def _is_connected(handle: socket.socket) -> bool:
    """A full queue of the listening socket is EAGAIN, which asyncio takes for "in progress" and then for success."""
    try:
        handle.getpeername()
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            return False
        raise
    return True
