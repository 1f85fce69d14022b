"""The live socket: every viewer gets each second's figures, the same text, and skips what it is too slow for."""

import asyncio

from app.access import socket_actor
from app.monitor.feed import Feed
from app.sockets import Message, Receive, Send, incoming, serve_socket


class LiveFigures:
    """ASGI endpoint of /api/ws/monitor; the text is that of GET /api/resources."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves one viewer until it leaves or its session ends."""
        services, _ = socket_actor(scope)
        await serve_socket(scope, receive, send, lambda: _follow(services.monitor.feed, receive, send))


async def _follow(feed: Feed, receive: Receive, send: Send) -> None:
    sending = asyncio.ensure_future(_send_newest(feed, send))
    leaving = asyncio.ensure_future(_until_it_leaves(receive))
    leaving.add_done_callback(lambda _: sending.cancel())
    try:
        await sending
    except asyncio.CancelledError:
        if not leaving.done():  # the session ended, not the viewer
            raise
    finally:
        leaving.cancel()


async def _send_newest(feed: Feed, send: Send) -> None:
    number = 0
    while True:
        number, text = await feed.after(number)
        await send({"type": "websocket.send", "text": text})  # waits while the viewer's buffer is full


async def _until_it_leaves(receive: Receive) -> None:
    while await incoming(receive) is not None:
        pass
