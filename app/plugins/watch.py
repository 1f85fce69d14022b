"""Notices changes in the plugins folder: by the kernel's word where it gives one, by looking where it does not."""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

log = logging.getLogger(__name__)

STEP_MS, TOGETHER_MS = 50, 300
"""Changes that come together are told of once."""

AT_LEAST_SECONDS = 30.0
"""How often somebody looks even when nothing is told: rights of users and groups change without a word."""

LOOK_SECONDS = 2.0
DEAF = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse", "vboxsf", "virtiofs", "prl_fs", "vmhgfs")
"""File systems whose other machines the kernel does not hear."""


async def changes(folder: Path) -> AsyncGenerator[None, None]:
    """Yields at once, and whenever something in the folder may have changed, the folder itself included; for ever."""
    has_warned = False
    while True:
        mark = await asyncio.to_thread(_mark, folder)
        if mark is None or await asyncio.to_thread(is_deaf, folder):
            yield
            await asyncio.sleep(LOOK_SECONDS)
            continue
        try:
            async with aclosing(_told(folder)) as told:
                async for _ in told:
                    yield
                    if await asyncio.to_thread(_mark, folder) != mark:
                        break  # another folder stands in its place
        except (OSError, RuntimeError, ExceptionGroup) as error:
            # The kernel watches no more than it is set to, and watchfiles cannot read a name that is not UTF-8.
            if not has_warned:
                why = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
                log.warning("the plugins folder cannot be watched: %s", why, extra={"event": "plugins_not_watched"})
            has_warned = True
            yield
            await asyncio.sleep(LOOK_SECONDS)


async def _told(folder: Path) -> AsyncGenerator[None, None]:
    from watchfiles import awatch

    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it would tell of every change
    waiting = int(AT_LEAST_SECONDS * 1000)
    listening = awatch(
        folder,
        watch_filter=None,
        recursive=False,
        step=STEP_MS,
        debounce=TOGETHER_MS,
        rust_timeout=waiting,
        yield_on_timeout=True,
    )
    coming = asyncio.ensure_future(anext(listening))
    try:
        await asyncio.sleep(0)  # from its first step on it listens; what changed before that is to be looked for
        while True:
            yield
            await coming
            coming = asyncio.ensure_future(anext(listening))
    finally:
        coming.cancel()
        await asyncio.wait({coming})


def is_deaf(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Whether changes made elsewhere would go unnoticed. Blocks."""
    try:
        device = os.stat(folder).st_dev
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return True
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0].split(".")[0] in DEAF
    return False


def _mark(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
