"""The local control socket: how commands of `toru` talk to the core that runs. For the same user and root only."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from app.core.errors import ToruError
from app.core.framing import FrameError, FrameReader, encode
from app.core.ownership import AnotherUsers
from app.core.tasks import TaskKeeper
from app.core.unix_socket import connected, peer_uid
from app.version import VERSION

log = logging.getLogger(__name__)

SOCKET = "control.sock"
MAX_FRAME = 1 << 20
ANSWER_SECONDS = 30
BEAT_SECONDS = 10.0
"""How often a stream that has nothing to tell says that it lives."""

MOST_STREAMS = 64

Handler = Callable[[Mapping[str, Any]], Awaitable[Any]]
Streamer = Callable[[Mapping[str, Any]], AsyncGenerator[dict[str, Any], None]]


class NotRunning(Exception):
    """No core answers on this data folder."""


class NoAnswer(NotRunning):
    """A core holds the socket, but does not answer."""


class ControlServer:
    """Answers `{"command", "fields"}` with `{"ok": value}` or `{"error": sentence}`, one frame each.

    What takes long is streamed: frames `{"item": object}` as they come, `{"beat": true}` while none do, and then the
    answer. The other side sets the pace; when it leaves, the stream ends.

    Args:
        folder: where `control.sock` lies.
        handlers: what each command does; a ToruError becomes the answer's sentence.
        streamers: the commands that stream.
    """

    def __init__(
        self, folder: Path, handlers: Mapping[str, Handler], streamers: Mapping[str, Streamer] | None = None
    ) -> None:
        self._folder = folder
        self._handlers = handlers
        self._streamers = streamers or {}
        self._streams = 0
        self._tasks = TaskKeeper("control")
        self._server: asyncio.Server | None = None
        self._descriptor = -1  # of the folder; asyncio looks at the socket's path once more when it closes it

    async def open(self) -> None:
        """Listens; replaces the socket of a core that died."""
        self._descriptor, listener = await asyncio.to_thread(_listen, self._folder)
        self._server = await asyncio.start_unix_server(self._connected, sock=listener)

    async def close(self) -> None:
        """Stops listening and removes the socket."""
        if self._server is not None:
            self._server.close()
            await self._tasks.close()
            await asyncio.to_thread((self._folder / SOCKET).unlink, missing_ok=True)
            os.close(self._descriptor)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.spawn(self._serve(reader, writer), "connection")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if peer_uid(writer.get_extra_info("socket")) not in (os.getuid(), 0):
                return
            async with asyncio.timeout(ANSWER_SECONDS):
                request = await _read(reader)
                if request is None:
                    return
                streamer = self._streamers.get(str(request.get("command")))
                if streamer is None:
                    await _send(writer, await self._answer(self._handlers.get(str(request.get("command"))), request))
            if streamer is not None:
                await self._stream(streamer, request, reader, writer)
        except ConnectionError:
            log.info("a command left before its answer", extra={"event": "control_left"})
        except (TimeoutError, FrameError):
            log.warning("a control connection broke off", extra={"event": "control_broken"})
        finally:
            writer.close()

    async def _stream(
        self, streamer: Streamer, request: Mapping[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Passes on what comes, for as long as somebody reads it."""

        async def pass_on(fields: Mapping[str, Any]) -> None:
            async with aclosing(streamer(fields)) as items:
                following = asyncio.ensure_future(anext(items, None))
                try:
                    while True:
                        done, _ = await asyncio.wait({following}, timeout=BEAT_SECONDS)
                        item = following.result() if done else None
                        if done and item is None:
                            return
                        await _send(writer, {"beat": True} if item is None else {"item": item})
                        if done:
                            following = asyncio.ensure_future(anext(items, None))
                finally:
                    following.cancel()
                    await asyncio.gather(following, return_exceptions=True)

        if self._streams >= MOST_STREAMS:
            await _send(writer, {"error": f"{MOST_STREAMS} commands follow something already. End one first."})
            return
        self._streams += 1
        leaving = asyncio.ensure_future(reader.read(1))
        answering = asyncio.ensure_future(self._answer(pass_on, request))
        try:
            await asyncio.wait({leaving, answering}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                await _send(writer, answering.result())
        finally:
            self._streams -= 1
            for half in (leaving, answering):
                half.cancel()
            await asyncio.gather(leaving, answering, return_exceptions=True)

    async def _answer(self, handler: Handler | None, request: Mapping[str, Any]) -> dict[str, Any]:
        if handler is None:
            told = f"The running core, version {VERSION}, does not know this command; is it another version?"
            return {"error": f"{told} Restart it after an upgrade."}
        fields = request.get("fields")
        try:
            return {"ok": await handler(fields if isinstance(fields, dict) else {})}
        except ToruError as error:
            return {"error": str(error)}
        except ConnectionError:
            raise
        except Exception:
            log.exception("a command failed", extra={"event": "control_failed"})
            return {"error": "Something went wrong in the running core. Its log says what."}


async def call(folder: Path, command: str, fields: Mapping[str, Any], seconds: float = ANSWER_SECONDS) -> Any:
    """Has the running core do `command`.

    Args:
        seconds: how long it may take to answer.

    Raises:
        NotRunning: no core listens there.
        NoAnswer: one does, and says nothing.
        AnotherUsers: it belongs to another user.
        ToruError: the core refused, with its sentence.
    """
    async with aclosing(_asked(folder, command, fields, seconds)) as answers:
        async for answer in answers:
            if "ok" in answer:
                return answer["ok"]
    raise _silent(folder)


async def stream(folder: Path, command: str, fields: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    """What the running core tells, as it comes, until it has told everything. Raises as `call`."""
    async with aclosing(_asked(folder, command, fields, ANSWER_SECONDS)) as answers:
        async for answer in answers:
            if "item" in answer:
                yield answer["item"]
            elif "ok" in answer:
                return
    raise _silent(folder)


async def _asked(
    folder: Path, command: str, fields: Mapping[str, Any], seconds: float
) -> AsyncGenerator[dict[str, Any], None]:
    """Every frame of the answer; `seconds` is the longest silence."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_unix_connection(sock=await _connect(folder))
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        raise NotRunning(f"No Toru runs on {folder}.") from None
    except PermissionError:
        raise AnotherUsers(f"{folder} belongs to another user; only that user and root may do this.") from None
    except TimeoutError:
        raise _silent(folder) from None
    frames = FrameReader(MAX_FRAME)
    try:
        writer.write(encode({"command": command, "fields": dict(fields)}))
        while True:
            async with asyncio.timeout(seconds):
                await writer.drain()
                data = await reader.read(65536)
            if not data:
                return
            for answer in frames.feed(data):
                if "error" in answer:
                    raise ToruError(answer["error"])
                yield answer
    except (TimeoutError, ConnectionError):
        return
    except FrameError as error:
        raise NoAnswer(f"What answers on {folder} is no Toru: {error}.") from None
    finally:
        writer.close()


def _silent(folder: Path) -> NoAnswer:
    return NoAnswer(f"The core on {folder} did not answer. Look into its log; if it hangs, end it and start it again.")


async def _send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    writer.write(encode(message))
    await writer.drain()


async def _read(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    frames = FrameReader(MAX_FRAME)
    while data := await reader.read(65536):
        for message in frames.feed(data):
            return message
    return None


def _listen(folder: Path) -> tuple[int, socket.socket]:
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    (folder / SOCKET).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    # A deep data folder exceeds the 107 bytes of a socket's path; through the folder's descriptor it never does.
    listener.bind(f"/proc/self/fd/{descriptor}/{SOCKET}")
    (folder / SOCKET).chmod(0o600)
    listener.listen(8)
    listener.setblocking(False)
    return descriptor, listener


async def _connect(folder: Path) -> socket.socket:
    descriptor = await asyncio.to_thread(os.open, folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return await connected(f"/proc/self/fd/{descriptor}/{SOCKET}")
    finally:
        os.close(descriptor)
