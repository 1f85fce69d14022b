"""Protocol 2, spoken strictly: one connection, and a close look at everything that comes on it."""

import asyncio
import base64
import contextlib
from collections.abc import Mapping

from app.core.framing import Message
from app.core.ids import new_id
from app.plugins.answers import read_answer2
from app.plugins.calls import MOST_NAME
from app.plugins.channel import encode
from app.plugins.conformance.findings import TooMuch, Violation
from app.plugins.conformance.page_watch import PageWatch
from app.plugins.conformance.subject import START_SECONDS, Subject
from app.plugins.conformance.talk import Closed, Talk
from app.plugins.metadata import TREE
from app.plugins.protocol2 import VERSIONS
from app.plugins.wire import ANSWER_SECONDS, AnswerTooLarge, PluginAnswer, PluginRefused, PluginRequest

MOST_COMPLAINTS = 20
ACTIONS = ("get", "set", "delete")


class Speaker2:
    """Speaks it with one process at a time.

    Attributes:
        versions: what init offers.
        complaints: what was wrong with messages that the plugin sent by itself.
        page: what its page shows.
        is_lost: whether the plugin hung up.
    """

    def __init__(self, subject: Subject) -> None:
        self.versions: tuple[str, ...] = VERSIONS
        self.complaints: list[str] = []
        self.is_lost = False
        self._subject = subject
        self.page = self._page_watch()
        self._talk: Talk | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._given_up: set[str] = set()
        self._ready: asyncio.Future[object] | None = None
        self._pong = asyncio.Event()
        self._values: dict[str, str] = {}

    async def begin(self) -> None:
        """Connects, and waits until the plugin chose a version that was offered."""
        await self.offer()
        try:
            async with asyncio.timeout(START_SECONDS):
                chosen = await self.chosen()
        except TimeoutError:
            raise Violation(f"It did not answer init with ready within {START_SECONDS:.0f} seconds.") from None
        if chosen not in self.versions:
            raise Violation(f"It chose the protocol {chosen!r}, which was not offered.")

    async def offer(self) -> None:
        """Connects and sends init."""
        self._talk = await self._subject.first_talk()
        self._ready = asyncio.get_running_loop().create_future()
        self._answers.clear()
        self.is_lost = False
        self.page = self._page_watch()
        self._reading = asyncio.create_task(self._read(self._talk), name="conformance")
        payload = {
            "action": "init",
            "protocols": list(self.versions),
            "instance_id": self._subject.instance_id,
            "plugin_socket": self._subject.socket_path,
            "log_path": f"{self._subject.socket_path}.log",
            "license_key": self._subject.license_key,
        }
        await self.send(encode("lifecycle", payload))

    async def chosen(self) -> object:
        """The version that the plugin chose, whatever it is. Raises Violation when it hangs up instead."""
        if self._ready is None:
            raise Violation("It was not started.")
        return await asyncio.shield(self._ready)

    async def ask(self, request: PluginRequest) -> PluginAnswer:
        """One request, while others may be under way."""
        request_id = new_id()
        return await self.answer(request_id, http(request, request_id))

    async def answer(self, request_id: str, *parts: bytes, pause: float = 0.0) -> PluginAnswer:
        """Sends the parts of a request's frame, `pause` seconds after each other, and waits for the answer."""
        waiting = self._answers[request_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.send(*parts, pause=pause)
                message = await waiting
        except TimeoutError:
            raise Violation(f"It did not answer within {ANSWER_SECONDS:.0f} seconds.") from None
        finally:
            if self._answers.pop(request_id, None) is not None:
                self._given_up.add(request_id)
        try:
            return read_answer2(message.get("payload"))
        except AnswerTooLarge as error:
            raise TooMuch(str(error)) from None
        except PluginRefused as error:
            raise Violation(str(error)) from None

    async def give_up(self, request_id: str, data: bytes) -> None:
        """Sends a request that nobody waits for; its answer may come, once."""
        self._given_up.add(request_id)
        await self.send(data)

    async def page_answer(self, request_id: str, data: bytes) -> object:
        """Sends an event and waits for the payload of the answer; None when there is none in time."""
        waiting = self.page.answers[request_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.send(data)
                return await waiting
        except TimeoutError:
            return None
        finally:
            self.page.answers.pop(request_id, None)

    async def ping(self, seconds: float) -> bool:
        """Whether a ping is answered within the time."""
        self._pong.clear()
        await self.send(encode("ping", {}))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._pong.wait()
        return self._pong.is_set()

    async def send(self, *parts: bytes, pause: float = 0.0) -> None:
        """Writes a frame, in one part or several. Raises Violation when the plugin hung up."""
        try:
            if self._talk is not None:
                await self._talk.send(*parts, pause=pause)
        except Closed:
            self.is_lost = True
            raise Violation("It hung up.") from None

    async def shut_down(self) -> None:
        """Says shutdown."""
        await self.send(encode("lifecycle", {"action": "shutdown"}))

    async def hang_up(self) -> None:
        """Closes the connection."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
            self._reading = None
        if self._ready is not None:
            self._ready.cancel()
        if self._talk is not None:
            await self._talk.close()
            self._talk = None

    async def _read(self, talk: Talk) -> None:
        try:
            while True:
                await self._hear(talk)
        except Closed:
            self.is_lost = True
            self._fail(Violation("It hung up."))
        except Violation as violation:
            self._fail(violation)

    async def _hear(self, talk: Talk) -> None:
        try:
            message = await talk.receive()
        except TooMuch as violation:
            self._fail(violation)
        else:
            await self._take(talk, message)

    def _fail(self, violation: Violation) -> None:
        for waiting in (self._ready, *self._answers.values(), *self.page.answers.values()):
            if waiting is not None and not waiting.done():
                waiting.set_exception(violation)
                waiting.exception()  # whoever waits hears of it; that nobody does is no mistake

    async def _take(self, talk: Talk, message: Message) -> None:
        kind, request_id, payload = message.get("type"), message.get("request_id"), message.get("payload")
        if kind == "http":
            self._take_answer(request_id, message)
        elif kind == "pong":
            self._pong.set()
        elif kind == "ready":
            self._take_ready(payload)
        elif kind == "kv":
            await talk.send(encode("kv", self._keep(request_id, payload), str(request_id)))
        elif kind == "event":
            self._look_at_event(payload)
        elif kind == "page":
            self.page.take(request_id, payload)
        else:
            self._complain(f"It sent a message of the unknown type {kind!r}.")

    def _take_answer(self, request_id: object, message: Message) -> None:
        waiting = self._answers.pop(request_id, None) if isinstance(request_id, str) else None
        if waiting is not None and not waiting.done():
            waiting.set_result(message)
        elif request_id in self._given_up:
            self._given_up.discard(str(request_id))  # its cancel and this answer crossed each other
        else:
            self._complain("It answered a request that nobody made, or a second time.")

    def _take_ready(self, payload: object) -> None:
        if self._ready is None or self._ready.done():
            self._complain("It said ready more than once.")
        else:
            self._ready.set_result(payload.get("protocol") if isinstance(payload, Mapping) else None)

    def _keep(self, request_id: object, payload: object) -> dict[str, object]:
        """What Toru would do with a key-value call, in memory."""
        fields = payload if isinstance(payload, Mapping) else {}
        action, key, value = fields.get("action"), fields.get("key"), fields.get("value")
        if not isinstance(request_id, str) or action not in ACTIONS or not isinstance(key, str) or not key:
            self._complain("It made a key-value call without a request_id, an action or a key.")
            return {"error": "This is no key-value call.", "status": 400}
        if action == "set":
            if not isinstance(value, str):
                self._complain("It made a key-value call to keep something that is not text.")
                return {"error": "A value is text.", "status": 400}
            self._values[key] = value
        if action == "delete":
            self._values.pop(key, None)
        return {"value": self._values.get(key)}

    def _look_at_event(self, payload: object) -> None:
        name = payload.get("name") if isinstance(payload, Mapping) else None
        if not isinstance(name, str) or not 0 < len(name) <= MOST_NAME or not name.isprintable():
            self._complain(f"It sent an event without a name of 1 to {MOST_NAME} characters.")

    def _page_watch(self) -> PageWatch:
        return PageWatch(self._complain, is_due=self._subject.metadata.page == TREE)

    def _complain(self, sentence: str) -> None:
        if len(self.complaints) < MOST_COMPLAINTS:
            self.complaints.append(sentence)


def http(request: PluginRequest, request_id: str, *, binary: bool = False) -> bytes:
    """A request's frame; its body as base64 when it is `binary`."""
    body = base64.b64encode(request.body) if binary else request.body
    encoding = "base64" if binary else "text"
    head = {"method": request.method, "path": request.path, "headers": request.headers}
    return encode("http", {**head, "body": body.decode(), "body_encoding": encoding}, request_id)
