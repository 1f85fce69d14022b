"""Runs of another machine, asked of its REST and WebSockets with a token."""

import json
import ssl
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException

from app.cli.doors import Broken, End, Gap, Output, Refused, Run

SECONDS = 30.0
"""What an answer may take, and how long nothing may be heard of a stream."""

TRIES = 3
"""Of a start, whose key sees to it that it starts once."""

MAX_MESSAGE = 1 << 20
NOT_SIGNED_IN = 4401
"""What a stream is closed with whose token has ended."""

ENDED_TOKEN = "The token is not accepted: it is wrong, expired or revoked."  # noqa: S105 - a sentence
PAGE = ("runs",)
RUN = ("id", "state", "exit_code", "created_at", "duration", "username", "script", "args", "reason")
"""What answers have of which something is told here."""


class Elsewhere:
    """The Toru at an address.

    Args:
        url: its origin, such as `https://toru.example.com`.
        token: an API token of it.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._tls = ssl.create_default_context() if url.startswith("https:") else None

    async def page(self, wanted: dict[str, str | int]) -> dict[str, Any]:
        """See `Door`."""
        page = await self._ask("GET", "/api/runs", PAGE, params=wanted)
        if not isinstance(page["runs"], list):
            raise self._stranger()
        for run in page["runs"]:
            self._require(run, RUN)
        return page

    async def start(self, script: str, args: list[str], time_limit: int | None, key: str | None) -> Run:
        """See `Door`."""
        body = {"script": script, "args": args, "timeout": time_limit}
        for rest in reversed(range(TRIES)):
            try:
                return await self._ask("POST", "/api/runs", RUN, json=body, headers={"Idempotency-Key": key or ""})
            except Broken:
                if not (rest and key):
                    raise
        raise AssertionError("unreachable")

    async def cancel(self, run_id: str) -> Run:
        """See `Door`."""
        return await self._ask("POST", f"/api/runs/{quote(run_id, safe='')}/cancel", RUN)

    async def follow(self, run_id: str, offset: int) -> AsyncGenerator[Output | Gap | End, None]:
        """See `Door`."""
        address = f"{self._url.replace('http', 'ws', 1)}/api/ws/runs/{quote(run_id, safe='')}?offset={offset}"
        opening = connect(
            address,
            additional_headers=self._headers,
            ssl=self._tls,
            compression=None,
            max_size=MAX_MESSAGE,
            open_timeout=SECONDS,
            ping_timeout=SECONDS,
        )
        try:
            async with opening as connection:
                async for event in _events(connection):
                    yield event
                    if isinstance(event, End):
                        return
        except InvalidStatus as error:
            raise self._problem(error.response.status_code, error.response.body) from None
        except ConnectionClosed as error:
            if error.rcvd is not None and error.rcvd.code == NOT_SIGNED_IN:
                raise Refused(ENDED_TOKEN) from None
        except (OSError, WebSocketException, TimeoutError) as error:
            raise Broken(f"{self._url} cannot be reached: {_reason(error)}.") from None
        raise Broken(f"{self._url} closed the connection.")

    async def _ask(self, method: str, path: str, wanted: tuple[str, ...], **request: Any) -> dict[str, Any]:
        headers = self._headers | request.pop("headers", {})
        try:
            async with httpx2.AsyncClient(
                base_url=self._url, timeout=SECONDS, verify=self._tls or True, follow_redirects=False
            ) as client:
                answer = await client.request(method, path, headers=headers, **request)
        except httpx2.TransportError as error:
            raise Broken(f"{self._url} cannot be reached: {_reason(error)}.") from None
        if not answer.is_success:
            raise self._problem(answer.status_code, answer.content)
        return self._require(_json(answer.content), wanted)

    def _require(self, told: object, wanted: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(told, dict) or not told.keys() >= set(wanted):
            raise self._stranger()
        return told

    def _stranger(self) -> Refused:
        return Refused(f"{self._url} does not answer like Toru. Is it the right address?")

    def _problem(self, status: int, body: bytes | bytearray | None) -> Exception:
        """What an answer that is no success means."""
        told = _json(bytes(body or b""))
        if told is not None and isinstance(told.get("error"), str):
            sentence = str(told["error"])
            return Refused(ENDED_TOKEN if status == 401 else sentence)
        if status >= 500:
            return Broken(f"{self._url} answers with {status}: its Toru is down, or being started.")
        return Refused(f"{self._url} does not answer like Toru ({status}). Is it the address, or is a gate before it?")


async def _events(connection: ClientConnection) -> AsyncGenerator[Output | Gap | End, None]:
    async for frame in connection:
        if isinstance(frame, bytes):
            yield Output(frame)
            continue
        told = json.loads(frame)
        if "skipped" in told:
            yield Gap(told["skipped"], told["offset"])
        elif "exit" in told:
            yield End(told["exit"])
        elif "error" in told:
            raise Refused(str(told["error"]))


def _json(content: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(content)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _reason(error: Exception) -> str:
    if isinstance(error, InvalidHandshake):
        return "it does not speak like Toru"
    if "WRONG_VERSION_NUMBER" in str(error):
        return "it speaks http, without TLS"
    return " ".join(str(error).split()).rstrip(".")[:200] or "it does not answer"


def origin_of(url: str) -> str:
    """The address without a slash at its end. Raises ValueError with a sentence."""
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("--url must look like https://toru.example.com, without a path.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("--url must hold no name, no password and no query; the token comes from TORU_TOKEN.")
    return f"{parts.scheme}://{parts.netloc}"
