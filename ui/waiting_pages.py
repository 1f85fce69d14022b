"""Pages that were answered and that no browser has joined: a session has few of them.

Each takes half a megabyte for a minute, which is when NiceGUI removes it. Who asks for one after the other without ever
opening its socket, a script or a key held down, would fill the memory.
"""

import time
from collections.abc import Callable
from typing import Final

from nicegui import Client

MOST: Final = 50
"""Of one session; more than a browser opens at once when it restores its tabs."""

ON_THEIR_WAY: Final = 1.0
"""Seconds for which a page stays in any case: its answer is being sent."""


class WaitingPages:
    """Removes the oldest pages of a session that has too many; a browser that joins one later loads it anew.

    Args:
        monotonic: seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._since: dict[str, dict[Client, float]] = {}

    def add(self, session_id: str, client: Client) -> None:
        """Counts a page, from when it is built until a browser joins it or it goes; it may have gone by then."""
        if client.is_deleted:
            return
        now = self._monotonic()
        waiting = self._since.setdefault(session_id, {})
        waiting[client] = now
        client.on_connect(lambda: self._remove(session_id, client))
        client.on_delete(lambda: self._remove(session_id, client))
        for oldest, since in list(waiting.items())[:-MOST]:
            if now - since >= ON_THEIR_WAY:
                oldest.delete()

    def _remove(self, session_id: str, client: Client) -> None:
        waiting = self._since.get(session_id, {})
        waiting.pop(client, None)
        if not waiting:
            self._since.pop(session_id, None)
