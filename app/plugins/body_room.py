"""Room for the bodies of requests that are on their way to any plugin: few connections can send a lot."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.plugins.wire import PluginBusy

MOST_BYTES = 64 << 20


class BodyRoom:
    """The room that all requests share. What was announced and did not come takes none."""

    def __init__(self) -> None:
        self.taken = 0
        """Bytes."""

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """The share of one request, which is free again behind it: what to call before so many bytes are kept.

        That raises PluginBusy when there is no room for them.
        """
        mine = 0

        def take(size: int) -> None:
            nonlocal mine
            if self.taken + size > MOST_BYTES:
                raise PluginBusy("Too much is being sent to plugins. Try again in a moment.")
            self.taken += size
            mine += size

        try:
            yield take
        finally:
            self.taken -= mine
