"""Protocol 1: one connection a message, one request after the other, as plugins that exist expect it."""

import asyncio
import os
from collections.abc import Mapping

from app.core.errors import TooLarge
from app.core.framing import FrameTooLarge, Message
from app.core.ids import new_id
from app.plugins.answers import read_answer1, wrapped_text
from app.plugins.channel import Channel, connect, connect_when_there, encode
from app.plugins.frames import MOST_VALUES, has_too_many_values
from app.plugins.turns import Turns
from app.plugins.wire import ANSWER_SECONDS, NotText, PluginAnswer, PluginDown, PluginLate, PluginRefused, PluginRequest

WAITING = 64
SHUTDOWN_SECONDS = 1.0


class Connection1:
    """Talks to one process.

    Args:
        path: its socket.
        init: the further fields of the payload of init.
    """

    def __init__(self, path: str, init: Mapping[str, str | None]) -> None:
        self.broken = asyncio.Event()
        self.problem = ""
        self.is_hopeless = False
        self.stray = 0
        """Messages that answered no request of ours."""

        self._path = path
        self._init = dict(init)
        self._turns = Turns(1, WAITING)
        self._under_way: set[asyncio.Future[Message]] = set()
        self._closed = False

    async def open(self) -> None:
        """Waits until the socket is there and sends init; the caller sets the limit. Raises OSError."""
        channel = await connect_when_there(self._path, _unasked, _unasked)
        await _say(channel, encode("lifecycle", {"type": "lifecycle", "action": "init", **self._init}))

    async def request(self, request: PluginRequest) -> PluginAnswer:
        """Sends a request when its turn has come, and waits for the answer.

        Raises:
            NotText: its body is not UTF-8.
            PluginBusy: too many wait already.
            PluginLate: no answer in time.
            PluginDown: there was nobody, or the connection ended.
            PluginRefused: the answer is none.
            TooLarge: one frame cannot carry it.
        """
        try:
            body = request.body.decode() if request.body else None
        except UnicodeDecodeError:
            raise NotText("This plugin takes only bodies that are UTF-8 text.") from None
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._turns.turn(len(request.body)):
                payload = await self._exchange(request, body)
                if await has_too_many_values(wrapped_text(payload) or ""):
                    raise PluginRefused(f"The plugin's answer is made of more than {MOST_VALUES:,} values.")
                return read_answer1(payload)
        except TimeoutError:
            raise PluginLate(f"The plugin did not answer within {ANSWER_SECONDS:.0f} seconds.") from None

    async def shutdown(self) -> bool:
        """Asks the process to end; whether somebody listened. Whether it was heard is not known."""
        self.close()
        try:
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                channel = await connect(self._path, _unasked, _unasked)
                await _say(channel, encode("lifecycle", {"type": "lifecycle", "action": "shutdown"}))
        except OSError:  # TimeoutError is one
            return False
        return True

    def close(self) -> None:
        """Ends what is under way; the requests fail with PluginDown."""
        self._closed = True
        for answer in self._under_way:
            if not answer.done():
                answer.set_exception(_gone())

    def look(self) -> bool:
        """Whether the socket is there; without it no request could reach the process ever again."""
        if os.path.exists(self._path):
            return True
        self.problem = "Its socket is gone."
        self.broken.set()
        return False

    async def _exchange(self, request: PluginRequest, body: str | None) -> object:
        if self._closed:
            raise _gone()
        request_id = new_id()
        inner = {"method": request.method, "path": request.path, "headers": request.headers, "body": body}
        try:
            frame = encode("http", {"type": "http", "request_id": request_id, "payload": inner}, request_id)
        except FrameTooLarge:
            raise TooLarge("As text for this plugin, the request is too large.") from None
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

        def heard(message: Message) -> None:
            if message.get("type") == "http" and message.get("request_id") == request_id and not answer.done():
                answer.set_result(message)
            else:
                self.stray += 1

        def lost(problem: str) -> None:
            if not answer.done():
                answer.set_exception(PluginDown(f"The plugin did not answer. {problem or 'It closed the connection.'}"))

        self._under_way.add(answer)
        channel: Channel | None = None
        try:
            channel = await connect(self._path, heard, lost)
            channel.send(frame)
            return (await answer).get("payload")
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise PluginDown(f"The plugin cannot be reached: {error.strerror}.") from None
        finally:
            self._under_way.discard(answer)
            answer.cancel()
            if channel is not None:
                channel.abort()


def _gone() -> PluginDown:
    return PluginDown("The plugin was stopped before it answered.")


async def _say(channel: Channel, frame: bytes) -> None:
    channel.send(frame)
    channel.close()


def _unasked(_: object) -> None:
    pass
