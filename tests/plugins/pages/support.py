"""A stage for pages: a server with puppets whose pages are trees, and viewers at their sockets."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.support.clients import JsonSocket, open_socket

PAGE = "page"


class Viewer:
    """Somebody who looks at a page."""

    def __init__(self, socket: JsonSocket) -> None:
        self.socket = socket
        self._number = 0

    async def next(self, seconds: float = 10) -> Any:
        """The next message."""
        return await self.socket.receive(seconds)

    async def tree(self) -> Any:
        """The tree of the next message that has one."""
        return (await self.socket.until("tree"))[-1]["tree"]

    async def patches(self) -> Any:
        """The patches of the next message that has some."""
        return (await self.socket.until("patches"))[-1]["patches"]

    async def press(self, node: str, event: str = "press", **value: Any) -> None:
        """Sends an event."""
        self._number += 1
        await self.socket.send({"type": "event", "id": self._number, "node": node, "event": event, "value": value})

    async def reply(self) -> Any:
        """The next reply."""
        return (await self.socket.until("reply"))[-1]

    async def ask(self, node: str, event: str = "press", **value: Any) -> Any:
        """What comes of an event."""
        await self.press(node, event, **value)
        return await self.reply()


@asynccontextmanager
async def looking(client: httpx.AsyncClient, name: str = PAGE) -> AsyncIterator[Viewer]:
    """A viewer, who leaves in the end."""
    async with open_socket(client, f"/api/plugins/{name}/page") as socket:
        yield Viewer(socket)


async def say(client: httpx.AsyncClient, *payloads: Any, name: str = PAGE) -> None:
    """Has the puppet say this about its page."""
    answer = await client.post(f"/api/plugins/route/{name}/page", content=json.dumps(payloads))
    assert answer.status_code == 200, answer.text


async def show(client: httpx.AsyncClient, tree: Any, name: str = PAGE) -> None:
    """Has the puppet show a tree."""
    await say(client, {"action": "show", "tree": tree}, name=name)


async def patch(client: httpx.AsyncClient, *patches: Any, name: str = PAGE) -> None:
    """Has the puppet send one message with these patches."""
    await say(client, {"action": "patch", "patches": patches}, name=name)


async def told(client: httpx.AsyncClient, name: str = PAGE) -> Any:
    """What the puppet was told about its page so far."""
    return json.loads((await client.get(f"/api/plugins/route/{name}/told")).content)
