"""Which open sockets and pages belong to which session, so that ending a session reaches them."""

from collections.abc import Callable

Close = Callable[[], None]


class SessionRegistry:
    """Closers by session id."""

    def __init__(self) -> None:
        self._closers: dict[str, set[Close]] = {}

    def watch(self, session_id: str, close: Close) -> Callable[[], None]:
        """Has `close()` called once, in the loop, when the session ends; returns the function that stops watching."""
        self._closers.setdefault(session_id, set()).add(close)

        def unwatch() -> None:
            closers = self._closers.get(session_id)
            if closers is not None:
                closers.discard(close)
                if not closers:
                    del self._closers[session_id]

        return unwatch

    def revoke(self, session_id: str) -> None:
        """Calls and forgets every closer of the session."""
        for close in self._closers.pop(session_id, set()):
            close()
