"""Codes of an authenticator: six digits that change every 30 seconds, and how a phone learns the secret behind them."""

import re
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from passlib.totp import TOTP

SECRET_BYTES = 20
MAX_CODE = 64
"""Characters of a code as typed; longer ones are none."""

PERIOD = 30
DIGITS = re.compile(r"[0-9]{6}")
SEPARATORS = re.compile(r"[\s\u2010-\u2015-]+")


def normalised(code: str) -> str:
    """A code as typed, without spaces, hyphens and case."""
    return SEPARATORS.sub("", unicodedata.normalize("NFKC", code[:MAX_CODE])).lower() if len(code) <= MAX_CODE else ""


def is_code(code: str) -> bool:
    """Whether a normalised code looks like one of an authenticator."""
    return DIGITS.fullmatch(code) is not None


def matching_step(secret: bytes, code: str, now: datetime, last: int) -> int | None:
    """The number of the 30 seconds that a code is of, None when it does not fit.

    The phone's clock may be one step off. `last` is the step of the newest code that was accepted: it and older ones
    are refused.
    """
    from passlib.exc import TokenError

    try:
        match = _authenticator(secret).match(code, time=now, window=PERIOD, last_counter=max(last, 0))
    except TokenError:
        return None
    return int(match.counter)


def shown_secret(secret: bytes) -> str:
    """The secret to be typed, in groups of four."""
    return str(_authenticator(secret).pretty_key(sep=" "))


def uri_of(secret: bytes, username: str, issuer: str) -> str:
    """The address that authenticators read from a QR code."""
    # A colon parts the two, so neither may have one.
    label, issuer = username.replace(":", " "), issuer.replace(":", " ")
    return str(_authenticator(secret).to_uri(label, issuer))


def qr_of(uri: str) -> str:
    """A QR code as an SVG element without a size of its own; dark on white, as every camera reads it."""
    import segno

    code = segno.make(uri, error="m", micro=False)
    return str(code.svg_inline(omitsize=True, svgclass="qr-code", lineclass=None, dark="black", light="white"))


def _authenticator(secret: bytes) -> "TOTP":
    from passlib.totp import TOTP  # brings `cryptography` along

    return TOTP(key=secret, format="raw")
