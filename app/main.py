"""The composition root: services, REST, pages, one ASGI application, served. Alone in knowing all of them."""

import asyncio
import faulthandler
import gc
import logging
import os
import resource
import signal
import socket
from collections.abc import Callable, Coroutine
from types import FrameType

import uvicorn

from app.core.config import Config
from app.core.errors import Unavailable
from app.core.instance_lock import InstanceLock
from app.core.log import start_logging
from app.core.memory import give_back
from app.core.migrate import UnusableDatabase
from app.core.service_manager import ServiceManager
from app.core.vitals import Vitals
from app.error_shape import OneShape
from app.guard import Application, Guard
from app.headers import PagePolicy
from app.http_protocol import LimitedHttpProtocol, SharedState
from app.light_imports import leave_out_aiohttp
from app.runner.inherited import watch_children_by_pidfd
from app.services import Services
from app.traffic import CountedTraffic
from app.websocket_protocol import BatchingProtocol

log = logging.getLogger(__name__)

GRACEFUL_SECONDS = 5
LAST_SECONDS = 1
MOST_FILES = 65536
MAX_SOCKET_MESSAGE = 1 << 20
PING_SECONDS = 20.0
RECONNECT_SECONDS = 30.0
"""A phone that wakes up within them goes on without loading its page anew."""

KEEP_ALIVE_SECONDS = 130
"""An idle connection. Whoever keeps one for the next request (cloudflared 90 seconds, nginx 60, Caddy 120, httpx 5) is
to close it first: a request that meets our closing is lost, and a POST is not sent again."""


class CannotListen(Exception):
    """The address or port cannot be served."""


class Server(uvicorn.Server):
    """uvicorn's server, which tells when it listens, and which a second signal of any kind hurries.

    Args:
        listening: called once, as soon as the first request can be answered.
        leaving: called once, when no more are accepted; it frees requests from what they wait for.
    """

    def __init__(
        self, config: uvicorn.Config, listening: Callable[[], None], leaving: Callable[[], Coroutine[None, None, None]]
    ) -> None:
        super().__init__(config)
        self.server_state = self._shared = SharedState()
        self._listening = listening
        self._leaving = leaving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to serve."""
        await super().startup(sockets)
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends serving; what is still open then, or after a second signal, is cut off and hears of it."""
        self._shared.is_ending = True
        leaving = asyncio.create_task(self._leaving(), name="leaving")
        await super().shutdown(sockets)
        await leaving
        if self.force_exit:
            await self.lifespan.shutdown()  # which uvicorn leaves out
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=LAST_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal lets requests end, the second one does not wait for them."""
        self.force_exit = self.should_exit
        super().handle_exit(sig, frame)


def run_server(config: Config, admin_password: str, announce: Callable[[], None]) -> None:
    """Serves until a signal ends it.

    Args:
        config: the deployment, without the password.
        admin_password: kept as a hash only.
        announce: called as soon as the first request can be answered.

    Raises:
        AlreadyRunning: another core holds the data folder.
        UnsafeFolder: everybody may write in it.
        CannotListen: the port is taken or the address not ours.
        UnusableDatabase: the database file cannot be used.
        Unavailable: it does not answer.
        OSError: a folder cannot be used.
    """
    # In this order, so that a second start touches nothing, not even the log of the first.
    manager = ServiceManager.take_from()
    if manager.watchdog_seconds:
        faulthandler.enable()  # it ends who hangs by SIGABRT: where that was is then in its journal
    with InstanceLock(config.data_dir), _listener(config) as listener:
        log_file = start_logging(config.log_dir)
        try:
            vitals = Vitals(log=log_file, manager=manager)
            with asyncio.Runner(loop_factory=vitals.turns.new_loop) as runner:
                runner.run(_serve(config, admin_password, listener, announce, vitals))
        except (UnusableDatabase, Unavailable) as error:
            log.error("%s", error, extra={"event": "core_failed", "quiet": True})  # noqa: TRY400 - the sentence tells all
            raise
        except Exception:
            log.exception("the core ended", extra={"event": "core_failed", "quiet": True})
            raise
        finally:
            log_file.close()


def _listener(config: Config) -> socket.socket:
    """Binds first, so that a taken port is told before anything else is touched."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it answers wait 40 ms for an acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except (OSError, UnicodeError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else "it is no name of a host"
        raise CannotListen(f"{config.host}:{config.port} cannot be served: {reason}.") from None
    return listener


async def _serve(
    config: Config, password: str, listener: socket.socket, announce: Callable[[], None], vitals: Vitals
) -> None:
    leave_out_aiohttp(config)
    watch_children_by_pidfd()
    from app.bootstrap import open_services

    def listening() -> None:
        # What lives now lives for ever; the collector need not look at it again (76 ms a full collection).
        gc.collect()
        gc.freeze()
        give_back()
        vitals.turns.begin()
        log.info("serving on %s:%s", config.host, config.port, extra={"event": "started", "pid": os.getpid()})
        announce()
        vitals.manager.ready(f"Serving on {config.host}:{config.port}")

    async def leaving() -> None:
        from ui.nicegui_private import end_polls

        vitals.manager.stopping()
        await end_polls()
        await services.plugins.leave()

    async with open_services(config, password, vitals=vitals) as services:
        server = Server(_server_config(create_server_app(services)), listening, leaving)
        # Not SIG_IGN, which every script would inherit. uvicorn takes SIGTERM and SIGINT while it serves, and raises
        # what ended it once more; here nothing ends before the services are closed.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, _ignore)
        await server.serve(sockets=[listener])
        log.info("stopping", extra={"event": "stopping", "pid": os.getpid()})


def _ignore(number: int, frame: FrameType | None) -> None:
    pass


def _server_config(application: Application) -> uvicorn.Config:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        files = MOST_FILES
    return uvicorn.Config(
        application,
        http=LimitedHttpProtocol,
        ws=BatchingProtocol,
        ws_max_size=MAX_SOCKET_MESSAGE,
        ws_per_message_deflate=False,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # A connection that watches a run reads two files. What arrives in one turn of the loop is accepted uncounted.
        limit_concurrency=files // 3,
        backlog=min(files // 16, 128),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )


def create_server_app(services: Services) -> Application:
    """REST, sockets and pages behind the guard, all counted. Once per process: NiceGUI keeps its own state in it."""
    from nicegui import app as nicegui_app
    from nicegui import ui

    from app.api import create_api
    from ui.login import create_login_router
    from ui.nicegui_private import bind_sockets_to_sessions, owner_of
    from ui.plugin_frame import create_plugin_frame_router
    from ui.register import register_pages
    from ui.static import create_static_router

    api = create_api(services)
    api.include_router(create_static_router())
    api.include_router(create_login_router())
    api.include_router(create_plugin_frame_router())
    register_pages(services)
    nicegui_app.add_middleware(PagePolicy)
    nicegui_app.add_middleware(OneShape)
    bind_sockets_to_sessions(lambda session_id: services.auth.session_by_id(session_id) is not None)
    # It mounts itself at "/": whatever is added after this line can never be reached.
    ui.run_with(
        api,
        title="Toru Steering Center",
        favicon="/favicon.ico",
        viewport="width=device-width, initial-scale=1, viewport-fit=cover",
        dark=None,
        language="en-GB",
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=RECONNECT_SECONDS,
        message_history_length=200,
        show_welcome_message=False,
    )
    return CountedTraffic(Guard(api, services, owner_of), services.metrics.traffic)
