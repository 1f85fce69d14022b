"""What a plugin of protocol 2 asks of us: its key-value calls, answered one after the other, and its events."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import orjson

from app.core.errors import ToruError
from app.plugins.channel import Channel, encode
from app.plugins.pace import Allowance

log = logging.getLogger(__name__)

MOST_WAITING = 64
"""Key-value calls that wait; while there are more, nothing is read from the plugin."""

CALLS_A_SECOND, CALLS_AT_ONCE = 500.0, 500.0
EVENTS_A_SECOND, EVENTS_AT_ONCE = 10.0, 50.0
MOST_NAME = 100
MOST_DATA = 8 << 10
"""Characters of an event's name, bytes of its data as JSON; further events are dropped."""

Handle = Callable[[object, object, object], Awaitable[str | None]]
"""Does (action, key, value) in the plugin's own namespace. Raises ToruError."""

Happened = Callable[[str, object], None]
"""Takes an event's name and data."""


class Calls:
    """Those of one process.

    Args:
        handle: the key-value store of this plugin, whatever its messages say.
        happened: takes its events.
    """

    def __init__(self, handle: Handle, happened: Happened) -> None:
        self.dropped = 0
        """Events that came too fast or were none."""

        self._handle = handle
        self._happened = happened
        self._waiting: asyncio.Queue[tuple[object, object]] = asyncio.Queue()
        self._pace = Allowance(CALLS_A_SECOND, CALLS_AT_ONCE)
        self._events = Allowance(EVENTS_A_SECOND, EVENTS_AT_ONCE)
        self._channel: Channel | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self, channel: Channel) -> None:
        """Answers calls on this connection from now on."""
        self._channel = channel
        self._task = asyncio.get_running_loop().create_task(self._work(channel), name="plugin calls")
        if self._waiting.qsize() >= MOST_WAITING:
            channel.hold("calls")

    def end(self) -> None:
        """Answers no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def take(self, kind: object, request_id: object, payload: object) -> bool:
        """Takes a message that may be a call or an event; False when it is neither."""
        if kind == "kv":
            self._waiting.put_nowait((request_id, payload))
            if self._waiting.qsize() >= MOST_WAITING and self._channel is not None:
                self._channel.hold("calls")
        elif kind == "event":
            self._take_event(payload)
        else:
            return False
        return True

    def _take_event(self, payload: object) -> None:
        fields = payload if isinstance(payload, dict) else {}
        name, data = fields.get("name"), fields.get("data")
        good = isinstance(name, str) and 0 < len(name) <= MOST_NAME and name.isprintable()
        if not good or self._events.take(1) or len(orjson.dumps(data)) > MOST_DATA:
            self.dropped += 1
            return
        self._happened(str(name), data)

    async def _work(self, channel: Channel) -> None:
        while True:
            request_id, payload = await self._waiting.get()
            if self._waiting.qsize() < MOST_WAITING:
                channel.release("calls")
            answer = await self._answer(payload)
            await channel.send_slowly(encode("kv", answer, request_id if isinstance(request_id, str) else None))
            await asyncio.sleep(self._pace.take(1))

    async def _answer(self, payload: object) -> dict[str, object]:
        fields = payload if isinstance(payload, dict) else {}
        try:
            value = await self._handle(fields.get("action"), fields.get("key"), fields.get("value"))
        except ToruError as error:
            return {"error": str(error), "status": error.status}
        except Exception:
            log.exception("a key-value call of a plugin failed")
            return {"error": "Something went wrong here. The log says what.", "status": 500}
        return {"value": value}
