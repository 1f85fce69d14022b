"""uvicorn's HTTP protocol with limits: on connections, and on the head of a request, which it takes at any length.

Pinned to uvicorn's httptools implementation, like `app.websocket_protocol` to its WebSockets.
"""

from asyncio import Transport
from asyncio.events import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.error_shape import raw_refusal
from app.revocation import ABORT

IDLE_SECONDS = 20.0
"""A new connection that says nothing: browsers open some for later."""

HEAD_SECONDS = 5.0
"""From the first byte of a request to the end of its headers."""

HEAD_BYTES = 64 * 1024
HEAD_FIELDS = 100
LINGER_SECONDS = 2.0
"""How long the rest of what nobody wants is taken in: who is cut off at once never reads our answer."""

SHUTDOWN_SECONDS = 2.0
"""When the server ends, how long answers may take to end, too; a stream would not by itself."""

CROWDED = raw_refusal(503, "Too many connections at once. Try again in a moment.", (b"retry-after", b"5"))
BAD = raw_refusal(400, "This is not a valid HTTP request.")
TOO_LARGE = raw_refusal(431, "The head of the request is too large.")
UNKNOWN_CODING = raw_refusal(501, "A body is sent as it is, or in chunks.")
TOO_SLOW = raw_refusal(408, "The request took too long.")


class HeadTooLarge(Exception):
    """More header fields or bytes than a request needs."""


class UnknownCoding(Exception):
    """A Transfer-Encoding in which the end of the body cannot be seen, or not by everybody in the same place."""


class SharedState(ServerState):
    """What the connections of a server share."""

    is_ending = False
    """Whether it closes them. Who was accepted just before is not among them yet, and is not waited for."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """Answers 431 to a head that is too large, 408 to one that is too slow, 503 to one connection too many; and closes.

    `limit_concurrency` bounds connections, not requests: where connections take all files, nothing can be accepted,
    read or logged any more. Those that are there go on.
    """

    _timer: TimerHandle | None = None
    _received = 0  # bytes since the last head was complete
    _fields = 0
    _field_bytes = 0
    _in_body = False
    _answering = 0
    _refused = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._most_connections = self.limit_concurrency
        self.limit_concurrency = None  # uvicorn would refuse requests on old connections as well

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Starts the clock."""
        super().connection_made(transport)
        if isinstance(self.server_state, SharedState) and self.server_state.is_ending:
            transport.close()
            return
        self._set_timer(IDLE_SECONDS)
        if self._most_connections is None:
            return
        surplus = len(self.connections) - self._most_connections
        if surplus > self._most_connections // 8:  # to take in what they say costs a file each
            self._refused = True
            transport.write(CROWDED)
            transport.close()
        elif surplus > 0:
            self._refuse(CROWDED)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        self._set_timer(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes bytes in; those of a head are counted."""
        if self._refused:
            return
        if not self._in_body:
            if not self._received:
                self._set_timer(HEAD_SECONDS)
            self._received += len(data)
        super().data_received(data)
        if not self._in_body and self._received > HEAD_BYTES:
            self._refuse(TOO_LARGE)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._fields = self._field_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field."""
        self._fields += 1
        self._field_bytes += len(name) + len(value)
        if self._is_too_large():
            raise HeadTooLarge
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole; whatever follows is a body."""
        if self._has_unknown_coding():
            raise UnknownCoding
        self._set_timer(None)
        self._in_body = True
        self._received = 0
        self.scope["extensions"] = {ABORT: {"call": self.transport.abort}}
        super().on_headers_complete()  # raises where there is no address to ask for
        self._answering += 1

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._set_timer(None)
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is out; a body that still comes has a moment to end."""
        self._answering -= 1
        super().on_response_complete()
        if self._in_body:
            self._set_timer(LINGER_SECONDS)

    def send_400_response(self, msg: str) -> None:
        """The parser, or we, did not take the request."""
        if self._is_too_large():
            self._refuse(TOO_LARGE)
        else:
            self._refuse(UNKNOWN_CODING if self._has_unknown_coding() else BAD)

    def handle_websocket_upgrade(self) -> None:
        """Another protocol takes over."""
        self._set_timer(None)
        super().handle_websocket_upgrade()

    def shutdown(self) -> None:
        """The server ends."""
        super().shutdown()
        self.loop.call_later(SHUTDOWN_SECONDS, self.transport.abort)

    def _is_too_large(self) -> bool:
        return self._fields > HEAD_FIELDS or self._field_bytes + len(self.url) > HEAD_BYTES

    def _has_unknown_coding(self) -> bool:
        codings = [value.strip().lower() for name, value in self.headers if name == b"transfer-encoding"]
        return codings not in ([], [b"chunked"])

    def _drop_unanswered(self) -> bool:
        """Lets go of the only request under way, when it is its body that broke; False when its answer has begun."""
        cycle = self.cycle
        if self._answering != 1 or not self._in_body or cycle.response_started:
            return False
        cycle.disconnected = True
        cycle.message_event.set()
        self._answering = 0
        return True

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        if self._answering:
            return  # what came was a stray line end, or the head of a request that is not its turn yet
        if self._received and not self._refused:
            self._refuse(TOO_SLOW)
        else:
            self.transport.close()  # nothing came, or nothing more is wanted

    def _refuse(self, answer: bytes) -> None:
        if self.transport.is_closing() or self._refused:
            return
        self._refused = True
        if self._answering and not self._drop_unanswered():  # ours would cut into the answer to the request before
            self.transport.close()
            return
        self.transport.write(answer)
        self.transport.write_eof()
        self._set_timer(LINGER_SECONDS)
