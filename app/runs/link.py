"""The core's end of a connection to a runner: questions and answers, and word of how far the runs got."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from app.core.framing import FrameError, FrameReader, Message, encode
from app.core.unix_socket import connected_to_own
from app.runner.protocol import address

log = logging.getLogger(__name__)

ACCEPT_SECONDS = 1.0
ANSWER_SECONDS = 15.0
HELLO_SECONDS = 5.0
"""A runner that does not even greet must not hold up our start."""

ACK = encode({"ack": 1})


class RunnerGone(ConnectionError):
    """The connection ended before the answer came; whether the command was carried out is unknown."""


class RunnerRefused(Exception):
    """The runner's answer is an error.

    Args:
        sentence: what it says.
        number: the errno, None where there is none.
    """

    def __init__(self, sentence: str, number: int | None) -> None:
        super().__init__(sentence)
        self.number = number


class Progress(NamedTuple):
    """How far a run got, as the runner tells it; `status` is the wait status, None before the end."""

    run_id: str
    size: int
    records: int
    status: int | None
    flags: int


class RunnerLink(asyncio.Protocol):
    """One connection.

    Args:
        progress: called with each run that moved.
        lost: called once when the connection is gone, unless `close` was called.
    """

    def __init__(
        self, progress: Callable[["RunnerLink", Progress], None], lost: Callable[["RunnerLink"], None]
    ) -> None:
        self.version = 0
        self.pid = 0
        self._progress = progress
        self._lost = lost
        self._frames = FrameReader()
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._number = 0
        self._transport: asyncio.Transport | None = None
        self._open = False

    @property
    def alive(self) -> bool:
        """Whether commands can be sent."""
        return self._open

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._open = True

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        try:
            messages = self._frames.feed(data)
        except FrameError:
            log.exception("the runner sent what is no frame")
            self._abort()
            return
        if any("p" in message for message in messages) and self._transport is not None:
            self._transport.write(ACK)  # on receipt: what moves while we work comes in the next frame
        for message in messages:
            if "p" in message:
                for row in message["p"]:
                    self._progress(self, Progress(*row))
            else:
                self._answered(message)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by asyncio."""
        was_open, self._open = self._open, False
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(RunnerGone("The runner is gone."))
        self._waiting.clear()
        if was_open:
            self._lost(self)

    async def ask(self, command: str, seconds: float = ANSWER_SECONDS, **fields: Any) -> Message:
        """Sends a command and returns the answer.

        Raises:
            RunnerRefused: the answer is an error.
            RunnerGone: the connection ended.
            TimeoutError: no answer within `seconds`.
        """
        if self._transport is None or not self._open:
            raise RunnerGone("The runner is gone.")
        self._number += 1
        number = self._number
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._transport.write(encode({"id": number, "cmd": command, **fields}))
        try:
            async with asyncio.timeout(seconds):
                answer: Message = await future
        finally:
            self._waiting.pop(number, None)
        if "error" in answer:
            raise RunnerRefused(str(answer["error"]), answer.get("errno"))
        return answer

    async def hello(self, version: int, seconds: float = HELLO_SECONDS) -> list[Progress]:
        """Introduces us and returns the runs that the runner knows. Raises as `ask`."""
        answer = await self.ask("hello", seconds, version=version)
        self.version, self.pid = answer["version"], answer["pid"]
        return [Progress(*row[:5]) for row in answer["runs"]]

    def close(self) -> None:
        """Ends the connection; the runner and its runs go on."""
        self._open = False
        self._abort()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _answered(self, message: Message) -> None:
        future = self._waiting.get(message.get("re", 0))
        if future is not None and not future.done():
            future.set_result(message)


async def connect(
    folder: Path,
    name: str,
    progress: Callable[[RunnerLink, Progress], None],
    lost: Callable[[RunnerLink], None],
    *,
    of_systemd: bool = False,
) -> RunnerLink:
    """A connection to the runner behind a socket of the folder, or behind one `of_systemd`, which root has made.

    Raises:
        OSError: nobody listens there, another user does (NotOurs), or nobody has room for ACCEPT_SECONDS
            (TimeoutError).
    """
    handle = await asyncio.to_thread(os.open, folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        async with asyncio.timeout(ACCEPT_SECONDS):
            connection = await connected_to_own(address(handle, name), or_root=of_systemd)
    finally:
        os.close(handle)
    try:
        _, link = await asyncio.get_running_loop().create_unix_connection(
            lambda: RunnerLink(progress, lost), sock=connection
        )
    except BaseException:
        connection.close()
        raise
    return link
