"""Where the paths on the command line count from."""

import os
from pathlib import Path

CALLED_FROM = "TORU_CALLED_FROM"
"""The folder in which somebody typed `toru`, which has gone to its own since."""


def called_from(path: Path) -> Path:
    """The path as the caller meant it."""
    return Path(os.environ.get(CALLED_FROM, "")) / path
