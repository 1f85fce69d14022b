"""The card of backups on the settings page: the last one, the next one, and the files, to take away or to delete."""

from typing import Any, Final

from nicegui import ui

from app.backup.schemas import BackupState, BackupView
from app.core.errors import BadValue
from app.core.permissions import Actor
from app.services import Services
from ui.components.button import button
from ui.components.card import card
from ui.components.check_list import CheckList, Option
from ui.components.dialog import confirm, dialog
from ui.components.facts import facts
from ui.components.field import form, password_field
from ui.components.icon import icon
from ui.components.states import empty_state, failed_state, loading_state
from ui.components.table import Action, Cell, Column, Pressed, Row, data_table
from ui.components.text import paragraph, span
from ui.components.times import ago, date, elapsed
from ui.feedback import sentence, toast
from ui.live import live
from ui.session import acting, acting_on

COLUMNS: Final = (
    Column("made_at", "Made", "date"),
    Column("how", "How", classes="t-fit"),
    Column("protection", "Protection", "chip"),
    Column("size", "Size", "bytes"),
    Column("actions", "", "actions"),
)
OUTPUTS: Final = "outputs"


class Backups:
    """The card; it follows every change, whoever makes it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._state: BackupState | None = None
        with card("Backups", "Everything in one file.", icon="database-backup", classes="flush") as made:
            with made.actions:
                self._button = button("Back up now", acting(services, self._ask), kind="primary", icon="plus")
            self._place = ui.element("div").classes("t-section")
            with self._place:
                loading_state(2)

    async def follow(self, actor: Actor) -> None:
        """Shows how things stand, and keeps it true until the page is left."""
        await self._load(actor)
        live(self._services.backups.subscribe, acting(self._services, self._load))

    async def _load(self, actor: Actor) -> None:
        try:
            self._state = await self._services.backups.state(actor)
        except Exception as error:  # noqa: BLE001 - the rest of the page works without the backups
            told = sentence(error)
            self._clear()
            with self._place:
                failed_state(told, acting(self._services, self._load))
            return
        self._clear()
        self._button.set_enabled(self._state.running_since is None)
        with self._place:
            self._draw(self._state)

    def _clear(self) -> None:
        if not self._place.is_deleted:
            self._place.clear()

    def _draw(self, state: BackupState) -> None:
        if (told := _trouble(state)) is not None:
            with ui.element("div").classes("t-notice bad").props("role=alert"):
                icon("circle-alert")
                span(told)
        facts(self._facts(state))
        if state.backups:
            handler = acting_on(self._services, self._pressed)
            data_table(COLUMNS, [_row(view) for view in state.backups], caption="Backups", on_action=handler)
        elif state.running_since is None and state.problem is None:
            empty_state(
                "No backups yet",
                "One file holds database, keys, settings, plugins and scripts. Make one now, or choose a schedule.",
                icon="database-backup",
            )

    def _facts(self, state: BackupState) -> dict[str, Any]:
        newest = state.backups[0] if state.backups else None
        return {
            "Being made": None if state.running_since is None else (lambda: elapsed(state.running_since)),
            "Last backup": None if newest is None else (lambda: ago(newest.made_at)),
            "Next one": "only by hand" if state.next_at is None else (lambda: date(state.next_at)),
            "Folder": state.folder,
            "Passphrase": "kept on this machine: backups are encrypted" if state.encrypts else None,
        }

    async def _ask(self, _: Actor) -> None:
        made = dialog("Back up now")
        with made.body, form() as asked:
            paragraph("It takes a moment, and nothing stands still meanwhile.")
            what = CheckList("With it", [Option(OUTPUTS, "What runs printed", "May be large.")])
            first = password_field("Passphrase", hint=_passphrase_hint(self._state), new=True)
            again = password_field("Passphrase once more", new=True)

        async def begin(actor: Actor) -> None:
            first.say("")
            again.say("")
            if first.value != again.value:
                again.say("This is another one.")
                return
            try:
                await self._services.backups.start(actor, outputs=OUTPUTS in what.value, passphrase=first.value or None)
            except BadValue as error:
                first.say(str(error))
                return
            made.submit(True)

        asked.on_submit(acting(self._services, begin))
        with made.foot:
            button("Cancel", lambda _: made.submit(None))
            button("Begin", acting(self._services, begin), kind="primary")
        try:
            await made
        finally:
            made.discard()

    async def _pressed(self, actor: Actor, pressed: Pressed) -> None:
        if pressed.name == "download":
            await self._services.backups.require_download(actor, pressed.row)
            ui.download.from_url(f"/api/backups/{pressed.row}")
            return

        async def delete(actor: Actor) -> None:
            await self._services.backups.delete(actor, pressed.row)
            toast("The backup is deleted.")

        text = f"{pressed.row} is gone for good, here; copies of it elsewhere stay."
        if await confirm("Delete this backup?", text, action="Delete", danger=True):
            await acting(self._services, delete)()


def _passphrase_hint(state: BackupState | None) -> str:
    if state is not None and state.encrypts:
        return "Empty: the one that is kept on this machine."
    return "Empty: not encrypted. A lost passphrase cannot be got back."


def _trouble(state: BackupState) -> str | None:
    """What is wrong now, or went wrong with the newest try."""
    if state.running_since is None and state.failure is not None:
        return f"The last try failed: {state.failure.reason}"
    return state.problem


def _row(view: BackupView) -> Row:
    what = view.made_at[:16].replace("T", " ")
    return {
        "key": view.name,
        "made_at": view.made_at,
        "how": "Schedule" if view.scheduled else "By hand",
        "protection": Cell("Encrypted", "ok", "lock") if view.encrypted else Cell("Not encrypted", "neutral"),
        "size": view.size,
        "actions": [
            Action("download", "download", f"Download the backup of {what}"),
            Action("delete", "trash-2", f"Delete the backup of {what}", classes="bad"),
        ],
    }
