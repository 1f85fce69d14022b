"""Recovery codes: for who has lost the phone, each good once, and only their hashes are kept."""

import hashlib
import hmac
import json
import re
import secrets

COUNT = 10
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without what is mistaken for something else when it is read from paper."""

LETTERS = re.compile(f"[{ALPHABET}]{{10}}")
SALT_BYTES = 16
ROUNDS = 100_000


def new_codes() -> list[str]:
    """Ten codes such as `k7m2p-9xq4d`."""
    texts = ("".join(secrets.choice(ALPHABET) for _ in range(10)) for _ in range(COUNT))
    return [f"{text[:5]}-{text[5:]}" for text in texts]


def is_recovery_code(code: str) -> bool:
    """Whether a normalised code (without its hyphen) looks like one."""
    return LETTERS.fullmatch(code) is not None


def hashes_of(codes: list[str]) -> str:
    """What is stored for new codes; takes a third of a second, so it belongs into a thread."""
    salt = secrets.token_hex(SALT_BYTES)
    return json.dumps({"salt": salt, "hashes": [_hash(code.replace("-", ""), salt) for code in codes]})


def hash_in(stored: str, code: str) -> str:
    """The hash that a normalised code would have among the stored ones; belongs into a thread."""
    return _hash(code, json.loads(stored)["salt"])


def without(stored: str, wanted: str) -> str | None:
    """What is stored once the code with this hash was used, None when there is no such code (any more)."""
    kept = json.loads(stored)
    left = [known for known in kept["hashes"] if not hmac.compare_digest(known, wanted)]
    return None if len(left) == len(kept["hashes"]) else json.dumps({**kept, "hashes": left})


def count_in(stored: str) -> int:
    """How many codes are left."""
    return len(json.loads(stored)["hashes"])


def _hash(code: str, salt: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", code.encode(), bytes.fromhex(salt), ROUNDS).hex()
