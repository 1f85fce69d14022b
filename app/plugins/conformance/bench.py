"""What a rule of the conformance kit gets: the plugin, running and ready, and a way to ask it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from app.plugins.conformance.findings import Violation
from app.plugins.conformance.subject import Subject
from app.plugins.wire import PluginAnswer, PluginRequest

EXIT_SECONDS = 0.3
AFTERWARDS_SECONDS = 0.1


class Speaker(Protocol):
    """One protocol, spoken strictly.

    Attributes:
        is_lost: whether the plugin ended the connection that was to last as long as its process.
    """

    is_lost: bool

    async def begin(self) -> None:
        """The first connection of a process, until it may be asked. Raises Violation."""

    async def ask(self, request: PluginRequest) -> PluginAnswer:
        """One request and its answer. Raises Violation."""

    async def shut_down(self) -> None:
        """Says that it shall end. Raises Violation."""

    async def hang_up(self) -> None:
        """Closes what is open."""


S = TypeVar("S", bound=Speaker)


class Bench(Generic[S]):
    """A plugin under test. A process serves many rules; one that ended, or hung up, is replaced before the next."""

    def __init__(self, subject: Subject, speaker: S) -> None:
        self.subject = subject
        self.speaker = speaker
        self._is_ready = False

    async def ready(self) -> None:
        """Has the plugin running. Raises Violation."""
        if self._is_ready and self.subject.is_running and not self.speaker.is_lost:
            return
        await self.stop()
        await self.subject.start()
        try:
            await self.speaker.begin()
        except Violation as violation:
            raise await self.explained("It", violation) from None
        self._is_ready = True

    async def require_alive(self) -> None:
        """Raises Violation when the process ends at this moment."""
        if await self.subject.wait_for_end(AFTERWARDS_SECONDS):
            raise Violation(f"Afterwards it {self.subject.ending()}.")

    async def stop(self) -> None:
        """Ends the process, if there is one."""
        self._is_ready = False
        await self.speaker.hang_up()
        await self.subject.end()

    async def ask(
        self, method: str = "GET", path: str = "/", body: bytes = b"", content_type: str = "text/plain; charset=utf-8"
    ) -> PluginAnswer:
        """One request, with the headers that Toru adds. Raises Violation."""
        headers = {"accept": "*/*", "x-toru-user": "conformance", "x-toru-role": "admin"}
        if body:
            headers |= {"content-type": content_type, "content-length": str(len(body))}
        try:
            return await self.speaker.ask(PluginRequest(method, path, headers, body))
        except Violation as violation:
            shown = f"{method} {path}" if len(path) <= 60 else f"{method} {path[:57]}…"
            explained = await self.explained(f"Asked for {shown}, it", violation)
            if explained is violation:
                explained = type(violation)(f"Asked for {shown}: {violation}")
            raise explained from None

    async def explained(self, beginning: str, violation: Violation) -> Violation:
        """The exit of the process, where that is the reason; it is noticed a moment after the connection it broke."""
        if await self.subject.wait_for_end(EXIT_SECONDS):
            return Violation(f"{beginning} {self.subject.ending()}.")
        return violation


AnyBench = Bench[Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a protocol.

    Attributes:
        name: what plugins/PROTOCOL.md calls it.
        says: the rule, as a sentence.
        check: raises Violation when the plugin breaks it.
        must: False where breaking it costs the plugin something, but works.
        lives: whether the plugin goes on afterwards.
    """

    name: str
    says: str
    check: Callable[[AnyBench], Awaitable[None]]
    must: bool = True
    lives: bool = True
