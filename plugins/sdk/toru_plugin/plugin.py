"""A plugin: what it is called, what it answers, and how its process lives and ends."""

import io
import os
import re
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any, Literal, NoReturn, TypeVar

from toru_plugin.board import Board
from toru_plugin.events import Kind
from toru_plugin.frames import Broken, Frames
from toru_plugin.logs import Log
from toru_plugin.page import Page
from toru_plugin.requests import Function, Router
from toru_plugin.session import Refused, Session, Timer
from toru_plugin.values import Values
from toru_plugin.wire import Link

CONNECT_SECONDS = 60.0
NO_RESTART = 78
FAILED = 1
ID = re.compile(r"(?!route$)[A-Za-z0-9-]{1,48}", re.ASCII)
ROUTE = re.compile(r"/(?!(?:api|login|_nicegui)$)[A-Za-z0-9._~-]{1,100}", re.ASCII)

Work = TypeVar("Work", bound=Callable[[], object])
Only = Literal["admin"] | None
Adder = Callable[[Function], Function]


class Plugin:
    """One plugin. Its functions are called in threads, several at once: guard what they share.

    Args:
        id: 1 to 48 letters, digits and hyphens; names the plugin for good.
        name: what people read.
        version: any text, such as `1.0.0`.
        icon: an emoji or a short text.
        route: a slash and one segment; a slash and the id without one.
        description: one line.
        author: who made it.

    Attributes:
        kv: keeps texts.
        log: writes lines to its log.
        page: its page.
    """

    def __init__(
        self,
        id: str,
        name: str,
        version: str,
        icon: str = "🧩",
        route: str = "",
        description: str = "",
        author: str = "",
    ) -> None:
        if ID.fullmatch(id) is None:
            raise ValueError(f"The id “{id}” must be 1 to 48 letters, digits and hyphens, and not “route”.")
        route = route or f"/{id}"
        if ROUTE.fullmatch(route) is None:
            raise ValueError(f"The route “{route}” must be a slash and one segment of letters, digits and . _ ~ -")
        self.id = id
        self._about = {"id": id, "name": name, "version": version, "icon": icon, "route": route}
        self._about |= {name: text for name, text in (("description", description), ("author", author)) if text}
        self._link = Link()
        self._router = Router()
        self._timers: list[Timer] = []
        self._licence: tuple[str, str] | None = None
        self.log = Log()
        self.kv = Values(self._link)
        self._board = Board(self._link, self.log)
        self.page = Page(self._board)

    @property
    def metadata(self) -> dict[str, Any]:
        """What `--metadata` prints."""
        told: dict[str, Any] = {**self._about, "protocol": "2"}
        if self._board.builder is not None:
            told["page"] = "tree"
        if self._licence is not None:
            told["license"] = "required"
            if self._licence[0] == "public_key":
                told["license_public_key"] = self._licence[1]
        return told

    def get(self, path: str, *, only: Only = None) -> Adder:
        """`@plugin.get("/disks/{name}")`: the function below answers GET, and HEAD.

        Args:
            path: begins with a slash; `{name}` stands for one segment, which is in `request.params`.
            only: `admin` refuses everybody else with 403.
        """
        return self._route("GET", path, only)

    def post(self, path: str, *, only: Only = None) -> Adder:
        """The same for POST."""
        return self._route("POST", path, only)

    def put(self, path: str, *, only: Only = None) -> Adder:
        """The same for PUT."""
        return self._route("PUT", path, only)

    def patch(self, path: str, *, only: Only = None) -> Adder:
        """The same for PATCH."""
        return self._route("PATCH", path, only)

    def delete(self, path: str, *, only: Only = None) -> Adder:
        """The same for DELETE."""
        return self._route("DELETE", path, only)

    def every(self, seconds: float) -> Callable[[Work], Work]:
        """`@plugin.every(5)`: the function below is called at the start, and again 5 seconds after it has returned."""
        if seconds <= 0:
            raise ValueError("A time between two calls is more than 0 seconds.")

        def add(work: Work) -> Work:
            self._timers.append((seconds, work))
            return work

        return add

    def toast(self, message: str, kind: Kind = "info") -> None:
        """Shows a sentence to everybody who looks at the page: at most 10 a second."""
        self._link.send("event", {"name": "toast", "data": {"message": message, "kind": kind}})

    def require_license(self, *, public_key: str = "", secret: str = "") -> None:
        """Has the plugin run with a good licence key only. Call it before `run()`.

        Args:
            public_key: checks `v2.` keys, as `toru license keypair` printed it.
            secret: checks HMAC keys. Whoever has it can make keys, and it lies in your plugin.
        """
        if bool(public_key) == bool(secret):
            raise ValueError("require_license takes either a public_key or a secret.")
        self._licence = ("public_key", public_key) if public_key else ("secret", secret)

    def run(self) -> NoReturn:
        """Does what the command line and the environment say. Does not return."""
        path = os.environ.get("TORU_PLUGIN_SOCKET")
        if sys.argv[1:] or path is None:
            from toru_plugin.by_hand import answer

            sys.exit(answer(self.metadata, sys.argv))
        _end_on_sigterm()
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)  # what is printed shall be in the log at once
        if self._licence is not None:
            self._check_licence(*self._licence)
        try:
            self.serve(_accept(path))
        except Refused as refused:
            _end(NO_RESTART, str(refused))
        except (Broken, OSError) as error:
            _end(FAILED, f"The connection to Toru is of no use: {error}")
        _end(0)

    def serve(self, connection: socket.socket) -> None:
        """Speaks with Toru on a connection until one of them ends it; `run()` and tests call it."""
        Session(
            Frames(connection), self._link, self._board, self.kv, self._router, self.log, tuple(self._timers)
        ).serve()

    def _route(self, method: str, path: str, only: Only) -> Adder:
        def add(function: Function) -> Function:
            self._router.add(method, path, function, only)
            return function

        return add

    def _check_licence(self, kind: str, check: str) -> None:
        from toru_plugin.licences import BadLicence, require

        try:
            require(os.environ.get("TORU_LICENSE_KEY"), os.environ.get("TORU_INSTANCE_ID", ""), self.id, kind, check)
        except BadLicence as reason:
            _end(NO_RESTART, str(reason))


def _accept(path: str) -> socket.socket:
    """Listens, and takes the one connection."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(CONNECT_SECONDS)
        connection, _ = listener.accept()
    connection.settimeout(None)
    return connection


def _end_on_sigterm() -> None:
    """Python's handlers run in the main thread, once it is back from what it waits for.

    So a signal in the moment before it waits, or one that another thread took, would not be heard until Toru says
    something. The descriptor hears of it at once.
    """
    import signal

    def listen(told: socket.socket, tell: socket.socket) -> None:
        while told.recv(1)[0] != signal.SIGTERM:
            pass
        _end(0)

    told, tell = socket.socketpair()
    tell.setblocking(False)
    signal.set_wakeup_fd(tell.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: _end(0))
    threading.Thread(target=listen, args=(told, tell), name="signals", daemon=True).start()


def _end(code: int, sentence: str = "") -> NoReturn:
    """Ends the process at once: threads that still work must not hold it up."""
    try:
        sys.stdout.flush()
        if sentence:
            os.write(2, f"{sentence}\n".encode())
    except (OSError, RuntimeError, ValueError):
        pass  # nobody listens any more, or a thread was amid printing
    os._exit(code)
