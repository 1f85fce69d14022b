"""The dashboard: how the machine is, what can be started with one press, and what ran last."""

import asyncio
from collections.abc import Awaitable, Callable

from nicegui import ui

from app.core.permissions import Actor, Role
from app.runs.schemas import RunView
from app.services import Services
from ui.components.action_tiles import Tile, action_tiles
from ui.components.button import link_button
from ui.components.card import Card, card, grid
from ui.components.dialog import confirm_dangerous
from ui.components.load_chart import load_chart
from ui.components.machine import MachineFacts, MachineNotice
from ui.components.metric import metric
from ui.components.run_table import RUN_COLUMNS, run_row
from ui.components.states import empty_state, failed_state, loading_state
from ui.components.table import data_table
from ui.feedback import sentence
from ui.layout import set_title
from ui.live import live, spawn
from ui.page import Page
from ui.session import acting

PAGE = Page(path="/", title="Dashboard", icon="layout-dashboard", role=Role.CLIENT, menu=True, bar=True)

RECENT = 6
CALM = 0.4
"""Seconds in which changes are gathered before the list is drawn again: 200 starts are one change of the list."""


async def build(services: Services, actor: Actor) -> None:
    """Live figures are drawn by the browser; actions and runs by the server, each with its own failed state."""
    set_title(PAGE.title, _host(services))
    MachineNotice()
    with grid():
        for figure in ("cpu", "memory", "disk", "network"):
            metric(figure)
        with card("Load over time", "The last hour", classes="span-8"):
            load_chart()
        actions = QuickActions(services, actor, card("Quick actions", classes="span-4"))
        runs = RecentRuns(services, actor, card("Recent runs", classes="span-8 flush"))
        with card("This machine", classes="span-4"):
            MachineFacts(["host", "system", "kernel", "uptime", "load", "processes"])
    await asyncio.gather(actions.load(), runs.load())


def _host(services: Services) -> str:
    """Name and system of the machine, as far as it tells them."""
    snapshot = services.monitor.snapshot()
    if snapshot is None:
        return ""
    system = " ".join(part for part in (snapshot.system_name, snapshot.os_version) if part)
    return " · ".join(part for part in (snapshot.host_name, system) if part)


class Section:
    """A card whose content is loaded: first grey, then there, empty, or failed with another try."""

    def __init__(self, services: Services, actor: Actor, frame: Card) -> None:
        self.services = services
        self.actor = actor
        with frame:
            self.place = ui.element("div").classes("m-section")
        with self.place:
            loading_state()

    async def load(self) -> None:
        """Loads and draws."""
        try:
            draw = await self.fetch()
        except Exception as error:  # noqa: BLE001 - one card's fault must not take the page along
            draw = self._failed(sentence(error))
        if self.place.is_deleted:
            return
        self.place.clear()
        with self.place:
            draw()

    async def fetch(self) -> Callable[[], object]:
        """Gets what is to be shown and says how."""
        raise NotImplementedError

    def _failed(self, message: str) -> Callable[[], object]:
        async def again(actor: Actor) -> None:
            self.actor = actor
            await self.load()

        return lambda: failed_state(message, acting(self.services, again))


class QuickActions(Section):
    """The tiles; a press starts the action's script and opens the run."""

    def __init__(self, services: Services, actor: Actor, frame: Card) -> None:
        super().__init__(services, actor, frame)
        self._starting = False
        live(lambda changed: services.actions.subscribe(lambda: changed(None)), lambda _: self.load())

    async def fetch(self) -> Callable[[], object]:
        """The actions in their order."""
        actions = await self.services.actions.list(self.actor)
        if not actions:
            return self._none
        tiles = [Tile(action.id, action.name, action.icon, action.dangerous) for action in actions]
        return lambda: action_tiles(tiles, self._press)

    def _none(self) -> None:
        if not self.actor.is_admin:
            empty_state("No quick actions yet", "An administrator can prepare scripts for you here.", icon="rocket")
            return
        hint = "Put the scripts that you run often here, one press away. Clients can run only these."
        with empty_state("No quick actions yet", hint, icon="rocket"):
            link_button("Set up quick actions", "/settings")

    def _press(self, action_id: str) -> Callable[[object], Awaitable[None]]:
        async def press(actor: Actor) -> None:
            action = await self.services.actions.get(actor, action_id)
            if not action.dangerous or await confirm_dangerous(action.name):
                await acting(self.services, lambda actor: self._start(actor, action.script_path))()

        return acting(self.services, press)

    async def _start(self, actor: Actor, script: str) -> None:
        if self._starting:  # the second half of a double click
            return
        self._starting = True
        try:
            run = await self.services.runs.start(actor, script, tty=True)
        finally:
            self._starting = False
        ui.navigate.to(f"/run/{run.id}")


class RecentRuns(Section):
    """The newest runs with their states, which change as the runs do."""

    def __init__(self, services: Services, actor: Actor, frame: Card) -> None:
        super().__init__(services, actor, frame)
        self._waiting = False
        with frame.actions:
            link_button("All runs", "/history", kind="quiet")
        live(services.runs.subscribe, self._changed)

    async def fetch(self) -> Callable[[], object]:
        """The newest runs."""
        runs = (await self.services.runs.list(self.actor, limit=RECENT)).items
        if not runs:
            return self._none
        rows = [run_row(run) for run in runs]
        return lambda: data_table(RUN_COLUMNS, rows, caption="Recent runs")

    def _none(self) -> None:
        hint = "Start a script, and it shows here with how it went."
        with empty_state("Nothing has run yet", hint, icon="history"):
            if self.actor.is_admin:
                link_button("Choose a script", "/scripts")

    def _changed(self, _: RunView) -> None:
        if not self._waiting:
            self._waiting = True
            spawn(self._soon(), name="recent runs")

    async def _soon(self) -> None:
        await asyncio.sleep(CALM)
        self._waiting = False
        await self.load()
