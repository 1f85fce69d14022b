"""The passphrase that is kept for backups which nobody stands by: a file that only Toru's user can read."""

import os
import stat
from pathlib import Path
from typing import Final

from app.core.errors import Unavailable

FILE: Final = "backup-passphrase"
"""In the data folder; never in a backup, which it would open."""

MOST: Final = 1024


def kept_passphrase(data_dir: Path) -> str | None:
    """The first line of the file, None where there is none. Blocks.

    Raises:
        Unavailable: it cannot be read, or others can read it, too; then nothing is written unencrypted instead.
    """
    path = data_dir / FILE
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}.") from None
    with open(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode) or about.st_mode & 0o077:
            raise Unavailable(f"{path} must be a file that only its owner can read: chmod 600 {path}")
        raw = file.read(MOST + 1).split(b"\n", 1)[0].rstrip(b"\r")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = ""
    if not 0 < len(raw) <= MOST or not text:
        raise Unavailable(f"{path} must hold one line of text, the passphrase.")
    return text
