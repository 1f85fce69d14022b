"""One's own account: who is signed in, the password, and how this browser shows things."""

from nicegui import ui

from app.core.errors import BadValue, NotSignedIn
from app.core.passwords import RULE
from app.core.permissions import Actor, Role
from app.services import Services
from ui.components.button import button
from ui.components.card import card, grid
from ui.components.facts import facts
from ui.components.field import form, password_field, submit_button
from ui.components.text import paragraph
from ui.components.theme_choice import ThemeChoice
from ui.components.times import date
from ui.feedback import toast
from ui.page import Page
from ui.session import acting

PAGE = Page(path="/account", title="Account", icon="user-round", role=Role.CLIENT, parent="/")


async def build(services: Services, actor: Actor) -> None:
    """Draws the page."""
    with grid():
        with ui.element("div").classes("span-6 t-column"):
            _who(services, actor)
            with card("Appearance", "Kept by this browser.", icon="sun-moon"):
                ThemeChoice()
        with ui.element("div").classes("span-6 t-column"):
            if actor.user_id is None:
                _password_of_administrator()
            else:
                _password(services)


def _who(services: Services, actor: Actor) -> None:
    session = services.auth.session_by_id(actor.session_id)
    with card(actor.display_name, "Administrator" if actor.is_admin else "Client", icon="user-round"):
        facts(
            {
                "User name": actor.username,
                "Signed in": (lambda: date(session.created_at)) if session else None,
                "From": session.address or None if session else None,
                "Session ends": (lambda: date(session.expires_at)) if session else None,
            }
        )
        button("Sign out", icon="log-out", kind="danger-plain", classes="t-below").props("data-sign-out")


def _password_of_administrator() -> None:
    with card("Password", "Kept outside of Toru.", icon="key-round"):
        paragraph(
            "Your password is the value of ADMIN_PASSWORD in the environment of this server (or in its .env file). "
            "Change it there and restart Toru; all of your sessions end with it."
        )


def _password(services: Services) -> None:
    with card("Password", "Other browsers are signed out when it changes.", icon="key-round"), form() as made:
        current = password_field("Current password")
        new = password_field("New password", hint=RULE, new=True)
        again = password_field("New password, once more", new=True)
        submit_button("Change password")

    async def change(actor: Actor) -> None:
        for field in (current, new, again):
            field.say("")
        if new.value != again.value:
            again.say("The two do not match.")
            return
        try:
            await services.auth.change_own_password(actor, current.value, new.value)
        except NotSignedIn as error:
            current.say(str(error))
        except BadValue as error:
            new.say(str(error))
        else:
            for field in (current, new, again):
                field.value = ""
            toast("Password changed.")

    made.on_submit(acting(services, change))
