"""Password hashing: Argon2id through passlib, one at a time, in a thread."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor

from passlib.hash import argon2

from app.core.errors import BadValue

MAX_PASSWORD = 1000
"""Characters; longer input is refused before any hashing."""

RULE = (
    "A password needs 8 characters or more, with an upper-case letter, a lower-case letter, a digit and a special one."
)

_scheme = argon2.using(type="ID", memory_cost=19456, rounds=2, parallelism=1)


def is_usable(password: str) -> bool:
    """Whether `password` can be hashed at all: not too long, no NUL, nothing that UTF-8 cannot say."""
    return len(password) <= MAX_PASSWORD and not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in password)


def is_strong(password: str) -> bool:
    """Whether `password` keeps the rule that RULE states."""
    return (
        len(password) >= 8
        and is_usable(password)
        and any(c.isupper() for c in password)
        and any(c.islower() for c in password)
        and any(c.isdigit() for c in password)
        and any(not c.isalnum() and not c.isspace() for c in password)
    )


def deployment_problem(password: str, *, production: bool) -> str | None:
    """Why nobody should be served with this password of the administrator, None where that is all right."""
    if not production or is_strong(password):
        return None
    return f"ADMIN_PASSWORD {'is too weak' if password else 'is missing'}, and PRODUCTION is set. {RULE}"


def require_strong(password: str) -> None:
    """Raises BadValue with the rule as its sentence."""
    if not is_strong(password):
        raise BadValue(RULE)


class PasswordHasher:
    """Hashes and checks, one at a time: each takes 19 MiB for its few dozen milliseconds."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "argon2")
        # What nobody's password is compared with: a hash of nothing, with the parameters of every other.
        self._decoy: str = _scheme(use_defaults=True, checksum=secrets.token_bytes(32)).to_string()

    async def hash(self, password: str) -> str:
        """The text to store for `password`."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _scheme.hash, password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether `password` fits `stored`; None (nobody of that name) takes the same time and never fits."""
        if not is_usable(password):
            password, stored = "", None
        fits = await asyncio.get_running_loop().run_in_executor(
            self._thread, _scheme.verify, password, stored or self._decoy
        )
        return bool(fits) and stored is not None

    @staticmethod
    def is_outdated(stored: str) -> bool:
        """Whether `stored` was made with other parameters than new hashes are."""
        return bool(_scheme.needs_update(stored))

    def close(self) -> None:
        """Ends the thread; what waits for it is given up."""
        self._thread.shutdown(cancel_futures=True)
