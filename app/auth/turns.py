"""Sign-ins that arrive all at once: a few at a time are handled, so that nobody else waits for the rush."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

AT_ONCE = 8


class Turns:
    """The line of sign-ins. Passwords are checked one at a time anyway; what comes before that is work of the loop."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def serve(self, receive: Receive, handle: Callable[[Receive], Awaitable[None]]) -> None:
        """Handles a request, whose turn comes after its body: one that never sends its own keeps nobody waiting.

        Args:
            receive: where the request comes from.
            handle: given another `receive`, answers the request.
        """
        has_turn = False

        async def received_in_turn() -> Message:
            nonlocal has_turn
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False) and not has_turn:
                await self._turns.acquire()
                has_turn = True
            return message

        try:
            await handle(received_in_turn)
        finally:
            if has_turn:
                self._turns.release()
