"""Sending many text frames: in one write where the server can, one by one where it cannot."""

import asyncio
from collections.abc import Sequence

from app.sockets import Message, Send
from app.websocket_protocol import BATCHES

SLICE = 16
"""Frames sent one by one before others get the loop."""


class TextSender:
    """The sending side of one socket."""

    def __init__(self, scope: Message, send: Send) -> None:
        self._send = send
        self._batches = BATCHES in (scope.get("extensions") or {})

    async def send(self, texts: Sequence[str]) -> None:
        """Sends each text as a frame; waits while the peer does not read."""
        if self._batches:
            await self._send({"type": "websocket.send", "texts": texts})
            return
        for number, text in enumerate(texts, 1):
            await self._send({"type": "websocket.send", "text": text})
            if number % SLICE == 0:
                await asyncio.sleep(0)
