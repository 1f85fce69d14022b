"""The public keys that Cloudflare Access signs with: from a file or the team's address, kept for a while."""

import asyncio
import json
import logging
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from app.core.clock import Clock
from app.core.errors import Unavailable
from app.core.tasks import TaskKeeper

log = logging.getLogger(__name__)

Verify = Callable[[bytes, bytes], bool]
"""Whether a signature (first) is this key's under some bytes (second)."""

Source = Callable[[], Awaitable[bytes]]

FRESH_SECONDS = 3600.0
"""Keys older than this are asked for again."""

KEPT_SECONDS = 24 * 3600.0
"""And so long they are good while nobody answers; Cloudflare announces a key weeks before the old one goes."""

UNKNOWN_SECONDS = 60.0
"""An assertion that names an unknown key has us ask again, at most this often."""

RETRY_SECONDS = 5.0
"""After a failure."""

WAIT_SECONDS = 6.0
"""What a request waits for keys that are being asked for."""

MOST_KEYS = 32
MODULUS_BITS = (2048, 8192)


class KeysUnusable(Exception):
    """What should be keys is none, or could not be had; the text says why."""


class KeyRing:
    """Finds keys by their id; asks its source when they are old or an id is new, once for all who wait.

    Args:
        source: gives the text of a JSON Web Key Set; raises KeysUnusable.
    """

    def __init__(self, source: Source, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._tasks = TaskKeeper("cloudflare-keys")
        self._keys: Mapping[str, Verify] = {}
        self._loaded_at: float | None = None
        self._tried_at: float | None = None
        self._failed = False
        self._loading: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> Verify | None:
        """The key with this id, None when there is none.

        Raises:
            Unavailable: no keys are known that are recent enough.
        """
        if self._loading is None and self._is_due(key_id):
            self._loading = self._tasks.start(self._load(), "load")
        if self._loading is not None and (self._age() > KEPT_SECONDS or key_id not in self._keys):
            await asyncio.wait({self._loading}, timeout=WAIT_SECONDS)
        if self._age() > KEPT_SECONDS:
            raise Unavailable("The keys of Cloudflare Access cannot be had right now.")
        return self._keys.get(key_id)

    async def close(self) -> None:
        """Nothing is asked for any more."""
        await self._tasks.close()

    def _age(self) -> float:
        return float("inf") if self._loaded_at is None else self._clock.monotonic() - self._loaded_at

    def _is_due(self, key_id: str) -> bool:
        since = float("inf") if self._tried_at is None else self._clock.monotonic() - self._tried_at
        if self._age() > FRESH_SECONDS:
            return since >= RETRY_SECONDS
        return key_id not in self._keys and since >= UNKNOWN_SECONDS

    async def _load(self) -> None:
        try:
            # In a thread: it loads `cryptography`, which nobody needs who has no such gate.
            self._keys = await asyncio.to_thread(read_keys, await self._source())
        except KeysUnusable as error:
            if not self._failed:
                log.warning("keys of Cloudflare Access: %s", error, extra={"event": "access_keys_unavailable"})
            self._failed = True
        else:
            self._loaded_at = self._clock.monotonic()
            if self._failed:
                log.info("keys of Cloudflare Access are here again", extra={"event": "access_keys_available"})
            self._failed = False
        finally:
            self._tried_at = self._clock.monotonic()
            self._loading = None


def read_keys(text: bytes) -> dict[str, Verify]:
    """Every RSA signature key of a JSON Web Key Set, by id. Slow at first: it imports `cryptography`.

    Raises:
        KeysUnusable: it holds none.
    """
    found: dict[str, Verify] = {}
    for key in filter(_is_for_signatures, _listed(text)):
        with suppress(ValueError):  # a key of a new kind must not take the others along
            found[key["kid"]] = _verifier(_number(key["n"]), _number(key["e"]))
    if not found:
        raise KeysUnusable("there is no RSA key for signatures among them")
    return found


def _listed(text: bytes) -> list[Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise KeysUnusable("they are not JSON") from None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or len(keys) > MOST_KEYS:
        raise KeysUnusable(f"there is no list `keys` of at most {MOST_KEYS} keys")
    return keys


def _is_for_signatures(key: Any) -> bool:
    return (
        isinstance(key, dict)
        and key.get("kty") == "RSA"
        and key.get("alg", "RS256") == "RS256"
        and key.get("use", "sig") == "sig"
        and all(isinstance(key.get(name), str) for name in ("kid", "n", "e"))
    )


def _number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def _verifier(modulus: int, exponent: int) -> Verify:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.hashes import SHA256

    if not MODULUS_BITS[0] <= modulus.bit_length() <= MODULUS_BITS[1] or exponent.bit_length() > 64:
        raise ValueError("a key of this size is not used")
    key = RSAPublicNumbers(exponent, modulus).public_key()

    def verify(signature: bytes, content: bytes) -> bool:
        try:
            key.verify(signature, content, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True

    return verify
