"""/api/ws/runs/{id}, contract §2: a run's output as bytes from any offset, and its keyboard."""

import asyncio
from contextlib import aclosing
from urllib.parse import parse_qs

from app.core.errors import BadValue, Forbidden, Malformed, ToruError
from app.core.permissions import Actor
from app.runs.schemas import Chunk, Skipped
from app.runs.service import RunsService
from app.runs.window import Window
from app.runs.wire import message, outcome, read_message
from app.sockets import Message, Receive, Refused, Send, incoming


class ByteSocket:
    """One open socket. `mode=all` leaves nothing out, TCP sets its pace; `mode=live` is for terminals."""

    def __init__(
        self, runs: RunsService, actor: Actor, scope: Message, receive: Receive, send: Send, refused: Refused
    ) -> None:
        self._runs = runs
        self._actor = actor
        self._run_id: str = scope["path_params"]["run_id"]
        self._query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        self._receive = receive
        self._send = send
        self._refused = refused
        self._offset = 0
        self._window: Window | None = None

    async def find(self) -> None:
        """Raises NotFound without such a run, BadValue for an offset or mode that is none."""
        await self._runs.get(self._actor, self._run_id)
        offset, mode = self._query.get("offset", ["0"])[-1], self._query.get("mode", ["all"])[-1]
        if not (offset.isascii() and offset.isdigit() and len(offset) < 19):
            raise BadValue("offset must be a number of bytes.")
        if mode not in ("all", "live"):
            raise BadValue("mode must be all or live.")
        self._offset = int(offset)
        self._window = Window() if mode == "live" else None

    async def serve(self) -> None:
        """Sends and listens until the run's end or until the peer leaves."""
        halves = {asyncio.ensure_future(self._pass_on()), asyncio.ensure_future(self._listen())}
        try:
            done, _ = await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for half in halves:
                half.cancel()
            await asyncio.gather(*halves, return_exceptions=True)
        for half in done:
            half.result()

    async def tell(self, **fields: object) -> None:
        """Sends a JSON object as a text frame."""
        await self._send({"type": "websocket.send", "text": message(**fields)})

    async def _pass_on(self) -> None:
        events = self._runs.follow(self._actor, self._run_id, self._offset, self._window)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Chunk):
                    await self._send({"type": "websocket.send", "bytes": event.data})
                elif isinstance(event, Skipped):
                    await self.tell(skipped=event.count, offset=event.offset)
                else:
                    await self.tell(exit=outcome(event.run))

    async def _listen(self) -> None:
        while (frame := await incoming(self._receive)) is not None:
            try:
                await self._obey(frame)
            except ToruError as error:
                if isinstance(error, Forbidden):
                    await self._refused(self._actor, f"WebSocket /api/ws/runs/{self._run_id}", error)
                await self.tell(error=str(error))

    async def _obey(self, frame: Message) -> None:
        keys = frame.get("bytes")
        if keys is not None:
            await self._runs.send_input(self._actor, self._run_id, keys)
            return
        request = read_message(frame.get("text"))
        if (count := request.get("ack")) is not None:
            if type(count) is not int or count < 0:
                raise Malformed("ack must be a number of bytes.")
            if self._window is not None:
                self._window.acknowledged(count)
        elif (size := request.get("size")) is not None:
            if not isinstance(size, list) or len(size) != 2 or not all(type(side) is int for side in size):
                raise Malformed("size must be [columns, rows].")
            await self._runs.resize(self._actor, self._run_id, size[0], size[1])
        elif "ping" in request:  # a browser cannot send WebSocket pings, and wants to know whether we are there
            await self.tell(pong=request["ping"])
        else:
            raise Malformed("Known are binary frames (keystrokes), {size: [columns, rows]}, {ack: bytes}, {ping: any}.")
