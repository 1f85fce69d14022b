"""The JavaScript of a plugin's pages, where it lies beside the plugin."""

import asyncio
from pathlib import Path

from app.core.errors import TooLarge

NAMES = ("bundle.js", "frontend/bundle.js")
MAX_BUNDLE = 16 * 1024 * 1024


async def read_bundle(plugins_dir: Path, plugin_id: str) -> bytes | None:
    """The bundle in the plugin's folder, None when there is none.

    Raises:
        TooLarge: it has more than 16 MiB.
    """
    return await asyncio.to_thread(_read, plugins_dir / plugin_id)


def _read(folder: Path) -> bytes | None:
    for name in NAMES:
        path = folder / name
        try:
            # A link may not lead to what lies elsewhere, and only a plain file is opened: a FIFO would wait for ever.
            if not path.resolve(strict=True).is_relative_to(folder.parent.resolve() / folder.name):
                continue
            if not path.is_file():
                continue
            with path.open("rb") as file:
                bundle = file.read(MAX_BUNDLE + 1)
        except (OSError, RuntimeError):  # not there, not ours to read, a loop of links
            continue
        if len(bundle) > MAX_BUNDLE:
            raise TooLarge(f"The bundle of this plugin is larger than {MAX_BUNDLE >> 20} MiB.")
        return bundle
    return None
