"""Cloudflare Access as a second gate: whether its assertion in a request is genuine, meant for us and in time."""

import asyncio
import re
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import orjson

from app.cloudflare_keys import KeyRing, KeysUnusable, Source
from app.core.clock import Clock
from app.core.config import Config
from app.core.errors import Forbidden
from app.fetch import CannotFetch, fetch

HEADER = b"cf-access-jwt-assertion"
KEYS_PATH = "/cdn-cgi/access/certs"
ALGORITHMS = frozenset({"RS256"})
"""What is taken. The assertion says what it was signed with, and is not believed: `none` and HMAC would open."""

MAX_ASSERTION = 16 * 1024
MAX_KEYS = 256 * 1024
FETCH_SECONDS = 10.0
LEEWAY_SECONDS = 30.0
"""How far two clocks may be apart."""

FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


class CloudflareAccess:
    """Asks every request for a valid assertion.

    Args:
        issuer: the team's address, such as `https://team.cloudflareaccess.com`.
        audiences: the tags of the applications that lead here.
        source: where the team's keys come from.
    """

    def __init__(self, issuer: str, audiences: frozenset[str], source: Source, clock: Clock) -> None:
        self._issuer = issuer
        self._audiences = audiences
        self._keys = KeyRing(source, clock)
        self._clock = clock

    async def check(self, assertions: list[str]) -> None:
        """Returns when the request may go on.

        Args:
            assertions: every value of the header; there must be one.

        Raises:
            Forbidden: it is missing or wrong; the sentence says what.
            Unavailable: the keys are neither known nor to be had.
        """
        if not assertions:
            raise Forbidden("This server is reached through Cloudflare Access only.")
        if len(assertions) > 1:
            raise _wrong("came more than once")
        form = FORM.fullmatch(assertions[0]) if len(assertions[0]) <= MAX_ASSERTION else None
        if form is None:
            raise _wrong("is malformed")
        head, payload, signature = form.groups()
        verify = await self._keys.find(_key_id(_read(head)))
        if verify is None:
            raise _wrong("is signed with an unknown key")
        if not verify(_decoded(signature), f"{head}.{payload}".encode()):
            raise _wrong("has a wrong signature")
        self._check_claims(_read(payload))

    def _check_claims(self, claims: dict[str, Any]) -> None:
        now = self._clock.now().timestamp()
        given = claims.get("aud")
        audiences = given if isinstance(given, list) else [given]
        if not any(isinstance(one, str) and one in self._audiences for one in audiences):
            raise _wrong("is meant for another application")
        if claims.get("iss") != self._issuer:
            raise _wrong("comes from another team")
        if not _time(claims, "exp") + LEEWAY_SECONDS > now:
            raise _wrong("has expired")
        if "nbf" in claims and not _time(claims, "nbf") - LEEWAY_SECONDS <= now:
            raise _wrong("is not valid yet")

    async def close(self) -> None:
        """Keys are not asked for any more."""
        await self._keys.close()


def make_cloudflare_access(config: Config, clock: Clock) -> CloudflareAccess | None:
    """The gate that the deployment asks for, None where it asks for none."""
    if config.access_team is None:
        return None
    source = _from_team(config.access_team) if config.access_keys is None else _from_file(config.access_keys)
    return CloudflareAccess(config.access_team, frozenset(config.access_audience), source, clock)


def _from_team(team: str) -> Source:
    async def source() -> bytes:
        try:
            return await fetch(team + KEYS_PATH, most=MAX_KEYS, seconds=FETCH_SECONDS)
        except CannotFetch as error:
            raise KeysUnusable(f"{team}{KEYS_PATH} cannot be read: {error}") from None

    return source


def _from_file(path: Path) -> Source:
    def read() -> bytes:
        with path.open("rb") as file:
            return file.read(MAX_KEYS)

    async def source() -> bytes:
        try:
            return await asyncio.to_thread(read)
        except OSError as error:
            raise KeysUnusable(f"{path} cannot be read: {error.strerror}") from None

    return source


def _wrong(problem: str) -> Forbidden:
    return Forbidden(f"The assertion of Cloudflare Access {problem}.")


def _decoded(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise _wrong("is malformed") from None


def _read(part: str) -> dict[str, Any]:
    try:
        value = orjson.loads(_decoded(part))
    except orjson.JSONDecodeError:
        raise _wrong("is malformed") from None
    if not isinstance(value, dict):
        raise _wrong("is malformed")
    return value


def _key_id(head: dict[str, Any]) -> str:
    if str(head.get("alg")) not in ALGORITHMS or "crit" in head:
        raise _wrong("is signed in a way that is not taken")
    key_id = head.get("kid")
    if not isinstance(key_id, str):
        raise _wrong("names no key")
    return key_id


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(f"has no time `{name}`")
    return float(value)
