"""Browsers that somebody signed in from before: they may go on when others have locked the name by guessing.

Such a browser holds a cookie that names it, signed for one user name and its password of then: a new one makes
strangers of them all. Its own failures lock it like any other, and all of a name together have a bound, too.
"""

import hashlib
import hmac
import json
import secrets

NONCE_BYTES = 16


class Devices:
    """Signs and checks the cookies.

    Args:
        key: the installation's own, in hexadecimal.
    """

    def __init__(self, key: str) -> None:
        self._key = bytes.fromhex(key)

    def issue(self, name: str, password_hash: str) -> str:
        """A cookie for a browser that has just signed in under this name key, good while the password's hash stays."""
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        return f"{nonce}.{self._sign(nonce, name, password_hash)}"

    def recognise(self, cookie: str, name: str, password_hash: str) -> str | None:
        """What names the browser, None when the cookie is not ours or was made for another name key or hash."""
        nonce, _, signature = cookie.partition(".")
        wanted = self._sign(nonce, name, password_hash)
        return nonce if hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "replace")) else None

    def _sign(self, nonce: str, name: str, password_hash: str) -> str:
        text = json.dumps([nonce, name, password_hash])  # says where each ends, and takes half a character, too
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def new_device_key() -> str:
    """A key for `Devices`."""
    return secrets.token_hex(32)
