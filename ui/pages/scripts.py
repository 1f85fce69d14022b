"""The scripts folder: find a script, start it, with arguments where it takes some."""

import shlex
from collections.abc import Sequence

from nicegui import ui

from app.core.errors import ToruError
from app.core.permissions import Actor, Role
from app.runs.schemas import ScriptView
from app.services import Services
from ui.components.button import button, icon_button, link_button
from ui.components.card import card
from ui.components.dialog import confirm_dangerous, dialog
from ui.components.field import search_field, text_field
from ui.components.icon import icon
from ui.components.script_list import ScriptList
from ui.components.states import empty_state, failed_state
from ui.components.text import paragraph, span
from ui.feedback import toast
from ui.live import spawn
from ui.page import Page
from ui.session import acting, acting_on

PAGE = Page(path="/scripts", title="Scripts", icon="scroll-text", role=Role.ADMIN, menu=True, bar=True)
MOST_ROWS = 200


async def build(services: Services, actor: Actor, script: str | None = None) -> None:
    """Shows the folder; `script` is the name of one whose dialog is opened at once."""
    page = ScriptsPage(services)
    await page.load(actor)
    if script is not None:
        spawn(page.choose(script), name=f"dialog of {script}")


class ScriptsPage:
    """The list, its search, and the dialog in which a script gets arguments."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._scripts: Sequence[ScriptView] = ()
        self._dangerous: set[str] = set()
        self._starting = False
        self._list: ScriptList | None = None
        with ui.element("div").classes("t-row"):
            self._search = search_field("Search scripts", lambda _: self._show())
            self._count = span("", classes="t-sub t-num grow script-count")
            icon_button("refresh-cw", "Look at the folder again", acting(services, self.load))
        self._place = ui.element("div")

    async def load(self, actor: Actor) -> None:
        """Looks at the folder again."""
        try:
            self._scripts = await self._services.runs.scripts(actor)
            actions = await self._services.actions.list(actor)
            self._dangerous = {action.script_path for action in actions if action.dangerous}
        except ToruError as error:
            self._scripts = ()
            self._count.set_text("")
            self._clear()
            with self._place, card():
                failed_state(str(error), acting(self._services, self.load))
            return
        self._show()

    async def choose(self, name: str) -> None:
        """Opens the dialog of a script, where the folder has it, until it is closed."""
        script = next((script for script in self._scripts if script.name == name), None)
        if script is None:
            toast(f"The folder has no script {name}.", "warn")
        else:
            await self._ask(script)

    def _show(self) -> None:
        words = (self._search.value or "").casefold().split()
        found = [script for script in self._scripts if _matches(script, words)]
        self._count.set_text(_counted(len(found), len(self._scripts)))
        if self._list is not None and 0 < len(found) <= MOST_ROWS:
            self._list.set_scripts(found, self._dangerous)
            return
        self._clear()
        with self._place, card(classes="flush", label="Scripts"):
            if not self._scripts:
                folder = self._services.settings.scripts_dir
                with empty_state("No scripts yet", f"Put files ending in .sh or .bash into {folder}."):
                    link_button("Choose another folder", "/settings")
            elif not found:
                with empty_state("No script matches", "Try a part of a name.", icon="search-x"):
                    pass
            else:
                self._show_list(found)

    def _clear(self) -> None:
        self._list = None
        self._place.clear()

    def _show_list(self, found: Sequence[ScriptView]) -> None:
        run = acting_on(self._services, lambda _, event: self._run(str(event.args)))
        made = ScriptList(
            found[:MOST_ROWS],
            dangerous=self._dangerous,
            on_run=run,
            on_choose=lambda event: self.choose(str(event.args)),
        )
        if len(found) > MOST_ROWS:
            paragraph(f"{len(found) - MOST_ROWS} more; search to see them.", classes="t-sub script-more")
        else:
            self._list = made

    async def _run(self, name: str) -> None:
        if name not in self._dangerous or await confirm_dangerous(name):
            await acting(self._services, lambda actor: self._start(actor, name, ()))()

    async def _start(self, actor: Actor, name: str, args: Sequence[str]) -> None:
        if self._starting:
            return  # the second half of a double click
        self._starting = True
        try:
            run = await self._services.runs.start(actor, name, args, tty=True)
        finally:
            self._starting = False
        ui.navigate.to(f"/run/{run.id}")

    async def _ask(self, script: ScriptView) -> None:
        made = dialog(script.name)
        with made.body:
            if script.description:
                paragraph(script.description)
            if script.warning:
                with ui.element("div").classes("t-notice warn"):
                    icon("triangle-alert")
                    span(script.warning)
            field = text_field(
                "Arguments", hint="As in a shell: quotes keep words together. Nothing else is expanded.", mono=True
            )

        async def run(actor: Actor) -> None:
            try:
                args = shlex.split(field.value)
            except ValueError:
                field.say("A quote or a backslash at the end is left open.")
                return
            if script.name in self._dangerous and not await confirm_dangerous(script.name):
                return
            await self._start(actor, script.name, args)
            made.submit(None)

        with made.foot:
            button("Close", lambda _: made.submit(None))
            button("Run", acting(self._services, run), kind="primary", icon="play")
        field.input.on("keydown.enter", acting(self._services, run))
        try:
            await made
        finally:
            made.discard()


def _matches(script: ScriptView, words: Sequence[str]) -> bool:
    text = f"{script.name} {script.description or ''}".casefold()
    return all(word in text for word in words)


def _counted(found: int, all_of_them: int) -> str:
    if found < all_of_them:
        return f"{found} of {all_of_them}"
    return "1 script" if found == 1 else f"{found} scripts"
