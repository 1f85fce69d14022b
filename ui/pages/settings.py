"""Settings: the scripts folder, the limits of runs, and the quick actions that clients may run."""

from collections.abc import Mapping, Sequence

from nicegui import ui

from app.actions.schemas import ActionView
from app.core.errors import NotFound, StepUpNeeded, ToruError
from app.core.permissions import Actor
from app.services import Services
from app.settings.catalog import BACKUP, RETENTION
from app.settings.schemas import SettingView
from app.version import VERSION
from ui.backups import Backups
from ui.components.action_form import ActionForm
from ui.components.action_icon import action_picture
from ui.components.button import button, link_button
from ui.components.card import Card, card, grid
from ui.components.dialog import confirm
from ui.components.facts import code_block, facts
from ui.components.field import Field, Select, form, number_field, select_field, submit_button, text_field
from ui.components.retention import kept_words, removed_words
from ui.components.states import empty_state, failed_state, loading_state
from ui.components.table import Action, Cell, Column, DataTable, Pressed, Row, data_table
from ui.components.text import paragraph
from ui.feedback import sentence, toast
from ui.live import live
from ui.page import Page
from ui.session import acting, acting_on

PAGE = Page(path="/settings", title="Settings", icon="settings", menu=True, group="Manage")

COLUMNS = (
    Column("icon", "", "icon"),
    Column("name", "Name", "strong"),
    Column("script", "Script", "mono", classes="grow"),
    Column("actions", "", "actions"),
)

WORDS = {
    "off": "Only by hand",
    "6h": "Every 6 hours",
    "12h": "Every 12 hours",
    "1d": "Every day",
    "2d": "Every 2 days",
    "7d": "Every week",
    "30d": "Every 30 days",
}
"""Of choices that do not tell themselves."""


async def build(services: Services, actor: Actor) -> None:
    """Draws the page."""
    settings = services.settings.list(actor)
    with grid():
        with ui.element("div").classes("span-8 t-column"):
            quick_actions = QuickActions(services)
            keeping = Keeping(services)
            _form(services, _of_section(settings, RETENTION), keeping.card, "Save limits", beside=True)
            backups = Backups(services)
            schedule = card("Backups on schedule", "Best kept on another machine, too.", icon="calendar")
            _form(services, _of_section(settings, BACKUP), schedule, "Save schedule", beside=True)
        with ui.element("div").classes("span-4 t-column"):
            usual = [view for view in _of_section(settings, "") if view.setting.writable]
            limits = card("Scripts and runs", "Changes take effect at once.", icon="sliders-horizontal")
            _form(services, [view for view in usual if not view.setting.choices], limits, "Save changes")
            rules = card("Sign-in and plugins", "For everybody, at once.", icon="shield-check")
            _form(services, [view for view in usual if view.setting.choices], rules, "Save rules")
            _installation([view for view in settings if not view.setting.writable])
    await quick_actions.follow(actor)
    await keeping.follow(actor)
    await backups.follow(actor)


def _of_section(settings: Sequence[SettingView], section: str) -> list[SettingView]:
    return [view for view in settings if view.setting.section == section]


def _form(services: Services, views: Sequence[SettingView], frame: Card, action: str, *, beside: bool = False) -> None:
    """A form of settings; `beside` puts two in a line where there is room."""
    kept = {view.key: view.value for view in views}
    with frame, form() as made:
        with ui.element("div").classes("t-pairs" if beside else "t-stack"):
            fields = {view.key: _field(view) for view in views}
        submit_button(action)

    async def save(actor: Actor) -> None:
        await _save(services, actor, fields, kept)

    made.on_submit(acting(services, save))


def _field(view: SettingView) -> Field | Select:
    setting = view.setting
    if setting.choices:
        words = {choice: WORDS.get(choice, choice.capitalize()) for choice in setting.choices}
        return select_field(setting.title, words, view.value, hint=setting.help)
    if setting.unit:
        return number_field(setting.title, view.value, hint=setting.help, unit=setting.unit)
    return text_field(setting.title, view.value, hint=setting.help, mono=True, max_length=4096)


async def _save(services: Services, actor: Actor, fields: Mapping[str, Field | Select], kept: dict[str, str]) -> None:
    """Saves what was changed; a value that is refused says why and keeps the others from nothing."""
    changed = {key: field for key, field in fields.items() if field.value != kept[key]}
    refused = False
    for key, field in fields.items():
        field.say("")
        if key not in changed:
            continue
        try:
            kept[key] = field.value = (await services.settings.put(actor, key, field.value)).value
        except StepUpNeeded:
            raise
        except ToruError as error:
            field.say(str(error))
            refused = True
    if not changed:
        toast("Nothing has changed.", "info")
    elif not refused:
        toast("Settings saved.")


def _installation(views: Sequence[SettingView]) -> None:
    with card("This installation", icon="server"):
        facts({"Version": VERSION})
        for view in views:
            paragraph(view.setting.title, classes="t-sub")
            code_block(view.value, label=view.setting.title.lower())
        link_button("What pages are made of", "/components", kind="quiet", icon="layout-dashboard").classes("t-below")


