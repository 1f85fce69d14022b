"""The local control socket: how commands of `toru` talk to the core that runs. For the same user and root only."""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from app.core.errors import Forbidden, ToruError
from app.core.framing import FrameError, FrameReader, encode
from app.core.tasks import TaskKeeper
from app.core.unix_socket import connected, peer_uid

log = logging.getLogger(__name__)

SOCKET = "control.sock"
MAX_FRAME = 1 << 20
ANSWER_SECONDS = 30

Handler = Callable[[Mapping[str, Any]], Awaitable[Any]]


class NotRunning(Exception):
    """No core answers on this data folder."""


class ControlServer:
    """Answers `{"command", "fields"}` with `{"ok": value}` or `{"error": sentence}`, one frame each.

    Args:
        folder: where `control.sock` lies.
        handlers: what each command does; a ToruError becomes the answer's sentence.
    """

    def __init__(self, folder: Path, handlers: Mapping[str, Handler]) -> None:
        self._folder = folder
        self._handlers = handlers
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
                if request is not None:
                    writer.write(encode(await self._answer(request)))
                    await writer.drain()
        except (TimeoutError, ConnectionError, FrameError):
            log.warning("a control connection broke off", extra={"event": "control_broken"})
        finally:
            writer.close()

    async def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        handler = self._handlers.get(str(request.get("command")))
        if handler is None:
            return {"error": "The running core does not know this command; is it another version?"}
        fields = request.get("fields")
        try:
            return {"ok": await handler(fields if isinstance(fields, dict) else {})}
        except ToruError as error:
            return {"error": str(error)}
        except Exception:
            log.exception("a command failed", extra={"event": "control_failed"})
            return {"error": "Something went wrong in the running core. Its log says what."}


async def call(folder: Path, command: str, fields: Mapping[str, Any]) -> Any:
    """Has the running core do `command`.

    Raises:
        NotRunning: no core listens there.
        ToruError: the core refused, with its sentence.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(sock=await _connect(folder))
    except (FileNotFoundError, ConnectionRefusedError):
        raise NotRunning(f"No Toru runs on {folder}.") from None
    except PermissionError:
        raise Forbidden(f"{folder} belongs to another user; only that user and root may do this.") from None
    except TimeoutError:
        raise NotRunning(f"The core on {folder} did not answer.") from None
    answer = None
    try:
        writer.write(encode({"command": command, "fields": dict(fields)}))
        async with asyncio.timeout(ANSWER_SECONDS):
            await writer.drain()
            answer = await _read(reader)
    except (TimeoutError, ConnectionError):
        pass  # told below
    finally:
        writer.close()
    if answer is None:
        raise NotRunning(f"The core on {folder} did not answer.")
    if "error" in answer:
        raise ToruError(answer["error"])
    return answer.get("ok")


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
        async with asyncio.timeout(ANSWER_SECONDS):
            return await connected(f"/proc/self/fd/{descriptor}/{SOCKET}")
    finally:
        os.close(descriptor)
