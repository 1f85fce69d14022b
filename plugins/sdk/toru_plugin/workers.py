"""Threads that do what comes: as many as are needed at once, up to a limit. Idle ones end."""

import threading
from collections import deque
from collections.abc import Callable

IDLE_SECONDS = 10.0


class Workers:
    """A group of threads.

    Args:
        name: of the threads.
        most: threads at once; further work waits for its turn.
    """

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._work: deque[Callable[[], None]] = deque()
        self._news = threading.Condition()
        self._threads = self._idle = 0
        self._closed = False

    def do(self, work: Callable[[], None]) -> None:
        """Has it done soon, in a thread. It must not raise."""
        with self._news:
            self._work.append(work)
            if self._idle >= len(self._work):
                self._news.notify()
            elif self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def close(self) -> None:
        """Takes what waits away; the threads end with what they are doing."""
        with self._news:
            self._closed = True
            self._work.clear()
            self._news.notify_all()

    def _run(self) -> None:
        while True:
            with self._news:
                self._idle += 1
                self._news.wait_for(lambda: self._work or self._closed, IDLE_SECONDS)
                self._idle -= 1
                if not self._work:
                    self._threads -= 1
                    return
                work = self._work.popleft()
            work()
