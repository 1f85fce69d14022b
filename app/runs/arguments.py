"""What a start may be asked with."""

from collections.abc import Sequence

from app.core.errors import BadValue

MAX_ARGS = 256
MAX_ARGS_BYTES = 64 << 10
MAX_TIME_LIMIT = 31_536_000
MAX_KEY = 255
MAX_SIDE = 1000
"""Columns or rows of a terminal."""


def checked_args(args: Sequence[str]) -> list[str]:
    """The arguments of a script. Raises BadValue."""
    try:
        size = sum(len(arg.encode()) + 1 for arg in args)
    except UnicodeEncodeError:
        raise BadValue("An argument is not valid text.") from None
    if len(args) > MAX_ARGS or size > MAX_ARGS_BYTES:
        raise BadValue(f"A script takes at most {MAX_ARGS} arguments of {MAX_ARGS_BYTES} bytes together.")
    if any("\0" in arg for arg in args):
        raise BadValue("An argument cannot hold a NUL character.")
    return list(args)


def checked_size(side: int) -> int:
    """Columns or rows of a terminal. Raises BadValue."""
    if not 1 <= side <= MAX_SIDE:
        raise BadValue(f"A terminal has 1 to {MAX_SIDE} columns and rows.")
    return side


def checked_key(key: str | None) -> str | None:
    """An idempotency key, None for none. Raises BadValue."""
    if key is not None and not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise BadValue(f"An Idempotency-Key is 1 to {MAX_KEY} printable ASCII characters.")
    return key
