"""Every plugin as a card; administrators enable, disable and restart them here, everybody else looks."""

from collections.abc import Sequence
from typing import Final

from nicegui import ui

from app.core.permissions import Actor, Role
from app.plugins.schemas import PluginProblem, PluginView
from app.services import Services
from ui.components.button import button
from ui.components.card import card
from ui.components.facts import code_block
from ui.components.plugin_cards import PluginCards
from ui.components.states import empty_state
from ui.components.table import Column, data_table
from ui.components.text import paragraph
from ui.feedback import toast
from ui.live import live, spawn
from ui.page import Page
from ui.plugin_deeds import do_with_plugin, keep_figures
from ui.session import acting, acting_on, actor_now

PAGE = Page(path="/plugins", title="Plugins", icon="puzzle", role=Role.CLIENT, menu=True)

COLUMNS: Final = (Column("file", "File", "mono"), Column("reason", "Why", classes="grow t-wrap"))


async def build(services: Services, actor: Actor) -> None:
    """Shows them all."""
    page = PluginsPage(services, actor)
    live(services.plugins.subscribe, page.changed)
    await page.load(actor)
    spawn(keep_figures(services, ui.context.client, page.load), name="figures of plugins")
    if actor.is_admin:
        _instance(services)


class PluginsPage:
    """The cards, and the files that are refused."""

    def __init__(self, services: Services, actor: Actor) -> None:
        self._services = services
        self._client = ui.context.client
        self._acts = actor.is_admin
        self._cards: PluginCards | None = None
        self._problems: Sequence[PluginProblem] = ()
        self._place = ui.element("div")
        self._refused = ui.element("div")
        self._refused.set_visibility(False)

    async def changed(self, _plugin_id: str) -> None:
        """Some plugin changed, or the folder."""
        actor = actor_now(self._services, self._client)
        if actor is not None:
            await self.load(actor)

    async def load(self, actor: Actor) -> None:
        """Looks how they all are."""
        plugins = await self._services.plugins.list(actor)
        if plugins:
            self._show(plugins)
        elif self._cards is not None or not list(self._place):
            self._show_nothing()
        if actor.is_admin:
            self._show_problems(list(self._services.plugins.problems(actor)))

    def _show(self, plugins: Sequence[PluginView]) -> None:
        if self._cards is None:
            self._place.clear()
            with self._place:
                do = acting_on(self._services, lambda actor, wanted: do_with_plugin(self._services, actor, wanted))
                self._cards = PluginCards(do, acts=self._acts)
        self._cards.show(plugins)

    def _show_nothing(self) -> None:
        self._cards = None
        self._place.clear()
        with self._place, card(label="Plugins"):
            if not self._acts:
                empty_state("No plugins yet", "What an administrator adds appears here.", icon="puzzle")
                return
            hint = "Copy a plugin's .binary file into the folder below. It appears here and waits for you to enable it."
            with empty_state("No plugins yet", hint, icon="puzzle"), ui.element("div").classes("t-plugin-folder"):
                code_block(str(self._services.config.plugins_dir), label="the folder")

    # -- files that are no plugins

    def _show_problems(self, problems: Sequence[PluginProblem]) -> None:
        if problems == self._problems:
            return
        self._problems = problems
        self._refused.clear()
        self._refused.set_visibility(bool(problems))
        with self._refused, card("Files that are not run", icon="triangle-alert", classes="flush") as made:
            with made.actions:
                button("Look again", acting(self._services, self._look_again), icon="rotate-cw")
            rows = [{"key": problem.file, "file": problem.file, "reason": problem.reason} for problem in problems]
            data_table(COLUMNS, rows, caption="Files that are not run")

    async def _look_again(self, actor: Actor) -> None:
        left = await self._services.plugins.look_again(actor)
        self._show_problems(list(left))
        toast("The folder was read again." if left else "Every file is a plugin now.")


def _instance(services: Services) -> None:
    """What whoever makes licence keys asks for."""
    with card("Instance id", "Licence keys are made for it.", icon="key-round"):
        code_block(services.settings.instance_id, label="the instance id")
        paragraph("It was made at the first start and never changes.", classes="t-sub t-plugin-note")
