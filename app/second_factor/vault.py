"""The key in the data folder that secrets are encrypted with; a copy of the database alone gives no codes."""

import base64
import os
import secrets
import threading
from pathlib import Path

from app.core.errors import Unavailable

KEY_FILE = "second-factor.key"
KEY_BYTES = 32
NONCE_BYTES = 12
MISSING = "The server's key for second factors is missing or wrong. Use a recovery code."


class Vault:
    """Encrypts and decrypts; every method blocks for moments and belongs into a thread.

    Args:
        folder: the data folder; the key's file is made in it when it is needed first.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / KEY_FILE
        self._making = threading.Lock()

    def seal(self, secret: bytes, owner: str, *, may_make_key: bool) -> str:
        """The text to store for a secret; it can only be opened for the same owner.

        Args:
            may_make_key: whether a missing key is made, which is right only while nothing was sealed with it.

        Raises:
            Unavailable: the key is missing or cannot be read or made.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 6 MB, for those who have a second factor

        with self._making:  # two who are the first ones get one key
            key = self._make() if may_make_key and not self._path.exists() else self._read()
        nonce = secrets.token_bytes(NONCE_BYTES)
        return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, secret, owner.encode())).decode()

    def open(self, sealed: str, owner: str) -> bytes:
        """The secret. Raises Unavailable when the key is missing, or not the one that it was sealed with."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        raw = base64.b64decode(sealed)
        try:
            return AESGCM(self._read()).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], owner.encode())
        except InvalidTag:
            raise Unavailable(MISSING) from None

    def _read(self) -> bytes:
        try:
            key = self._path.read_bytes()
        except OSError:
            raise Unavailable(MISSING) from None
        if len(key) != KEY_BYTES:
            raise Unavailable(MISSING)
        return key

    def _make(self) -> bytes:
        """A new key, whole or not there at all whenever the power fails."""
        key, draft = secrets.token_bytes(KEY_BYTES), self._path.with_name(self._path.name + ".new")
        try:
            draft.unlink(missing_ok=True)
            with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise Unavailable(f"The key for second factors cannot be stored: {error.strerror}.") from error
        return key
