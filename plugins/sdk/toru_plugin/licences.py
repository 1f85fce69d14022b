"""Licence keys are checked here, offline: for this plugin, this installation and this day."""

import base64
import binascii
import hashlib
import hmac
import re
from datetime import UTC, date, datetime

SIGNED = "v2."
NEVER = "never"
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class BadLicence(Exception):
    """The plugin must not run; the text is a sentence for people."""


def require(
    key: str | None, instance_id: str, plugin_id: str, kind: str, check: str, today: date | None = None
) -> None:
    """Raises BadLicence unless the key is good.

    Args:
        key: what an administrator stored, None without one.
        instance_id: of this installation.
        kind: `public_key` for `v2.` keys, `secret` for HMAC keys.
        check: the public key or the secret.
        today: in UTC.
    """
    if not key:
        raise BadLicence("This plugin needs a licence key. Store one on its card on the page Plugins.")
    try:
        owner, instance, expiry, is_good = _signed(key, check) if kind == "public_key" else _hmac(key, check)
        last = None if expiry == NEVER else _day(expiry)
    except ValueError:
        raise BadLicence("This is not a licence key of this plugin.") from None
    if not is_good:
        raise BadLicence("This licence key was altered, or the maker of this plugin did not make it.")
    if instance != instance_id:
        raise BadLicence(f"This licence key is for the installation {instance}; this one is {instance_id}.")
    if owner not in ("", plugin_id):
        raise BadLicence(f"This licence key is for the plugin {owner}, not for {plugin_id}.")
    if last is not None and (today or datetime.now(UTC).date()) > last:
        raise BadLicence(f"This licence key was valid through {last} (UTC) and has run out.")


def _signed(key: str, public_key: str) -> tuple[str, str, str, bool]:
    """Plugin, installation, last day, and whether the signature is good, of a `v2.` key. Raises ValueError."""
    from toru_plugin.ed25519 import is_signed

    version, payload, signature = key.split(".")
    owner, instance, expiry = _urlsafe(payload).decode("ascii").split(":")
    if f"{version}." != SIGNED or not owner:
        raise ValueError(version)
    is_good = is_signed(_urlsafe(public_key), f"{SIGNED}{payload}".encode(), _urlsafe(signature))
    return owner, instance, expiry, is_good


def _hmac(key: str, secret: str) -> tuple[str, str, str, bool]:
    """The same of a key that its maker's secret checks; it is for no certain plugin. Raises ValueError."""
    instance, expiry, signature = _standard(key).decode("ascii").split(":")
    expected = hmac.digest(secret.encode(), f"{instance}:{expiry}".encode(), hashlib.sha256)
    return "", instance, expiry, hmac.compare_digest(expected, _standard(signature))


def _day(text: str) -> date:
    if DAY.fullmatch(text) is None:
        raise ValueError(text)
    return date.fromisoformat(text)


def _standard(text: str) -> bytes:
    """Decodes base64 of which there is one text only: decoders forgive what a signature must not."""
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(text) from error
    if base64.b64encode(content).decode() != text:
        raise ValueError(text)
    return content


def _urlsafe(text: str) -> bytes:
    """The same for base64url without padding."""
    padded = text + "=" * (-len(text) % 4)
    content = base64.urlsafe_b64decode(padded)
    if base64.urlsafe_b64encode(content).decode().rstrip("=") != text:
        raise ValueError(text)
    return content
