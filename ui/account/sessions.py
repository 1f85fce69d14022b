"""Where one is signed in: every browser, and ending what one does not know."""

from collections.abc import Sequence
from typing import Any, Final

from app.auth.schemas import SessionEntry
from app.core.permissions import Actor
from app.services import Services
from ui.account.section import Section
from ui.components.button import button
from ui.components.card import card
from ui.components.dialog import confirm
from ui.components.table import Action, Cell, Column, Pressed, data_table
from ui.feedback import toast
from ui.session import acting, acting_on

COLUMNS: Final = (
    Column("browser", "Browser", "strong"),
    Column("address", "Address", none="unknown address"),
    Column("last_seen_at", "Last seen", "time"),
    Column("actions", "", "actions"),
)


class Sessions(Section):
    """The card."""

    def __init__(self, services: Services) -> None:
        self._sessions: Sequence[SessionEntry] = ()
        with card("Where you are signed in", icon="monitor", classes="flush") as frame, frame.actions:
            self._others = button("End all others", acting(services, self._end_others))
        self._others.set_visibility(False)
        super().__init__(services, frame)

    async def fetch(self, actor: Actor) -> None:
        """The sessions, this one first."""
        sessions = await self.services.auth.sessions_of(actor)
        self._sessions = sorted(sessions, key=lambda session: not session.current)

    def draw(self) -> None:
        """One row each."""
        self._others.set_visibility(len(self._sessions) > 1)
        rows = [_row(session) for session in self._sessions]
        data_table(COLUMNS, rows, caption="Your sessions", on_action=acting_on(self.services, self._end))

    async def _end(self, actor: Actor, pressed: Pressed) -> None:
        await self.services.auth.end_session(actor, pressed.row)
        toast("Signed out there.")
        await self.load(actor)

    async def _end_others(self, _: Actor) -> None:
        async def end(actor: Actor) -> None:
            await self.services.auth.end_other_sessions(actor)
            toast("Only this browser is signed in now.")
            await self.load(actor)

        text = "Every other browser has to sign in again. API tokens go on working."
        if await confirm("End all other sessions?", text, action="End them", danger=True):
            await acting(self.services, end)()


def _row(session: SessionEntry) -> dict[str, Any]:
    end = Action("end", "log-out", f"End the session of {session.browser}", classes="bad")
    return {
        "key": session.id,
        "browser": session.browser,
        "mark": Cell("This browser", "ok", "circle-check") if session.current else None,
        "address": session.address,
        "last_seen_at": session.last_seen_at,
        "actions": [] if session.current else [end],
    }
