"""How a token looks: `tsc_`, 30 characters of base 62 by chance, 6 of checksum.

The prefix lets scanners of repositories find one that leaked; the checksum tells a typing mistake from a token
without a look at any list.
"""

import hashlib
import re
import secrets
import string
import zlib

PREFIX = "tsc_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
CHANCE = 30
"""Characters by chance: 178 bits."""

CHECKSUM = 6
FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{CHANCE + CHECKSUM}}}")


def new_token() -> str:
    """A fresh token."""
    text = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(CHANCE))
    return text + _checksum(text)


def is_well_formed(token: str) -> bool:
    """Whether this can be a token at all: its form, and the checksum over what precedes it."""
    return FORM.fullmatch(token) is not None and _checksum(token[:-CHECKSUM]) == token[-CHECKSUM:]


def hash_of(token: str) -> str:
    """What is stored of a token: its SHA-256, in hexadecimal. It is too random to be guessed from that."""
    return hashlib.sha256(token.encode()).hexdigest()


def _checksum(text: str) -> str:
    """CRC-32 in base 62, the most significant digit first."""
    rest, digits = zlib.crc32(text.encode()), ""
    for _ in range(CHECKSUM):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
