"""The JavaScript of a plugin's pages, where it lies beside the plugin: under the rules of what may be run."""

import asyncio
import contextlib
import logging
import os
import stat
from pathlib import Path

from app.core.errors import NotFound, TooLarge
from app.plugins.folder import Refused, require_safe

log = logging.getLogger(__name__)

NAMES = ("bundle.js", "frontend/bundle.js")
MAX_BUNDLE = 16 * 1024 * 1024


async def read_bundle(plugins_dir: Path, plugin_id: str) -> bytes | None:
    """The bundle in the plugin's folder, None when there is none.

    Raises:
        NotFound: there is one that somebody else than the operator may change.
        TooLarge: it has more than 16 MiB.
    """
    try:
        return await asyncio.to_thread(_read, plugins_dir / plugin_id)
    except Refused as reason:
        log.warning("the bundle of %s is not used: %s", plugin_id, reason, extra={"event": "plugin_bundle_refused"})
        raise NotFound(f"The bundle of this plugin is not used. {reason}") from None


def _read(folder: Path) -> bytes | None:
    for name in NAMES:
        bundle = None
        with contextlib.suppress(OSError):  # not there, not ours to read, a loop of links
            # Only found, not opened: what is looked at is what is read, and a FIFO or a device is never touched.
            found = os.open(folder / name, os.O_PATH | os.O_CLOEXEC)
            try:
                bundle = _read_found(f"/proc/self/fd/{found}", os.fstat(found), folder)
            finally:
                os.close(found)
        if bundle is not None:
            if len(bundle) > MAX_BUNDLE:
                raise TooLarge(f"The bundle of this plugin is larger than {MAX_BUNDLE >> 20} MiB.")
            return bundle
    return None


def _read_found(found: str, status: os.stat_result, folder: Path) -> bytes | None:
    """None for what is no bundle: a link may not lead to what lies elsewhere. Raises Refused and OSError."""
    path, real_folder = Path(os.readlink(found)), folder.parent.resolve() / folder.name
    if not stat.S_ISREG(status.st_mode) or not path.is_relative_to(real_folder):
        return None
    for above in reversed(path.relative_to(real_folder).parents):
        require_safe((real_folder / above).lstat(), f"The folder {(folder.name / above).name}")
    require_safe(status, f"The file {path.name}")
    with open(found, "rb") as file:
        return file.read(MAX_BUNDLE + 1)
