"""Requests to a plugin's routes, and what its functions answer."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote

from toru_plugin.events import Problem, Viewer

MOST_BODY = 8 << 20
JSON = "application/json"


class Query(dict[str, str]):
    """The names and values behind the question mark; of a repeated name the last value.

    Args:
        text: what stands there.
    """

    def __init__(self, text: str) -> None:
        self._pairs = parse_qsl(text, keep_blank_values=True)
        super().__init__(self._pairs)

    def every(self, name: str) -> list[str]:
        """All values of a name, in their order."""
        return [value for other, value in self._pairs if other == name]


class Request:
    """One request.

    Attributes:
        method: in capitals.
        path: without the query, as the browser wrote it.
        params: what stands in the places of `{name}` in the route's path.
        headers: names in lower case.
        body: the bytes.
        viewer: who asks.
    """

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self.method = str(payload.get("method", "GET"))
        self.path, _, query = str(payload.get("path", "/")).partition("?")
        self.query = Query(query)
        self.params: dict[str, str] = {}
        headers = payload.get("headers")
        self.headers: dict[str, str] = headers if isinstance(headers, dict) else {}
        body = payload.get("body") or ""
        self.body: bytes = base64.b64decode(body) if payload.get("body_encoding") == "base64" else body.encode()
        self.viewer = Viewer(self.headers.get("x-toru-user", ""), self.headers.get("x-toru-role", "client"))

    def json(self) -> Any:
        """The body's JSON. Raises Problem, which answers 400."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Problem("The body is not JSON.") from None

    def text(self) -> str:
        """The body's text. Raises Problem, which answers 400."""
        try:
            return self.body.decode()
        except ValueError:
            raise Problem("The body is not text in UTF-8.") from None


class Response:
    """An answer that says more than its body.

    Args:
        status: 200 to 599.
        headers: values may be lists, for a header that comes several times.
        body: text or bytes.
    """

    def __init__(
        self, status: int = 200, headers: Mapping[str, str | list[str]] | None = None, body: str | bytes = b""
    ) -> None:
        self.status = status
        self.headers = dict(headers or {})
        self.body = body


Answer = Response | Mapping[str, Any] | list[Any] | str | bytes | int | float | None
Function = Callable[[Request], Answer]


def response_of(answer: object) -> Response:
    """What a route's function returned, as a response. Raises TypeError for what is none."""
    if isinstance(answer, Response):
        return answer
    if answer is None:
        return Response(204)
    if isinstance(answer, str):
        return Response(200, {"Content-Type": "text/plain; charset=utf-8"}, answer)
    if isinstance(answer, bytes | bytearray):
        return Response(200, {"Content-Type": "application/octet-stream"}, bytes(answer))
    if isinstance(answer, Mapping):
        answer = dict(answer)
    if not isinstance(answer, dict | list | tuple | int | float):
        raise TypeError(f"A route answers a dict, a list, a text, bytes or a Response, not {type(answer).__name__}.")
    return Response(200, {"Content-Type": JSON}, json.dumps(answer, allow_nan=False))


def refusal(status: int, sentence: str) -> Response:
    """A refusal, in the shape of Toru's own."""
    return Response(status, {"Content-Type": JSON}, json.dumps({"error": sentence}))


def payload_of(response: Response) -> dict[str, Any]:
    """The response as Toru is told it. Raises ValueError for a body that is too large."""
    size = len(response.body)
    if size > MOST_BODY:
        raise ValueError(f"The answer's body has {size} bytes; at most {MOST_BODY} are allowed.")
    head = {"status": response.status, "headers": response.headers}
    if isinstance(response.body, str):
        return head | {"body": response.body, "body_encoding": "text"}
    return head | {"body": base64.b64encode(response.body).decode(), "body_encoding": "base64"}


class Router:
    """Which function answers which address."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, list[str], Function, Literal["admin"] | None]] = []

    def add(self, method: str, path: str, function: Function, only: Literal["admin"] | None) -> None:
        """Has a function answer a path such as `/disks/{name}`. Raises ValueError for one without its slash."""
        if not path.startswith("/"):
            raise ValueError(f"The path “{path}” of a route begins with a slash.")
        self._routes.append((method, path.split("/"), function, only))

    def respond(self, request: Request) -> Response:
        """Lets the function that belongs to it answer. Raises whatever that raises."""
        method = "GET" if request.method == "HEAD" else request.method
        fitting = [
            (route[0], route[2], route[3], params)
            for route in self._routes
            if (params := _fit(route[1], request.path.split("/"))) is not None
        ]
        for name, function, only, params in fitting:
            if name == method:
                if only == "admin" and not request.viewer.is_admin:
                    return refusal(403, "Only administrators may do this.")
                request.params = params
                return response_of(function(request))
        if not fitting:
            return refusal(404, "There is nothing at this address.")
        response = refusal(405, "This address does not take that method.")
        response.headers["Allow"] = ", ".join(dict.fromkeys(name for name, *_ in fitting))
        return response


def _fit(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    """What the braces of a pattern stand for, None where the path is another."""
    if len(pattern) != len(segments):
        return None
    params = {}
    for wanted, raw in zip(pattern, segments, strict=True):
        given = unquote(raw)
        if wanted.startswith("{") and wanted.endswith("}"):
            if not given:
                return None
            params[wanted[1:-1]] = given
        elif wanted != given:
            return None
    return params
