"""Whose a folder is: what root or another user makes in it, its owner could not use."""

import os
import pwd
from pathlib import Path

from app.core.errors import Forbidden


class AnotherUsers(Forbidden):
    """The data folder belongs to another user."""


def require_ours(folder: Path) -> None:
    """Raises AnotherUsers where the folder is not that of who asks; FileNotFoundError where there is none."""
    owner = folder.stat().st_uid
    if owner != os.geteuid():
        name = name_of(owner)
        raise AnotherUsers(f"{folder} belongs to the user {name}. Run this as that user: sudo -u {name} ./toru …")


def name_of(uid: int) -> str:
    """What the system calls a user."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"
