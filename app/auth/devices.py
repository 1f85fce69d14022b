"""Browsers that somebody signed in from before: they may go on when others have locked the name by guessing.

Such a browser holds a cookie that names it, signed for one user name. Its own failures lock it like any other.
"""

import hashlib
import hmac
import secrets

NONCE_BYTES = 16


class Devices:
    """Signs and checks the cookies.

    Args:
        key: the installation's own, in hexadecimal.
    """

    def __init__(self, key: str) -> None:
        self._key = bytes.fromhex(key)

    def issue(self, name: str) -> str:
        """A cookie for a browser that has just signed in under this name key."""
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        return f"{nonce}.{self._sign(nonce, name)}"

    def recognise(self, cookie: str, name: str) -> str | None:
        """What names the browser, None when the cookie is not ours or was made for another name key."""
        nonce, _, signature = cookie.partition(".")
        good = hmac.compare_digest(self._sign(nonce, name).encode(), signature.encode("utf-8", "replace"))
        return nonce if good else None

    def _sign(self, nonce: str, name: str) -> str:
        text = f"{nonce}\0{name}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


def new_device_key() -> str:
    """A key for `Devices`."""
    return secrets.token_hex(32)
