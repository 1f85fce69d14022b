"""A stream encrypted with a passphrase: pieces that can be neither changed, moved, left out nor cut off unnoticed.

The format is told in docs/backup.md, with a program that opens it; change it only together with its version.
"""

import hashlib
import io
import secrets
import struct
from typing import BinaryIO, Final

from app.backup.errors import BadArchive

MAGIC: Final = b"TORUENC1"
HEADER: Final = struct.Struct(">8sBBBxI16s7s")
"""Magic with the version; scrypt's log2(N), r and p; an empty byte; the bytes of a piece; salt; the nonces' start."""

LOG_N, R, P = 17, 8, 1
"""128 MiB and a third of a second a try, for whoever guesses, too."""

MOST_MEMORY: Final = 1 << 30
PIECE: Final = 1 << 20
MOST_PIECE: Final = 16 << 20
TAG: Final = 16

WRONG = "The passphrase is wrong, or the file is damaged."


class SealingWriter(io.RawIOBase):
    """Encrypts what is written to it; `close` writes the last piece, which says that it is the last.

    Args:
        file: where to; it stays open.
    """

    def __init__(self, file: BinaryIO, passphrase: str, *, log_n: int = LOG_N) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._file = file
        salt, self._start = secrets.token_bytes(16), secrets.token_bytes(7)
        self._header = HEADER.pack(MAGIC, log_n, R, P, PIECE, salt, self._start)
        self._cipher = AESGCM(_key(passphrase, salt, log_n, R, P))
        self._waiting = bytearray()
        self._count = 0
        file.write(self._header)

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: object) -> int:
        """Takes all of it."""
        piece = bytes(data)  # type: ignore[call-overload]
        self._waiting += piece
        while len(self._waiting) > PIECE:  # a whole one waits: it may be the last
            self._put(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]
        return len(piece)

    def close(self) -> None:
        """Writes what is left, once."""
        if not self.closed:
            self._put(bytes(self._waiting), last=True)
            self._waiting.clear()
        super().close()

    def _put(self, plain: bytes, *, last: bool) -> None:
        nonce = _nonce(self._start, self._count, last=last)
        self._file.write(self._cipher.encrypt(nonce, plain, self._header))
        self._count += 1


class SealedReader(io.RawIOBase):
    """Reads what a `SealingWriter` wrote; the end is only reached where the last piece is really there.

    Raises:
        BadArchive: while reading: another passphrase, or anything is not as it was written.
    """

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._file = file
        self._header = file.read(HEADER.size)
        if len(self._header) < HEADER.size or not self._header.startswith(MAGIC):
            raise BadArchive("This is no encrypted backup of Toru, or one of a newer version.")
        _, log_n, r, p, self._piece, salt, self._start = HEADER.unpack(self._header)
        # Before anything is proved the header is only a claim: it must not cost a gigabyte.
        if not (1 <= log_n <= 24 and 1 <= r <= 32 and 1 <= p <= 4 and 128 * r << log_n <= MOST_MEMORY):
            raise BadArchive(WRONG)
        if not 1 <= self._piece <= MOST_PIECE:
            raise BadArchive(WRONG)
        self._cipher = AESGCM(_key(passphrase, salt, log_n, r, p))
        self._next = file.read(self._piece + TAG)
        self._ready = memoryview(b"")
        self._count = 0
        self._over = False

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: object) -> int:
        """Some bytes, none at the end."""
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._ready and not self._over:
            self._open_next()
        count = min(len(target), len(self._ready))
        target[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _open_next(self) -> None:
        from cryptography.exceptions import InvalidTag

        sealed, self._next = self._next, self._file.read(self._piece + TAG)
        self._over = not self._next
        nonce = _nonce(self._start, self._count, last=self._over)
        self._count += 1
        try:
            self._ready = memoryview(self._cipher.decrypt(nonce, sealed, self._header))
        except (InvalidTag, ValueError):
            cut = "It is cut off or damaged further in." if self._count > 1 else ""
            raise BadArchive(cut or WRONG) from None


def is_sealed(beginning: bytes) -> bool:
    """Whether a file that begins so is encrypted."""
    return beginning.startswith(MAGIC[:7])


def _key(passphrase: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    memory = 2 * MOST_MEMORY
    return hashlib.scrypt(passphrase.encode(), salt=salt, n=1 << log_n, r=r, p=p, maxmem=memory - 1, dklen=32)


def _nonce(start: bytes, number: int, *, last: bool) -> bytes:
    return start + struct.pack(">I?", number, last)
