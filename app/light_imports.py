"""Keeps a library out of memory that NiceGUI would load without needing it."""

import sys

from app.core.config import Config


def leave_out_aiohttp(config: Config) -> None:
    """Called before the first NiceGUI import: 10 MB less.

    Only engineio's client wants aiohttp, and it guards the import. TORU_ALLOW_AIOHTTP switches this off.
    """
    if not config.allow_aiohttp and "aiohttp" not in sys.modules:
        sys.modules["aiohttp"] = None  # type: ignore[assignment]
