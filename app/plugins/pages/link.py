"""What one process says of its page, and what it is asked; it is read more slowly when it says too much."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from app.core.ids import new_id
from app.plugins.channel import Channel, encode
from app.plugins.pace import Allowance
from app.plugins.pages.checks import Wrong
from app.plugins.pages.events import Reply, read_reply
from app.plugins.pages.messages import refused, watched
from app.plugins.pages.page import PluginPage
from app.plugins.pages.reader import PageRefused
from app.plugins.wire import ANSWER_SECONDS, PluginBusy, PluginDown, PluginLate

MESSAGES_A_SECOND, MESSAGES_AT_ONCE = 200.0, 200.0
MOST_EVENTS = 64
"""Under way at one plugin."""

REFUSED_SECONDS = 1.0
WATCHED_SECONDS = 0.2
FLOOD_SECONDS = 60.0
"""Between two messages, or two lines in the log, about the same."""

TURN_SECONDS = 0.02
"""Between two looks at what came too fast."""

Fields = dict[str, Any]

Warn = Callable[[str, str], None]
"""Writes a sentence into the plugin's log, under the name of an event."""


class PageLink:
    """Between one process and the page of its plugin."""

    def __init__(self, page: PluginPage, warn: Warn) -> None:
        self._page = page
        self._warn = warn
        self._pace = Allowance(MESSAGES_A_SECOND, MESSAGES_AT_ONCE)
        self._events: dict[str, asyncio.Future[Reply]] = {}
        self._channel: Channel | None = None
        self._is_over = False
        self._refused = Seldom(REFUSED_SECONDS, self._tell_refused)
        self._watched = Seldom(WATCHED_SECONDS, self._tell_watched)
        self._told_viewers = 0
        self._flood_told_at: float | None = None
        self._waiting: deque[tuple[object, Fields]] = deque()
        self._turn: asyncio.TimerHandle | None = None

    def open(self, channel: Channel) -> None:
        """The process can be spoken to."""
        self._channel = channel

    def begin(self) -> None:
        """It is ready."""
        self._page.begin(self)

    def end(self, reason: str) -> None:
        """It is gone, or about to go."""
        if self._is_over:
            return
        self._is_over = True
        for timer in (self._refused, self._watched):
            timer.close()
        if self._turn is not None:
            self._turn.cancel()
        self._waiting.clear()
        for answer in self._events.values():
            if not answer.done():
                answer.set_exception(PluginDown(reason))
        self._page.end(self)

    def take(self, request_id: object, payload: object) -> bool:
        """Takes a message about the page; False where it answers nothing and says nothing that is known."""
        fields = payload if isinstance(payload, dict) else {}
        if self._is_over or fields.get("action") not in ("show", "patch", "done"):
            return False
        if self._waiting or self._pace.take(0):
            self._wait(request_id, fields)
            return True
        return self._obey(request_id, fields)

    def _obey(self, request_id: object, fields: Fields) -> bool:
        self._pace.take(1)
        action = fields["action"]
        if action == "done":
            return self._take_reply(request_id, fields)
        try:
            if action == "show":
                self._page.show(fields.get("tree"))
            else:
                self._page.patch(fields.get("patches"))
        except PageRefused as error:
            self._refused.say(str(error))
        return True

    def tell_viewers(self, count: int) -> None:
        """How many look now."""
        self._watched.say(count)

    async def ask(self, payload: dict[str, Any]) -> Reply:
        """What comes of an event.

        Raises:
            PluginBusy: too many are under way.
            PluginLate: no answer in time.
            PluginDown: the process went away.
        """
        if self._is_over or self._channel is None:
            raise PluginDown("The plugin is not running now.")
        if len(self._events) >= MOST_EVENTS:
            raise PluginBusy("The plugin has too much to do now. Try again in a moment.")
        request_id = new_id()
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._events[request_id] = answer
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._channel.send_slowly(encode("page", payload, request_id))
                return await answer
        except TimeoutError:
            raise PluginLate(f"The plugin did not answer within {ANSWER_SECONDS:.0f} seconds.") from None
        finally:
            del self._events[request_id]

    def _take_reply(self, request_id: object, fields: Fields) -> bool:
        answer = self._events.get(request_id) if isinstance(request_id, str) else None
        if answer is None or answer.done():
            return False
        try:
            answer.set_result(read_reply(fields))
        except Wrong as error:
            answer.set_result(Reply(ok=False, message="The plugin's answer cannot be understood.", kind="error"))
            self._refused.say(str(error))
        return True

    def _wait(self, request_id: object, fields: Fields) -> None:
        """Keeps what came too fast; until its turn has come, nothing more is read from the process."""
        if self._channel is not None:
            self._channel.hold("page")
        self._waiting.append((request_id, fields))
        loop = asyncio.get_running_loop()
        if self._turn is None:
            self._turn = loop.call_later(TURN_SECONDS, self._go_on)
        if self._flood_told_at is None or loop.time() - self._flood_told_at >= FLOOD_SECONDS:
            self._flood_told_at = loop.time()
            rate = f"{MESSAGES_A_SECOND:.0f} messages a second about its page"
            self._warn(f"It sends more than {rate}, and is read more slowly.", "page_flooded")

    def _go_on(self) -> None:
        self._turn = None
        while self._waiting and not self._pace.take(0):
            self._obey(*self._waiting.popleft())
        if self._waiting:
            self._turn = asyncio.get_running_loop().call_later(TURN_SECONDS, self._go_on)
        elif self._channel is not None:
            self._channel.release("page")

    def _tell_refused(self, reason: Any) -> None:
        self._warn(f"Its page was refused. {reason}", "page_refused")
        self._send(refused(reason))

    def _tell_watched(self, count: Any) -> None:
        if count != self._told_viewers:
            self._told_viewers = count
            self._send(watched(count))

    def _send(self, payload: dict[str, Any]) -> None:
        if self._channel is not None:
            self._channel.send(encode("page", payload))


class Seldom:
    """Says the newest of what there is to say, not more often than every so many seconds.

    Args:
        tell: gets it.
    """

    def __init__(self, seconds: float, tell: Callable[[Any], None]) -> None:
        self._seconds = seconds
        self._tell = tell
        self._waiting: list[Any] = []
        self._timer: asyncio.TimerHandle | None = None

    def say(self, what: Any) -> None:
        """At once, or later."""
        self._waiting = [what]
        if self._timer is None:
            self._go_on()

    def close(self) -> None:
        """Says nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _go_on(self) -> None:
        self._timer = None
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._go_on)
            self._tell(self._waiting.pop())
