"""Puppets: plugins that do what a test tells them, on a server that has them enabled from its start."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.clients import http_client, session_cookies
from tests.support.processes import ProcessWatch
from tests.support.server import Server

SAMPLES = Path(__file__).parent / "samples"
READY_SECONDS = 15


def deploy(folder: Path, name: str, *, enabled: bool | None = None) -> Path:
    """Puts a puppet with this id and route into a plugins folder, whole at once; decides about it unless told not."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.binary"
    draft = folder / f".{name}.draft"
    draft.write_text(f"#!{sys.executable} -IS\n" + (SAMPLES / "puppet.py").read_text())
    draft.chmod(0o755)
    draft.rename(file)
    if enabled is not None:
        decisions = folder / ".metadata" / "config.json"
        decisions.parent.mkdir(exist_ok=True)
        known = json.loads(decisions.read_text())["plugins"] if decisions.exists() else {}
        decisions.write_text(json.dumps({"plugins": {**known, name: enabled}}))
    return file


@asynccontextmanager
async def puppet_server(folder: Path, watch: ProcessWatch, names: Iterable[str]) -> AsyncIterator[Server]:
    """A server with puppets of these names that answer; it may be shared by tests, its plugins may be restarted."""
    server = Server(folder)
    for name in names:
        deploy(folder / "plugins", name, enabled=True)
    await server.start()
    watch.keep_tree(server.pid)
    watch.keep_runner_of(server.data_dir)
    try:
        async with http_client(server, await session_cookies(server)) as admin:
            for name in names:
                await until_healthy(admin, name)
        yield server
    finally:
        await server.close()


async def until_healthy(
    client: httpx.AsyncClient, name: str, seconds: float = READY_SECONDS, *, other_than: int | None = None
) -> dict[str, Any]:
    """Waits for a plugin to answer, and after a crash for another process; what REST says of it then."""
    async with asyncio.timeout(seconds):
        while True:
            answer = await client.get(f"/api/plugins/{name}")
            found: dict[str, Any] = answer.json()
            if answer.status_code == 200 and found["health"] == "healthy" and found["pid"] != other_than:
                return found
            await asyncio.sleep(0.02)
