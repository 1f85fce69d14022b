"""Protocol 2: one lasting connection, many requests under way, pings, and calls of the plugin's own."""

import asyncio
import base64
import contextlib
import time
from collections.abc import Mapping

from app.core.framing import FrameTooLarge, Message
from app.core.ids import new_id
from app.plugins.answers import read_answer2
from app.plugins.calls import Calls
from app.plugins.channel import Channel, connect_when_there, encode
from app.plugins.frames import Unreadable
from app.plugins.pages.link import PageLink
from app.plugins.turns import Turns
from app.plugins.wire import ANSWER_SECONDS, PluginAnswer, PluginDown, PluginLate, PluginRefused, PluginRequest

VERSIONS = ("2",)
"""What is offered in init."""

AT_ONCE, WAITING = 64, 256
PING_SECONDS = 10.0
MISSED = 3
"""Pings without an answer, after which a plugin is unhealthy."""

SILENT_SECONDS = 45.0
"""Without an answer to a ping, after which its process is ended."""

FRAME_SECONDS = 30.0
"""That a frame may take from its first byte to its last."""


class Connection2:
    """Talks to one process.

    Args:
        path: its socket.
        init: the further fields of the payload of init.
        calls: takes what the plugin asks of us.
        page: takes what it shows; None where it has no page of that kind.
    """

    def __init__(self, path: str, init: Mapping[str, str | None], calls: Calls, page: PageLink | None = None) -> None:
        self.broken = asyncio.Event()
        self.problem = ""
        self.is_hopeless = False
        self.stray = 0
        """Messages that answered no request of ours."""

        self._path = path
        self._init = dict(init)
        self._calls = calls
        self._page = page
        self._turns = Turns(AT_ONCE, WAITING)
        self._pending: dict[str, asyncio.Future[object]] = {}
        self._ready = asyncio.Event()
        self._closed = False
        self._channel: Channel | None = None
        self._pinged_at = self._heard_at = time.monotonic()
        self._unanswered = 0

    @property
    def under_way(self) -> int:
        """Requests that wait for an answer."""
        return len(self._pending)

    async def open(self) -> None:
        """Connects, sends init and waits for `ready`; the caller sets the limit. Raises OSError."""
        self._channel = await connect_when_there(self._path, self._heard, self._lost, self._unread)
        if self._page is not None:
            self._page.open(self._channel)
        self._channel.send(encode("lifecycle", {"action": "init", "protocols": list(VERSIONS), **self._init}))
        await self._ready.wait()
        self._pinged_at = self._heard_at = time.monotonic()
        self._calls.begin(self._channel)
        if self._page is not None:
            self._page.begin()

    async def request(self, request: PluginRequest) -> PluginAnswer:
        """Sends a request and waits for the answer, while others do the same.

        Raises:
            PluginBusy: too many wait already.
            PluginLate: no answer in time.
            PluginDown: the connection ended.
            PluginRefused: the answer is none.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._turns.turn(len(request.body)):
                return read_answer2(await self._exchange(request))
        except TimeoutError:
            raise PluginLate(f"The plugin did not answer within {ANSWER_SECONDS:.0f} seconds.") from None

    async def shutdown(self) -> bool:
        """Asks the process to end; whether there is a connection to say it on."""
        self._end("The plugin was stopped before it answered.")
        if self._channel is None or not self._channel.is_open:
            return False
        self._channel.send(encode("lifecycle", {"action": "shutdown"}))
        return True

    def close(self) -> None:
        """Ends the connection."""
        self._end("The plugin was stopped before it answered.")
        if self._channel is not None:
            self._channel.abort()

    def look(self) -> bool:
        """Sends a ping when it is time for one; whether enough of the last ones were answered."""
        now = time.monotonic()
        if self._channel is None:
            return False
        begun = self._channel.amid_since
        if begun is not None and now - begun > FRAME_SECONDS:
            self._break(f"It began a frame and did not end it within {FRAME_SECONDS:.0f} seconds.")
        elif now - self._heard_at > SILENT_SECONDS:
            self._break(f"It answered no ping for {SILENT_SECONDS:.0f} seconds.")
        elif now - self._pinged_at >= PING_SECONDS:
            self._pinged_at = now
            self._unanswered += 1
            self._channel.send(encode("ping", {}))
        return self._unanswered <= MISSED

    async def _exchange(self, request: PluginRequest) -> object:
        if self._closed or self._channel is None:
            raise PluginDown("The plugin was stopped before it answered.")
        request_id = new_id()
        answer = self._pending[request_id] = asyncio.get_running_loop().create_future()
        try:
            await self._channel.send_slowly(_frame(request, request_id))
            return await answer
        finally:
            del self._pending[request_id]
            if not answer.done() or answer.cancelled():  # nobody waits any more
                self._channel.send(encode("cancel", {}, request_id))

    def _heard(self, message: Message) -> None:
        kind, request_id = message.get("type"), message.get("request_id")
        if kind == "http":
            answer = self._pending.get(request_id) if isinstance(request_id, str) else None
            if answer is None or answer.done():
                self.stray += 1
            else:
                answer.set_result(message.get("payload"))
        elif kind == "pong":
            self._heard_at = time.monotonic()
            self._unanswered = 0
        elif kind == "ready":
            self._welcome(message.get("payload"))
        elif kind == "page" and self._page is not None:
            self.stray += not self._page.take(request_id, message.get("payload"))
        elif not self._calls.take(kind, request_id, message.get("payload")):
            self.stray += 1

    def _unread(self, message: Unreadable) -> None:
        """What a browser sent may be all that is wrong with it, so that nobody else may suffer for it."""
        answer = self._pending.get(message.request_id or "") if message.kind == "http" else None
        if answer is None or answer.done():
            self._heard({"type": message.kind, "request_id": message.request_id})
        else:
            answer.set_exception(PluginRefused(f"The plugin's answer is {message.problem}."))

    def _welcome(self, payload: object) -> None:
        chosen = payload.get("protocol") if isinstance(payload, dict) else None
        if chosen in VERSIONS:
            self._ready.set()
            return
        offered = " and ".join(f'"{version}"' for version in VERSIONS)
        self.is_hopeless = True
        self._break(f"It chose protocol {ascii(chosen)[:80]} of {offered}, which this version of Toru speaks.")

    def _lost(self, problem: str) -> None:
        self._break(problem)

    def _break(self, problem: str) -> None:
        if not self._closed:
            self.problem = problem
            self.broken.set()
        self._end("The plugin went away before it answered.")
        if self._channel is not None:
            self._channel.abort()

    def _end(self, reason: str) -> None:
        self._closed = True
        self._calls.end()
        if self._page is not None:
            self._page.end(reason)
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(PluginDown(reason))


def _frame(request: PluginRequest, request_id: str) -> bytes:
    """As text where that is possible and short enough, else as base64, which always is."""
    head = {"method": request.method, "path": request.path, "headers": request.headers}
    with contextlib.suppress(UnicodeDecodeError, FrameTooLarge):
        return encode("http", {**head, "body": request.body.decode(), "body_encoding": "text"}, request_id)
    body = base64.b64encode(request.body).decode()
    return encode("http", {**head, "body": body, "body_encoding": "base64"}, request_id)
