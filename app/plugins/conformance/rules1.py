"""Protocol 1, spoken strictly: one connection a message."""

import asyncio

from app.core.framing import Message
from app.core.ids import new_id
from app.plugins.answers import read_answer1
from app.plugins.channel import encode
from app.plugins.conformance.bench import Bench, Rule
from app.plugins.conformance.ending_rules import ENDING_RULES
from app.plugins.conformance.findings import TooMuch, Violation
from app.plugins.conformance.http_rules import HTTP_RULES
from app.plugins.conformance.subject import Subject
from app.plugins.conformance.talk import Closed
from app.plugins.wire import ANSWER_SECONDS, AnswerTooLarge, PluginAnswer, PluginRefused, PluginRequest

SECOND_ANSWER_SECONDS = 0.2


class Speaker1:
    """Speaks it.

    Attributes:
        is_lost: never, as no connection is to last.
    """

    is_lost = False

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    async def begin(self) -> None:
        """Sends init, which is not answered."""
        talk = await self._subject.first_talk()
        try:
            await talk.send(_lifecycle("init", self._subject))
        except Closed:
            raise Violation("It hung up before it had read init.") from None
        finally:
            await talk.close()

    async def ask(self, request: PluginRequest) -> PluginAnswer:
        """One request on a connection of its own."""
        request_id = new_id()
        async with self._subject.talk() as talk:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await talk.send(_http(request, request_id))
                    message = await talk.receive()
            except Closed:
                raise Violation("It hung up without an answer.") from None
            except TimeoutError:
                raise Violation(f"It did not answer within {ANSWER_SECONDS:.0f} seconds.") from None
            _require_reply(message, request_id)
        try:
            return read_answer1(message.get("payload"))
        except AnswerTooLarge as error:
            raise TooMuch(str(error)) from None
        except PluginRefused as error:
            raise Violation(str(error)) from None

    async def shut_down(self) -> None:
        """Sends shutdown, which is not answered."""
        async with self._subject.talk() as talk:
            await talk.send(_lifecycle("shutdown"))

    async def hang_up(self) -> None:
        """Nothing stays open."""


async def once(bench: Bench[Speaker1]) -> None:
    """What comes after the answer is lost."""
    async with bench.subject.talk() as talk:
        try:
            await talk.send(_http(PluginRequest("GET", "/"), new_id()))
            async with asyncio.timeout(ANSWER_SECONDS):
                await talk.receive()
            async with asyncio.timeout(SECOND_ANSWER_SECONDS):
                await talk.receive()
        except (Closed, TimeoutError):
            return
    raise Violation("It sent a second message on a connection that is for one answer.")


async def hang_up(bench: Bench[Speaker1]) -> None:
    """A browser that goes away takes its connection along."""
    async with bench.subject.talk():
        pass
    async with bench.subject.talk() as talk:
        await talk.send(_http(PluginRequest("GET", "/"), new_id()))
    await bench.ask()


async def broken_frame(bench: Bench[Speaker1]) -> None:
    """A core that is killed leaves half a frame."""
    frame = _http(PluginRequest("GET", "/"), new_id())
    for length in (2, 4, len(frame) // 2):
        async with bench.subject.talk() as talk:
            await talk.send(frame[:length])
    await bench.ask()


async def unknown(bench: Bench[Speaker1]) -> None:
    """A newer core may say more."""
    async with bench.subject.talk() as talk:
        await talk.send(encode("news", {"type": "news", "anything": [1]}))
    await bench.ask()


RULES1 = (
    *HTTP_RULES,
    Rule("http-once", "A request is answered with one message.", once),
    Rule("hang-up", "A connection that is closed early, empty or before its answer, disturbs no other.", hang_up),
    Rule("broken-frame", "A connection that ends amid a frame disturbs no other.", broken_frame, must=False),
    Rule("unknown-type", "A message of an unknown type is ignored.", unknown, must=False),
    *ENDING_RULES,
)


def _lifecycle(action: str, subject: Subject | None = None) -> bytes:
    payload = {"type": "lifecycle", "action": action}
    if subject is not None:
        log_path = f"{subject.socket_path}.log"
        payload |= {"instance_id": subject.instance_id, "plugin_socket": subject.socket_path, "log_path": log_path}
    return encode("lifecycle", payload)


def _http(request: PluginRequest, request_id: str) -> bytes:
    body = request.body.decode() if request.body else None
    inner = {"method": request.method, "path": request.path, "headers": request.headers, "body": body}
    return encode("http", {"type": "http", "request_id": request_id, "payload": inner}, request_id)


def _require_reply(message: Message, request_id: str) -> None:
    if message.get("type") != "http":
        raise Violation(f'It answered with a message of the type {message.get("type")!r} instead of "http".')
    if message.get("request_id") != request_id:
        raise Violation("It answered with another request_id than the request's.")
