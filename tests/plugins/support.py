"""Plugins that tests write, and the services around them on a folder of their own."""

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from app.audit.trail import AuditTrail
from app.core.clock import Clock
from app.core.config import Config, load_config
from app.core.database import Database
from app.core.permissions import Actor, Role
from app.plugins.figures import PluginFigures
from app.plugins.licence_store import LicenceStore
from app.plugins.logs import PluginLogs
from app.plugins.schemas import PluginState, PluginView
from app.plugins.service import PluginsService
from app.plugins.values import PluginValues
from app.plugins.wire import PluginAnswer, PluginRequest
from app.settings.service import SettingsService

SAMPLES = Path(__file__).resolve().parent / "samples"
ADMIN = Actor(None, "admin", "Administrator", Role.ADMIN)
CARLA = Actor("c" * 32, "carla", "Carla", Role.CLIENT)

START = """#!{python} -IS
import sys
sys.path.insert(0, {samples!r})
from plugin_kit import *
describe({metadata!r})
"""


def metadata(plugin_id: str, **fields: object) -> dict[str, object]:
    """What a plugin says of itself when nothing else matters."""
    return {
        "id": plugin_id,
        "name": plugin_id.capitalize(),
        "version": "1.0",
        "icon": "🧩",
        "route": f"/{plugin_id}",
        **fields,
    }


def text_of(plugin_id: str, code: str = "serve1()", **fields: object) -> str:
    """The text of a plugin: Python after its metadata was asked for."""
    start = START.format(python=sys.executable, samples=str(SAMPLES), metadata=metadata(plugin_id, **fields))
    return f"{start}{code}\n"


def write(path: Path, text: str, mode: int = 0o755) -> Path:
    """Puts an executable in its place by renaming, so that it is there whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.chmod(mode)
    return new.rename(path)


@dataclass
class Plugged:
    """Services on a folder of their own."""

    config: Config
    database: Database
    trail: AuditTrail
    settings: SettingsService
    logs: PluginLogs
    values: PluginValues
    licences: LicenceStore
    plugins: PluginsService
    pauses: list[float]

    @property
    def folder(self) -> Path:
        """The plugins folder."""
        return self.config.plugins_dir

    def write(self, plugin_id: str, code: str = "serve1()", **fields: object) -> Path:
        """Writes a plugin."""
        return write(self.folder / f"{plugin_id}.binary", text_of(plugin_id, code, **fields))

    async def until(self, plugin_id: str, wanted: Callable[[PluginView], bool], seconds: float = 15) -> PluginView:
        """Waits until a plugin is as wanted."""
        news = asyncio.Event()
        end = self.plugins.subscribe(lambda _: news.set())
        view = None
        try:
            async with asyncio.timeout(seconds):
                while True:
                    news.clear()
                    view = {one.id: one for one in await self.plugins.list(ADMIN)}.get(plugin_id)
                    if view is not None and wanted(view):
                        return view
                    await news.wait()
        except TimeoutError:
            raise AssertionError(f"It is {view}; problems: {self.plugins.problems(ADMIN)}") from None
        finally:
            end()

    async def until_problem(self, file: str, seconds: float = 15) -> str:
        """Waits until a file is refused; answers why."""
        news = asyncio.Event()
        end = self.plugins.subscribe(lambda _: news.set())
        try:
            async with asyncio.timeout(seconds):
                while True:
                    news.clear()
                    for problem in self.plugins.problems(ADMIN):
                        if problem.file == file:
                            return problem.reason
                    await news.wait()
        finally:
            end()

    async def until_state(self, plugin_id: str, state: PluginState, seconds: float = 15) -> PluginView:
        """Waits for a state."""
        return await self.until(plugin_id, lambda view: view.state is state, seconds)

    async def until_crashed(self, plugin_id: str) -> PluginView:
        """Waits until it is told why a process ended; that it has is told a moment before."""
        return await self.until(plugin_id, lambda view: view.state is PluginState.WAITING and view.reason is not None)

    async def ready(self, plugin_id: str, code: str = "serve1()", **fields: object) -> PluginView:
        """Writes a plugin, enables it, and waits until it is ready."""
        self.write(plugin_id, code, **fields)
        await self.until(plugin_id, lambda view: True)
        await self.plugins.enable(ADMIN, plugin_id)
        return await self.until_state(plugin_id, PluginState.READY)

    async def ask(self, plugin_id: str, path: str = "/", method: str = "GET", body: bytes = b"") -> PluginAnswer:
        """One request, as the administrator."""
        return await self.plugins.send(ADMIN, plugin_id, PluginRequest(method, path, {"accept": "*/*"}, body))

    def log_of(self, plugin_id: str) -> str:
        """What the log files of a plugin hold, oldest first: a flood has them rotated."""
        path = self.logs.path(plugin_id)
        return "".join(file.read_text() for file in sorted(path.parent.glob(f"{path.name}*"), reverse=True))

    def processes_of(self, plugin_id: str) -> list[psutil.Process]:
        """The living processes of a plugin, by the marker in their environment."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                environment = process.environ()
                ours = environment.get("TORU_PLUGIN_SOCKET", "").startswith(f"{self.config.data_dir}/")
                if ours and environment.get("TORU_PLUGIN_ID") == plugin_id and process.status() != "zombie":
                    found.append(process)
        return found

    def service(self, clock: Clock, pause: Callable[[float], Awaitable[None]] | None = None) -> PluginsService:
        """A service on these folders."""

        async def noted(seconds: float) -> None:
            self.pauses.append(seconds)
            await (pause or asyncio.sleep)(seconds)

        return PluginsService(
            self.config,
            self.settings,
            self.logs,
            self.values,
            self.licences,
            PluginFigures(clock),
            self.trail,
            clock,
            noted,
        )

    async def restart(self) -> None:
        """Another service on the same folders, after the first one was closed."""
        await self.plugins.close()
        self.plugins = self.service(Clock())
        await self.plugins.open()


