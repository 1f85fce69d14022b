"""Which open sockets and pages belong to which session, so that ending a session reaches them."""

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

Close = Callable[[], None]


class SessionRegistry:
    """Closers by session id."""

    def __init__(self) -> None:
        self._closers: dict[str, dict[object, Close]] = {}

    def watch(self, session_id: str, close: Close) -> Callable[[], None]:
        """Has `close()` called once, in the loop, when the session ends; returns the function that stops watching."""
        key = object()
        self._closers.setdefault(session_id, {})[key] = close

        def unwatch() -> None:
            closers = self._closers.get(session_id, {})
            closers.pop(key, None)
            if not closers:
                self._closers.pop(session_id, None)

        return unwatch

    def revoke_all(self, which: Callable[[str], bool]) -> None:
        """Revokes every id with something open under it that `which(id)` is true of."""
        for session_id in [session_id for session_id in self._closers if which(session_id)]:
            self.revoke(session_id)

    def revoke(self, session_id: str) -> None:
        """Calls and forgets every closer of the session; one that fails keeps none of the others open."""
        for close in self._closers.pop(session_id, {}).values():
            try:
                close()
            except Exception:
                log.exception("something stayed open under an ended session")
