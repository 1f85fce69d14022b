"""A stand-in for Toru: asks a plugin over a real connection, keeps its values, shows its page to tests."""

import base64
import contextlib
import json
import socket
import threading
from collections.abc import Mapping
from typing import Any, Literal

from toru_plugin.events import Viewer
from toru_plugin.frames import Broken, Frames
from toru_plugin.testing.screen import Reply, Screen, Shown

SECONDS = 10.0
INSTANCE = "3f2b8c1e-5d47-4a90-9c1b-7e6f0a1d2c3b"

Role = Literal["admin", "client"]


class Answer:
    """What the plugin answered.

    Attributes:
        headers: names in lower case.
        body: the bytes.
    """

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self.status = int(payload.get("status", 500))
        self.headers = {name.lower(): value for name, value in (payload.get("headers") or {}).items()}
        body = payload.get("body") or ""
        self.body: bytes = base64.b64decode(body) if payload.get("body_encoding") == "base64" else body.encode()

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """What the body's JSON says."""
        return json.loads(self.body)


class Core:
    """Toru's side of one connection.

    Args:
        connection: a connected stream socket.

    Attributes:
        kv: what the plugin keeps; a test may write into it.
        toasts: what it said to everybody, as pairs of message and kind.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.kv: dict[str, str] = {}
        self.toasts: list[tuple[str, str]] = []
        self._frames = Frames(connection)
        self._news = threading.Condition()
        self._shown = Shown()
        self._answers: dict[str, dict[str, Any]] = {}
        self._count = 0
        self._is_ready = self._has_ended = False
        threading.Thread(target=self._listen, name="core", daemon=True).start()

    def begin(self) -> None:
        """Says `init` and waits until the plugin is ready."""
        init = {"action": "init", "protocols": ["2"], "instance_id": INSTANCE, "license_key": None}
        self._frames.send("lifecycle", init | {"plugin_socket": "", "log_path": ""})
        self._wait(lambda: self._is_ready, "The plugin did not get ready.")

    def end(self) -> None:
        """Says `shutdown`."""
        with self._news:
            self._has_ended = True
        with contextlib.suppress(OSError):  # it has ended by itself
            self._frames.send("lifecycle", {"action": "shutdown"})

    def hang_up(self) -> None:
        """Closes the connection."""
        self._frames.close()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | str = b"",
        *,
        json_body: Any = None,
        headers: Mapping[str, str] | None = None,
        user: str = "ada",
        role: Role = "admin",
    ) -> Answer:
        """Asks one of the plugin's routes, as a signed-in user."""
        raw = body.encode() if isinstance(body, str) else body
        told = {name.lower(): value for name, value in (headers or {}).items()}
        if json_body is not None:
            raw, told = json.dumps(json_body).encode(), told | {"content-type": "application/json"}
        told |= {"x-toru-user": user, "x-toru-role": role}
        payload = {"method": method, "path": path, "headers": told}
        payload |= {"body": base64.b64encode(raw).decode(), "body_encoding": "base64"}
        return Answer(self._ask("http", payload, f"{method} {path} was not answered."))

    def get(self, path: str, **options: Any) -> Answer:
        """GET; takes what `request` takes."""
        return self.request("GET", path, **options)

    def post(self, path: str, json_body: Any = None, **options: Any) -> Answer:
        """POST of a JSON body; takes what `request` takes."""
        return self.request("POST", path, json_body=json_body, **options)

    def page(self, user: str = "ada", role: Role = "admin") -> Screen:
        """The page as this user sees it, once it is there."""
        self._wait(lambda: self._shown.tree is not None, "The plugin showed no page.")
        return Screen(self._shown, self._news, Viewer(user, role), self._press)

    def watch(self, viewers: int) -> None:
        """Tells the plugin how many look at its page."""
        self._frames.send("page", {"action": "watched", "viewers": viewers})

    def _press(self, event: dict[str, Any]) -> Reply:
        return Reply(self._ask("page", {"action": "event", **event}, f"{event['id']} was not answered."))

    def _ask(self, kind: str, payload: dict[str, Any], problem: str) -> dict[str, Any]:
        with self._news:
            self._count += 1
            number = f"r{self._count}"
        self._frames.send(kind, payload, number)
        self._wait(lambda: number in self._answers, problem)
        return self._answers.pop(number)

    def _wait(self, is_so: Any, problem: str) -> None:
        with self._news:
            self._news.wait_for(lambda: is_so() or self._has_ended, SECONDS)
            if not is_so():
                raise AssertionError(f"{problem} What it printed says more." if self._has_ended else problem)

    def _listen(self) -> None:
        try:
            while (message := self._frames.read()) is not None:
                with self._news:
                    self._take(message.get("type"), message.get("request_id"), message.get("payload") or {})
                    self._news.notify_all()
        except (Broken, OSError):
            pass  # who waits is told that it has ended
        with self._news:
            self._has_ended = True
            self._news.notify_all()

    def _take(self, kind: object, request_id: Any, payload: dict[str, Any]) -> None:
        action = payload.get("action")
        if kind == "ready":
            self._is_ready = True
        elif kind == "kv":
            self._frames.send("kv", {"value": self._value(payload)}, request_id)
        elif kind == "event" and payload.get("name") == "toast":
            self.toasts.append((payload["data"]["message"], payload["data"]["kind"]))
        elif kind == "http" or (kind == "page" and action == "done"):
            self._answers[request_id] = payload
        elif kind == "page":
            self._shown.take(payload)

    def _value(self, call: dict[str, Any]) -> str | None:
        if call["action"] == "set":
            self.kv[call["key"]] = call["value"]
        elif call["action"] == "delete":
            self.kv.pop(call["key"], None)
        return self.kv.get(call["key"])
