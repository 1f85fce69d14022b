"""What a plugin says of itself with `--metadata`: asked in a short-lived process, believed only where it is valid."""

import asyncio
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from app.plugins.leftovers import METADATA, sweep_asked
from app.plugins.licences import read_public_key
from app.plugins.process import PluginProcess, Starter

SECONDS = 5.0
MOST_BYTES = 64 << 10
MOST_ERRORS = 8 << 10
PROTOCOLS = ("1", "2")
BUNDLE, TREE = "bundle", "tree"
MOST_ID = 48
ID = re.compile(rf"[A-Za-z0-9-]{{1,{MOST_ID}}}", re.ASCII)
ROUTE = re.compile(r"/[A-Za-z0-9._~-]{1,100}", re.ASCII)
RESERVED = ("/api", "/login", "/_nicegui")
"""Addresses of ours that a plugin's must not look like."""

RESERVED_ID = "route"

UNSHOWN = ("Cc", "Cs", "Zl", "Zp")
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that turn the direction of what follows them on a page."""

UNSEEN = ("Cc", "Cf", "Cs", "Mn", "Me", "Mc", "Zl", "Zp", "Zs")
BLANK = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and symbols by their category, and nothing on a page."""

MOST_SHOWN = 200


class BadMetadata(Exception):
    """The file said nothing that could be used; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """A plugin's description of itself.

    Attributes:
        route: a slash and one segment.
        protocol: "1" or "2".
        page: "bundle" for JavaScript of its own, "tree" for one that the core draws.
        needs_license: whether it wants a licence key.
        license_public_key: checks the signature of its `v2.` keys, None where it does not say.
    """

    id: str
    name: str
    version: str
    author: str | None
    icon: str
    route: str
    protocol: str
    page: str
    description: str
    needs_license: bool
    license_public_key: bytes | None


async def read_metadata(path: Path, starter: Starter) -> Metadata:
    """Runs `path --metadata` for at most SECONDS; nothing that it starts survives this call.

    Raises:
        BadMetadata: it took too long, printed too much, failed, or what it printed is not what a plugin prints.
    """
    asked, mark = _Asked(), f"{path}/{uuid4().hex}"
    try:
        process = await starter.start(path, ("--metadata",), {METADATA: mark}, asked.hear)
    except OSError as error:
        raise BadMetadata(f"It cannot be started: {error.strerror}.") from None
    try:
        code = await asked.finish(process)
    finally:
        await process.end()
        await asyncio.to_thread(sweep_asked, mark)
    if code != 0:
        raise BadMetadata(f"With --metadata it {_ended(code)}{_quoted(process.last_words)}.")
    return parse(bytes(asked.printed))


class _Asked:
    """Takes what is printed until it is enough."""

    def __init__(self) -> None:
        self.printed = bytearray()
        self._too_much = asyncio.Event()

    def hear(self, data: bytes, is_error: bool) -> None:
        if not is_error and len(self.printed) <= MOST_BYTES:
            self.printed += data
            if len(self.printed) > MOST_BYTES:
                self._too_much.set()

    async def finish(self, process: PluginProcess) -> int:
        """Waits for the end; answers the exit code. Raises BadMetadata."""
        ended = asyncio.ensure_future(process.wait())
        flooded = asyncio.ensure_future(self._too_much.wait())
        try:
            await asyncio.wait({ended, flooded}, timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            flooded.cancel()
            ended.cancel()
        if self._too_much.is_set():
            raise BadMetadata(f"With --metadata it printed more than {MOST_BYTES // 1024} KiB.")
        if process.code is None:
            raise BadMetadata(f"With --metadata it did not end within {SECONDS:.0f} seconds.")
        return process.code


def _ended(code: int) -> str:
    return f"ended with exit code {code}" if code >= 0 else f"was ended by signal {-code}"


def _quoted(words: str) -> str:
    return f": {words[:MOST_SHOWN]}" if words else ""


def parse(printed: bytes) -> Metadata:
    """What the JSON text says. Raises BadMetadata for what the rules of plugins forbid."""
    try:
        given = orjson.loads(printed)
    except ValueError as error:
        raise BadMetadata(f"What it printed with --metadata is not JSON: {error}.") from None
    if not isinstance(given, dict):
        raise BadMetadata("What it printed with --metadata is not a JSON object.")
    return Metadata(
        id=_id(given),
        name=_text(given, "name", 100),
        version=_text(given, "version", 100),
        author=_text(given, "author", 100) if given.get("author") else None,
        icon=_text(given, "icon", 32),
        route=_route(given),
        protocol=_protocol(given),
        page=_page(given),
        description=_text(given, "description", 1000) if given.get("description") else "",
        needs_license=_license(given),
        license_public_key=_public_key(given),
    )


def _id(given: Mapping[str, Any]) -> str:
    value = given.get("id")
    if not isinstance(value, str) or ID.fullmatch(value) is None:
        raise BadMetadata(f"Its id {_shown(value)} must be 1 to 48 letters, digits and hyphens.")
    if value == RESERVED_ID:
        raise BadMetadata(f"Its id must not be {value}: below /api/plugins/{value} all plugins are asked.")
    return value


def _route(given: Mapping[str, Any]) -> str:
    value = given.get("route")
    if not isinstance(value, str) or ROUTE.fullmatch(value) is None or ".." in value or value == "/.":
        raise BadMetadata(
            f"Its route {_shown(value)} must be a slash and one segment of letters, digits, hyphens, dots and _ ~."
        )
    if value.lower() in RESERVED:
        raise BadMetadata(f"Its route {value} is an address of Toru's own.")
    return value


def _protocol(given: Mapping[str, Any]) -> str:
    value = given.get("protocol", "1")
    if value not in PROTOCOLS:
        known = " and ".join(f'"{version}"' for version in PROTOCOLS)
        raise BadMetadata(f"It speaks protocol {_shown(value)}; this version of Toru speaks {known}.")
    return str(value)


def _page(given: Mapping[str, Any]) -> str:
    value = given.get("page", BUNDLE)
    if value not in (BUNDLE, TREE):
        raise BadMetadata(f'Its page {_shown(value)} must be "{BUNDLE}" or "{TREE}".')
    if value == TREE and given.get("protocol", "1") == "1":
        raise BadMetadata(f'A page that is a "{TREE}" needs protocol "2".')
    return str(value)


def _license(given: Mapping[str, Any]) -> bool:
    value = given.get("license")
    if value not in (None, "required"):
        raise BadMetadata(f'Its license {_shown(value)} must be "required" or left out.')
    return value is not None


def _public_key(given: Mapping[str, Any]) -> bytes | None:
    value = given.get("license_public_key")
    if value is None:
        return None
    try:
        return read_public_key(value if isinstance(value, str) else "")
    except ValueError:
        raise BadMetadata(
            "Its license_public_key must be the 43 characters that `toru license keypair` prints."
        ) from None


def _text(given: Mapping[str, Any], name: str, most: int) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > most or not _is_shown(value):
        raise BadMetadata(f"Its {name} {_shown(value)} must be text of 1 to {most} characters in one line.")
    if all(unicodedata.category(c) in UNSEEN or c in BLANK for c in value):
        raise BadMetadata(f"Its {name} {_shown(value)} must have at least one character that can be seen.")
    return value.strip()


def _is_shown(text: str) -> bool:
    """Emoji are made of characters that are not "printable", so what must not be there is named instead."""
    return not any(unicodedata.category(c) in UNSHOWN or c in TURNING for c in text)


def _shown(value: object) -> str:
    text = "(missing)" if value is None else ascii(value) if not isinstance(value, str) else f'"{value}"'
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 80 else text[:79] + "…"