@asynccontextmanager
async def open_plugged(
    template: Path, clock: Clock | None = None, pause: Callable[[float], Awaitable[None]] | None = None
) -> AsyncIterator[Plugged]:
    """Opens services below a fresh folder, whose path is short; at the end every plugin is stopped."""
    clock = clock or Clock()
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="toru-test-"))
    for name in ("data", "plugins", "scripts"):
        (folder / name).mkdir(mode=0o700)
    names = {
        "TORU_DATA_DIR": "data",
        "TORU_PLUGINS_DIR": "plugins",
        "TORU_SCRIPTS_DIR": "scripts",
        "TORU_LOG_DIR": "logs",
    }
    config = load_config({name: str(folder / value) for name, value in names.items()}, env_file=None)
    path = config.data_dir / "toru.db"
    await asyncio.to_thread(shutil.copyfile, template, path)
    database = Database(path)
    await database.open()
    trail = AuditTrail(database, clock)
    settings = SettingsService(database, config, trail, clock)
    await settings.open()
    logs = PluginLogs(config.log_dir, clock)
    values = PluginValues(database, trail, clock)
    await values.open()
    licences = LicenceStore(database, lambda: settings.instance_id, clock, trail)
    await licences.open()
    plugged = Plugged(config, database, trail, settings, logs, values, licences, None, [])  # type: ignore[arg-type]
    plugged.plugins = plugged.service(clock, pause)
    await plugged.plugins.open()
    try:
        yield plugged
    finally:
        await plugged.plugins.close()
        await licences.close()
        await logs.close()
        await database.close()
        await asyncio.to_thread(shutil.rmtree, folder)


def connection_of(plugged: Plugged, plugin_id: str) -> Any:
    """The connection to a plugin's process, for what nobody else sees."""
    life = plugged.plugins._find(plugin_id)._life
    assert life is not None
    return life._connection
