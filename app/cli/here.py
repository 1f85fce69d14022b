"""Runs of this machine, asked of its core over the control socket."""

from base64 import b64decode
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from app.cli.core import PING_SECONDS
from app.cli.doors import Broken, End, Gap, Output, Run
from app.control import NotRunning, call, stream


class Here:
    """The core that runs on a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    async def page(self, wanted: dict[str, str | int]) -> dict[str, Any]:
        """See `Door`."""
        return dict(await self._call("run-list", **wanted))

    async def start(self, script: str, args: list[str], time_limit: int | None, key: str | None) -> Run:
        """See `Door`."""
        return dict(await self._call("run-start", script=script, args=args, timeout=time_limit, key=key))

    async def cancel(self, run_id: str) -> Run:
        """See `Door`."""
        return dict(await self._call("run-cancel", run=run_id))

    async def follow(self, run_id: str, offset: int) -> AsyncGenerator[Output | Gap | End, None]:
        """See `Door`."""
        try:
            async with aclosing(stream(self._data_dir, "run-follow", {"run": run_id, "offset": offset})) as items:
                async for item in items:
                    if "data" in item:
                        yield Output(b64decode(item["data"]))
                    elif "skipped" in item:
                        yield Gap(item["skipped"], item["offset"])
                    else:
                        yield End(item["exit"])
        except NotRunning as error:
            raise Broken(str(error)) from None

    async def _call(self, command: str, **fields: Any) -> Any:
        try:
            await call(self._data_dir, "version", {}, PING_SECONDS)
            return await call(self._data_dir, command, fields)
        except NotRunning as error:
            raise Broken(str(error)) from None
