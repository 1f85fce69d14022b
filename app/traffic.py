"""Requests and open sockets, counted in front of everything, refusals included; pure ASGI."""

import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from app.core.histogram import Distribution, Histogram

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

BOUNDS = (0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
GATE = "gate"
"""The route of what the gate in front refused before any route was looked for."""

FRAMEWORK = "/_nicegui"
"""The route of the page framework's own files and polling, whose addresses hold its version."""

MOST_ROUTES = 500
"""Far more than there are; a route that is made at run time must not make the list grow for ever."""

SOCKETS = (
    ("pages", re.compile(r"/_nicegui_ws/.*", re.DOTALL)),
    ("tasks", re.compile(r"/api/ws")),
    ("runs", re.compile(r"/api/ws/runs/.*", re.DOTALL)),
    ("monitor", re.compile(r"/api/ws/monitor")),
    ("plugin_pages", re.compile(r"/api/plugins/[^/]+/page", re.DOTALL)),
)


@dataclass(frozen=True, slots=True)
class TrafficSeen:
    """Since the core was started.

    Attributes:
        requests: how many, by route, method and class of status; the class is `none` where nobody waited for an answer.
        durations: seconds until the answer began, by route.
        in_flight: requests that are being answered.
        sockets: WebSockets that are open, or being opened, by kind.
    """

    requests: dict[tuple[str, str, str], int]
    durations: dict[str, Distribution]
    in_flight: int
    sockets: dict[str, int]


class Traffic:
    """The counts. Routes are the templates of the router, never what somebody asked for."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.sockets: Counter[str] = Counter(dict.fromkeys([kind for kind, _ in SOCKETS] + [OTHER], 0))
        self._requests: dict[tuple[str, str, int], int] = {}
        self._durations: dict[str, Histogram] = {}

    def answered(self, scope: Message, status: int, seconds: float) -> None:
        """Counts a request whose answer begins now, 0 standing for the status of none."""
        route = route_of(scope)
        durations = self._durations.get(route)
        if durations is None:
            if len(self._durations) >= MOST_ROUTES:
                route = OTHER
            durations = self._durations.setdefault(route, Histogram(BOUNDS))
        durations.observe(seconds)
        method = scope["method"] if scope["method"] in METHODS else OTHER
        key = (route, method, status // 100)
        self._requests[key] = self._requests.get(key, 0) + 1

    def seen(self) -> TrafficSeen:
        """What was counted until now."""
        durations = {route: histogram.seen() for route, histogram in sorted(self._durations.items())}
        requests = {
            (route, method, f"{status}xx" if status else "none"): count
            for (route, method, status), count in sorted(self._requests.items())
        }
        return TrafficSeen(requests, durations, self.in_flight, dict(self.sockets))


class CountedTraffic:
    """Counts what goes through to `inner`."""

    def __init__(self, inner: Application, traffic: Traffic) -> None:
        self.inner = inner
        self._traffic = traffic

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self.inner(scope, receive, send)

    async def _request(self, scope: Message, receive: Receive, send: Send) -> None:
        traffic, began = self._traffic, time.monotonic()
        is_answered = False

        async def counted(message: Message) -> None:
            nonlocal is_answered
            # Where the answer begins: a stream of hours is no slow request.
            if not is_answered and message["type"] == "http.response.start":
                is_answered = True
                traffic.answered(scope, message["status"], time.monotonic() - began)
            await send(message)

        traffic.in_flight += 1
        status = 0
        try:
            await self.inner(scope, receive, counted)
        except Exception:
            status = 500  # which the server sends
            raise
        finally:
            traffic.in_flight -= 1
            if not is_answered:
                traffic.answered(scope, status, time.monotonic() - began)

    async def _socket(self, scope: Message, receive: Receive, send: Send) -> None:
        kind = next((kind for kind, path in SOCKETS if path.fullmatch(scope["path"])), OTHER)
        self._traffic.sockets[kind] += 1
        try:
            await self.inner(scope, receive, send)
        finally:
            self._traffic.sockets[kind] -= 1


def route_of(scope: Message) -> str:
    """The template of the route that took a request; for a mounted application, where that is mounted."""
    route: str = getattr(scope.get("route"), "path", None) or scope.get("root_path") or GATE
    return FRAMEWORK if route.startswith(FRAMEWORK) else route
