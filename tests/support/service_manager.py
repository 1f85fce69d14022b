"""A service manager of our own: the socket that sd_notify speaks to, and what was heard there."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

WITHIN = 30.0


class FakeManager:
    """Hears what a service says of itself; `address` is what NOTIFY_SOCKET is to be."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.heard: list[str] = []
        self._more = asyncio.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        """Hears no more."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    @property
    def pings(self) -> int:
        """How many signs of life came."""
        return self.heard.count("WATCHDOG=1")

    def forget(self) -> None:
        """Begins anew."""
        self._read()
        self.heard.clear()

    async def until(self, said: Callable[[], object]) -> None:
        """Returns as soon as what was heard makes `said` true."""
        end = time.monotonic() + WITHIN
        while not said():
            self._more.clear()
            assert time.monotonic() < end, f"it was not said: {self.heard[-20:]}"
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), 1)

    async def pinged(self, times: int = 3) -> None:
        """Returns after so many further signs of life."""
        wanted = self.pings + times
        await self.until(lambda: self.pings >= wanted)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard += self._socket.recv(4096).decode().split("\n")
        self._more.set()


@contextlib.contextmanager
def fake_manager(folder: Path, *, abstract: bool = False) -> Iterator[FakeManager]:
    """A manager that listens in `folder`, or in the abstract namespace."""
    manager = FakeManager(f"@toru-test-{folder.name}-{id(folder)}" if abstract else str(folder / "notify"))
    try:
        yield manager
    finally:
        manager.close()