class Keeping:
    """The card of what is kept for how long; its first line follows what retention does."""

    def __init__(self, services: Services) -> None:
        self._services = services
        about = "What is older, or more, goes by itself, half a minute after you save. What runs, and the audit, stays."
        self.card = card("What is kept", about, icon="archive")
        with self.card:
            self._told = paragraph("", classes="t-notice t-lead")

    async def follow(self, actor: Actor) -> None:
        """Tells how it stands, after each pass again."""
        await self._show(actor)
        live(self._services.retention.subscribe, acting(self._services, self._show))

    async def _show(self, actor: Actor) -> None:
        try:
            view = await self._services.retention.view(actor)
        except Exception as error:  # noqa: BLE001 - the rest of the page works without
            self._told.set_text(sentence(error))
            return
        self._told.set_text(f"{kept_words(view)} {removed_words(view.last)}")


class QuickActions:
    """The card with the quick actions; it follows every change, whoever makes it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._actions: list[ActionView] = []
        self._table: DataTable | None = None
        with card("Quick actions", "What everybody who is signed in may run.", icon="zap", classes="flush") as made:
            with made.actions:
                button("New", acting(services, self._make), kind="primary", icon="plus")
            self._place = ui.element("div")
            with self._place:
                loading_state()

    async def follow(self, actor: Actor) -> None:
        """Shows the actions and keeps them true until the page is left."""
        await self._load(actor)
        live(self._services.actions.subscribe, acting(self._services, self._load))

    async def _load(self, actor: Actor) -> None:
        try:
            await self._refresh(actor)
        except Exception as error:  # noqa: BLE001 - the rest of the page works without the actions
            self._table = None
            self._place.clear()
            with self._place:
                failed_state(sentence(error), acting(self._services, self._load))

    async def _refresh(self, actor: Actor) -> None:
        self._actions = await self._services.actions.list(actor)
        if self._actions and self._table is not None:
            self._table.set_rows(self._rows())
            return
        self._place.clear()
        self._table = None
        with self._place:
            if self._actions:
                handler = acting_on(self._services, self._pressed)
                self._table = data_table(COLUMNS, self._rows(), caption="Quick actions", on_action=handler)
            else:
                empty_state("No quick actions yet", "Make one for each script that clients may run.", icon="zap")

    def _rows(self) -> list[Row]:
        last = len(self._actions) - 1
        return [
            {
                "key": action.id,
                "icon": action_picture(action.icon),
                "name": action.name,
                "script": action.script_path,
                "mark": Cell("Dangerous", "warn", "shield-alert") if action.dangerous else None,
                "actions": [
                    Action("up", "arrow-up", f"Move {action.name} up", disabled=place == 0),
                    Action("down", "arrow-down", f"Move {action.name} down", disabled=place == last),
                    Action("edit", "pencil", f"Edit {action.name}"),
                    Action("delete", "trash-2", f"Delete {action.name}", classes="bad"),
                ],
            }
            for place, action in enumerate(self._actions)
        ]

    async def _pressed(self, actor: Actor, pressed: Pressed) -> None:
        action = await self._services.actions.get(actor, pressed.row)
        if pressed.name == "edit":
            await self._change(actor, action)
        elif pressed.name == "delete":
            await self._delete(action)
        else:
            await self._move(actor, action.id, -1 if pressed.name == "up" else 1)

    async def _make(self, actor: Actor) -> None:
        form = ActionForm("New quick action", await self._scripts(actor))

        async def save(actor: Actor) -> None:
            await self._services.actions.create(actor, form.name, form.script, form.icon, dangerous=form.dangerous)
            form.close()
            toast(f"{form.name} is ready.")

        await form.show("Create", acting(self._services, save))

    async def _change(self, actor: Actor, action: ActionView) -> None:
        scripts = await self._scripts(actor)
        form = ActionForm(
            "Edit quick action", scripts, action.name, action.script_path, action.icon, dangerous=action.dangerous
        )

        async def save(actor: Actor) -> None:
            await self._services.actions.update(
                actor,
                action.id,
                name=form.name,
                script_path=form.script,
                icon=form.icon,
                dangerous=form.dangerous,
            )
            form.close()
            toast("Quick action saved.")

        await form.show("Save quick action", acting(self._services, save))

    async def _delete(self, action: ActionView) -> None:
        async def delete(actor: Actor) -> None:
            await self._services.actions.delete(actor, action.id)
            toast(f"{action.name} is deleted.")

        text = f"“{action.name}” disappears for everybody. Its script and the runs in the history stay."
        if await confirm("Delete quick action?", text, action="Delete", danger=True):
            await acting(self._services, delete)()

    async def _move(self, actor: Actor, action_id: str, step: int) -> None:
        ids = [action.id for action in await self._services.actions.list(actor)]
        place = ids.index(action_id)
        ids.insert(max(0, place + step), ids.pop(place))
        await self._services.actions.order(actor, ids)

    async def _scripts(self, actor: Actor) -> list[str]:
        scripts = [script.name for script in await self._services.runs.scripts(actor)]
        if not scripts:
            raise NotFound("There is no script in the scripts folder yet.")
        return scripts
