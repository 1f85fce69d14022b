"""Licence keys: their two forms, how they are made, and what makes one no good. Nothing here is stored.

An older key is the base64 of `<instance>:<expiry>:<HMAC>`; whoever can check it can make others. A `v2.` key carries
an Ed25519 signature and names its plugin, which holds only the public key. Of both there is one text a licence: what
means the same but is written differently is refused.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from app.core.errors import BadValue

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNED = "v2."
NEVER = "never"
INSTANCE_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
PLUGIN_ID = re.compile(r"[A-Za-z0-9-]{1,48}")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
HMAC_BYTES, SIGNATURE_BYTES, PUBLIC_BYTES = 32, 64, 32


class BadLicence(BadValue):
    """A licence key that is no good; the text says why and never holds the key."""


class MalformedKey(BadLicence):
    """The text is no key."""

    def __init__(self) -> None:
        super().__init__("This is not a licence key. Copy all of it, as it was sent, and nothing else.")


class AlteredKey(BadLicence):
    """The signature is not the maker's."""

    def __init__(self) -> None:
        super().__init__("This licence key was altered, or the maker of this plugin did not make it.")


class ForeignKey(BadLicence):
    """The key is another installation's."""

    def __init__(self, instance_id: str, ours: str) -> None:
        super().__init__(f"This licence key is for the installation {instance_id}; this one is {ours}.")


class OtherPluginKey(BadLicence):
    """The key is another plugin's."""

    def __init__(self, plugin_id: str, ours: str) -> None:
        super().__init__(f"This licence key is for the plugin {plugin_id}, not for {ours}.")


class ExpiredKey(BadLicence):
    """The last day of the key has passed."""

    def __init__(self, expires: date) -> None:
        super().__init__(f"This licence key was valid through {expires.isoformat()} (UTC) and has run out.")


class ClockSetBack(BadLicence):
    """The last day of the key has passed, whatever the clock says now."""

    def __init__(self, expires: date, seen: datetime) -> None:
        super().__init__(
            f"This licence key was valid through {expires.isoformat()} (UTC) and has run out: "
            f"the clock of this machine had come to {seen.date().isoformat()} before it was set back."
        )


@dataclass(frozen=True, slots=True)
class Licence:
    """What a key says; nothing of it is true before its signature was checked.

    Attributes:
        instance_id: the installation that it is for, a version 4 UUID.
        expires: the last day (UTC) on which it is valid, None for ever.
        plugin_id: the plugin that it is for; None for an older key, which is for all plugins of its maker.
        signed: what the signature covers.
        signature: 32 bytes of an older key, 64 of a `v2.` one.
    """

    instance_id: str
    expires: date | None
    plugin_id: str | None
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def require_made_with(self, secret: bytes) -> None:
        """Raises AlteredKey unless this older key was made with the secret."""
        expected = hmac.digest(secret, self.signed, hashlib.sha256)
        if not hmac.compare_digest(expected, self.signature):
            raise AlteredKey

    def require_signed_for(self, public_key: bytes) -> None:
        """Raises AlteredKey unless this `v2.` key was signed by the owner of the public key (32 bytes)."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        if self.plugin_id is None:
            raise AlteredKey
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(self.signature, self.signed)
        except InvalidSignature:
            raise AlteredKey from None

    def require_use(self, instance_id: str, plugin_id: str, now: datetime) -> None:
        """Checks that it is for this installation and this plugin, and has not run out at `now`.

        Raises:
            ForeignKey: it is another installation's.
            OtherPluginKey: it is another plugin's.
            ExpiredKey: its last day has passed.
        """
        if self.instance_id != instance_id:
            raise ForeignKey(self.instance_id, instance_id)
        if self.plugin_id not in (None, plugin_id):
            raise OtherPluginKey(str(self.plugin_id), plugin_id)
        if self.expires is not None and now.astimezone(UTC).date() > self.expires:
            raise ExpiredKey(self.expires)


def read_key(text: str) -> Licence:
    """What a key says. Raises MalformedKey for anything but the one text of a key, blanks around it included."""
    try:
        return _read_signed(text) if text.startswith(SIGNED) else _read_hmac(text)
    except ValueError:
        raise MalformedKey from None


def make_hmac_key(secret: bytes, instance_id: str, expires: date | None) -> str:
    """A key without a plugin's name, as plugins from before `v2.` expect it. Raises ValueError."""
    signed = f"{_instance(instance_id)}:{_day_text(expires)}"
    signature = hmac.digest(secret, signed.encode(), hashlib.sha256)
    return _standard(f"{signed}:{_standard(signature)}".encode())


def make_signed_key(private_key: "Ed25519PrivateKey", plugin_id: str, instance_id: str, expires: date | None) -> str:
    """A `v2.` key. Raises ValueError."""
    payload = f"{_plugin(plugin_id)}:{_instance(instance_id)}:{_day_text(expires)}"
    signed = SIGNED + _urlsafe(payload.encode())
    return f"{signed}.{_urlsafe(private_key.sign(signed.encode()))}"


def public_key_text(public_key: bytes) -> str:
    """A public key as makers write it down: base64url without padding, 43 characters."""
    return _urlsafe(public_key)


def read_public_key(text: str) -> bytes:
    """The 32 bytes of what `public_key_text` wrote. Raises ValueError."""
    return _decoded(text, _urlsafe_bytes, _urlsafe, PUBLIC_BYTES)


def read_day(text: str) -> date | None:
    """The last day of `YYYY-MM-DD`, None of `never`. Raises ValueError."""
    if text == NEVER:
        return None
    if DAY.fullmatch(text) is None:
        raise ValueError("neither a day nor never")
    return date.fromisoformat(text)


def _read_hmac(text: str) -> Licence:
    content = _decoded(text, _standard_bytes, _standard).decode("ascii")
    instance_id, expiry, signature = content.split(":")
    return Licence(
        instance_id=_instance(instance_id),
        expires=read_day(expiry),
        plugin_id=None,
        signed=f"{instance_id}:{expiry}".encode(),
        signature=_decoded(signature, _standard_bytes, _standard, HMAC_BYTES),
    )


def _read_signed(text: str) -> Licence:
    payload, signature = text.removeprefix(SIGNED).split(".")
    content = _decoded(payload, _urlsafe_bytes, _urlsafe).decode("ascii")
    plugin_id, instance_id, expiry = content.split(":")
    return Licence(
        instance_id=_instance(instance_id),
        expires=read_day(expiry),
        plugin_id=_plugin(plugin_id),
        signed=f"{SIGNED}{payload}".encode(),
        signature=_decoded(signature, _urlsafe_bytes, _urlsafe, SIGNATURE_BYTES),
    )


def _decoded(
    text: str, decode: Callable[[str], bytes], encode: Callable[[bytes], str], length: int | None = None
) -> bytes:
    """The bytes of a text that is exactly what encoding them gives: decoders forgive what a signature must not."""
    try:
        content = decode(text)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if encode(content) != text or length not in (None, len(content)):
        raise ValueError("another way to write it")
    return content


def _instance(text: str) -> str:
    if INSTANCE_ID.fullmatch(text) is None:
        raise ValueError("not the id of an installation")
    return text


def _plugin(text: str) -> str:
    if PLUGIN_ID.fullmatch(text) is None:
        raise ValueError("not the id of a plugin")
    return text


def _day_text(expires: date | None) -> str:
    return NEVER if expires is None else expires.isoformat()


def _standard(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _standard_bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _urlsafe(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _urlsafe_bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
