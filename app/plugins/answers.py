"""What a plugin answered, checked: the two shapes of protocol 1 and the one of protocol 2 become a PluginAnswer."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from app.plugins.wire import MAX_BODY, AnswerTooLarge, PluginAnswer, PluginRefused

MISSING_STATUS = 500


def read_answer1(payload: object) -> PluginAnswer:
    """Protocol 1: the answer itself, or wrapped into the `body` of a message within. Raises PluginRefused."""
    fields = _object(payload)
    if (text := wrapped_text(payload)) is not None:
        try:
            fields = _object(orjson.loads(text))
        except ValueError:
            raise PluginRefused("The plugin's answer holds no JSON text where its wrapping says so.") from None
    return PluginAnswer(_status(fields), list(_headers(fields)), _sized(_text(fields.get("body"))))


def wrapped_text(payload: object) -> str | None:
    """The answer within the answer of protocol 1, None where there is none; empty where it is no text."""
    inner = payload.get("payload") if isinstance(payload, dict) else None
    if not isinstance(inner, dict):  # told by that, never by its `method`
        return None
    text = inner.get("body")
    return text if isinstance(text, str) else ""


def read_answer2(payload: object) -> PluginAnswer:
    """Protocol 2: `body` is text, or base64 where `body_encoding` says so. Raises PluginRefused."""
    fields = _object(payload)
    encoding = fields.get("body_encoding", "text")
    body = _text(fields.get("body"))
    if encoding == "base64":
        try:
            body = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            raise PluginRefused("The body of the plugin's answer is not base64.") from None
    elif encoding != "text":
        raise PluginRefused("The plugin's answer has an unknown body_encoding.")
    return PluginAnswer(_status(fields), list(_headers(fields)), _sized(body))


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise PluginRefused("The plugin's answer is not a JSON object.")
    return value


def _status(fields: Mapping[str, Any]) -> int:
    status = fields.get("status", MISSING_STATUS)
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        raise PluginRefused("The plugin's answer has no status from 200 to 599.")
    return status


def _headers(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    headers = fields.get("headers")
    if headers is None:
        return
    if not isinstance(headers, dict):
        raise PluginRefused("The headers of the plugin's answer are not an object.")
    for name, value in headers.items():
        for single in value if isinstance(value, list) else [value]:
            if not isinstance(single, str | int | float):
                raise PluginRefused("A header of the plugin's answer is not text.")
            yield name, single if isinstance(single, str) else orjson.dumps(single).decode()


def _text(body: object) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else orjson.dumps(body)


def _sized(body: bytes) -> bytes:
    if len(body) > MAX_BODY:
        raise AnswerTooLarge(f"The plugin's answer is larger than {MAX_BODY >> 20} MiB.")
    return body
