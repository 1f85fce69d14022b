"""Any ASGI application behind the product's own uvicorn protocols, inside the test process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

from app.main import Server, _server_config
from tests.support.server import free_port

ASGI = Callable[[Any, Any, Any], Awaitable[None]]


@asynccontextmanager
async def listening(application: ASGI) -> AsyncIterator[int]:
    """The port on which `application` is served as the product is."""
    config = _server_config(cast("Any", application))
    config.port, config.lifespan = free_port(), "off"
    ready = asyncio.Event()
    server = Server(config, ready.set, partial(asyncio.sleep, 0))
    serving = asyncio.create_task(server.serve())
    await asyncio.wait({serving, asyncio.ensure_future(ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield config.port
    finally:
        server.should_exit = True
        await serving
