"""What comes over NiceGUI's sockets and no page of ours would send: it ends the connection, and the log stays calm.

The libraries below NiceGUI write a traceback for every malformed packet: whoever is signed in could fill the log.
"""

import logging
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from engineio.async_socket import AsyncSocket

log = logging.getLogger(__name__)

LIBRARIES = ("engineio.server", "socketio.server")
BINARY = ("5", "6")
"""Socket.IO packets that announce binary attachments: they would be kept until all have come, and no page sends any."""

MINUTE = 60.0
MOST_LINES = 10
MOST_TEXT = 1000


class Budget:
    """Some a minute.

    Args:
        most: how many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._began = -MINUTE
        self._spent = 0

    def spend(self) -> bool:
        """Whether there was one left."""
        now = time.monotonic()
        if now - self._began >= MINUTE:
            self._began, self._spent = now, 0
        self._spent += 1
        return self._spent <= self._most


class Complaints(logging.Filter):
    """Says what went wrong, once a minute, without a word of what was sent; stands in for the libraries' own lines."""

    def __init__(self) -> None:
        super().__init__()
        self._budget = Budget(1)

    def filter(self, record: logging.LogRecord) -> bool:
        """Takes over a record of a library."""
        self.tell(record.exc_info[1] if record.exc_info else None)
        return False

    def tell(self, error: BaseException | None) -> None:
        """Notes a fault of a connection."""
        if self._budget.spend():
            where = _place(error) if error is not None else "not what the protocol says"
            log.warning("a page's socket brought something malformed (%s)", where, extra={"event": "malformed_packet"})


def _place(error: BaseException) -> str:
    *_, last = traceback.extract_tb(error.__traceback__) or [None]
    place = f" at {Path(last.filename).name}:{last.lineno}" if last is not None else ""
    return f"{type(error).__name__}{place}"


def calm_sockets(server: Any) -> None:
    """Teaches NiceGUI's Socket.IO server; once a process."""
    complaints = Complaints()
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()  # it would print everything once more
        library.addFilter(complaints)
    AsyncSocket._websocket_handler = _ending_at_faults(AsyncSocket._websocket_handler, complaints)  # noqa: SLF001
    server.eio.on("message", _closing_at_faults(server, complaints))
    server._trigger_event = _never_failing(server._trigger_event, server.not_handled, complaints)  # noqa: SLF001


def _ending_at_faults(serve: Callable[..., Awaitable[None]], complaints: Complaints) -> Callable[..., Awaitable[None]]:
    async def serve_calmly(socket: Any, connection: Any) -> None:
        try:
            await serve(socket, connection)
        except Exception as error:  # noqa: BLE001 - whatever a packet broke, its connection ends
            complaints.tell(error)
            await _end(socket)

    return serve_calmly


async def _end(socket: AsyncSocket) -> None:
    await socket.close(wait=False, abort=True, reason=socket.server.reason.TRANSPORT_ERROR)
    await socket.queue.put(None)  # ends the task that writes, and with it the connection
    socket.server.sockets.pop(socket.sid, None)  # who polls is told that there is none


def _closing_at_faults(server: Any, complaints: Complaints) -> Callable[[str, Any], Awaitable[None]]:
    handle = server._handle_eio_message  # noqa: SLF001

    async def message(connection_id: str, data: Any) -> None:
        try:
            if not isinstance(data, str) or data.startswith(BINARY):
                raise ValueError("binary")  # noqa: TRY301 - told like every other fault
            await handle(connection_id, data)
        except Exception as error:  # noqa: BLE001 - as above
            complaints.tell(error)
            if (socket := server.eio.sockets.get(connection_id)) is not None:
                await _end(socket)

    return message


def _never_failing(
    trigger: Callable[..., Awaitable[Any]], not_handled: Any, complaints: Complaints
) -> Callable[..., Awaitable[Any]]:
    """Events run in tasks that nobody awaits; what a handler of ours raises never gets here, NiceGUI logs it."""

    async def trigger_calmly(event: Any, namespace: str, *arguments: Any) -> Any:
        try:
            return await trigger(event, namespace, *arguments)
        except Exception as error:
            if event == "connect":
                raise  # it is the answer to the browser
            complaints.tell(error)
            return not_handled

    return trigger_calmly


def bounded_log(handler: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """NiceGUI's handler of what a browser wants logged, with a bound to lines a minute and to their length."""
    budget = Budget(MOST_LINES)

    def log_some(socket_id: str, message: Any) -> Any:
        if not budget.spend():
            return None
        return handler(socket_id, {**message, "message": str(message["message"])[:MOST_TEXT]})

    return log_some
