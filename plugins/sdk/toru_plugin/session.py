"""One connection to Toru, which is the whole life of a plugin's process."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from toru_plugin.board import Board
from toru_plugin.events import Problem
from toru_plugin.frames import Frames
from toru_plugin.logs import Log
from toru_plugin.requests import Request, Response, Router, payload_of, refusal
from toru_plugin.values import Values
from toru_plugin.wire import Link, Offline
from toru_plugin.workers import Workers

PROTOCOL = "2"
AT_ONCE = 64
EVENTS_AT_ONCE = 16

Timer = tuple[float, Callable[[], object]]


class Refused(Exception):
    """The plugin must not run with this Toru; the text is the sentence."""


class Session:
    """Takes what Toru says, and has it done by threads.

    Args:
        frames: the connection.
        link, board, values, router, log: of the plugin.
        timers: seconds and what is done so often.
    """

    def __init__(
        self,
        frames: Frames,
        link: Link,
        board: Board,
        values: Values,
        router: Router,
        log: Log,
        timers: Sequence[Timer],
    ) -> None:
        self._frames = frames
        self._link = link
        self._board = board
        self._values = values
        self._router = router
        self._log = log
        self._timers = timers
        self._over = threading.Event()
        self._requests = Workers("request", AT_ONCE)
        self._events = Workers("event", EVENTS_AT_ONCE)

    def serve(self) -> None:
        """Returns when Toru says that it is enough, or the connection has ended. Raises Refused and Broken."""
        self._link.connect(self._frames)
        try:
            while (message := self._frames.read()) is not None:
                payload = message.get("payload")
                if not self._take(message.get("type"), message.get("request_id"), payload):
                    return
        except Offline:
            return
        finally:
            self._over.set()
            self._link.disconnect()
            self._values.hang_up()
            self._board.close()
            self._requests.close()
            self._events.close()
            self._frames.close()

    def _take(self, kind: object, request_id: object, payload: object) -> bool:
        """Does what one message asks for; False when it is the last one. What is unknown is not for us."""
        if not isinstance(payload, dict):
            return True
        action = payload.get("action")
        if kind == "lifecycle" and action == "init":
            self._begin(payload)
        elif kind == "ping":
            self._link.send("pong", {})
        elif kind == "http" and isinstance(request_id, str):
            self._requests.do(partial(self._answer, request_id, payload))
        elif kind == "kv":
            self._values.take(request_id, payload)
        elif kind == "page" and action == "watched":
            self._board.viewers = int(payload.get("viewers", 0))
        elif kind == "page" and action == "refused":
            self._board.refused()
        elif kind == "page" and action == "event" and isinstance(request_id, str):
            self._events.do(partial(self._board.event, request_id, payload))
        return not (kind == "lifecycle" and action == "shutdown")

    def _begin(self, init: dict[str, Any]) -> None:
        offered = init.get("protocols") or []
        if PROTOCOL not in offered:
            raise Refused(f"This plugin speaks protocol {PROTOCOL}; this Toru speaks {', '.join(map(str, offered))}.")
        self._link.send("ready", {"protocol": PROTOCOL})
        self._board.open()
        for seconds, work in self._timers:
            threading.Thread(target=self._repeat, args=(seconds, work), name="every", daemon=True).start()

    def _answer(self, request_id: str, payload: dict[str, Any]) -> None:
        try:
            told = self._told(Request(payload))
        except Exception:  # noqa: BLE001 - a request that cannot be read is answered, too
            self._log.exception("A request could not be read.")
            told = payload_of(refusal(400, "The request cannot be understood."))
        try:
            try:
                self._link.send("http", told, request_id)
            except (TypeError, ValueError):
                self._log.exception("An answer could not be sent.")
                self._link.send("http", payload_of(_failure()), request_id)
        except Offline:
            pass  # nobody waits for it any more

    def _told(self, request: Request) -> dict[str, Any]:
        try:
            return payload_of(self._router.respond(request))
        except Problem as problem:
            return payload_of(refusal(problem.status, problem.message or " ".join(problem.errors.values())))
        except (Exception, SystemExit):  # noqa: BLE001 - whatever it is, the browser gets an answer
            self._log.exception(f"{request.method} {request.path} failed.")
            return payload_of(_failure())

    def _repeat(self, seconds: float, work: Callable[[], object]) -> None:
        """At once, then with that pause between the end of one and the beginning of the next."""
        while not self._over.is_set():
            try:
                work()
            except Offline:
                return
            except (Exception, SystemExit):  # noqa: BLE001 - the next time may go well
                self._log.exception(f"{getattr(work, '__name__', 'What is repeated')} failed.")
            self._over.wait(seconds)


def _failure() -> Response:
    return refusal(500, "Something went wrong in the plugin. Its log says what.")
