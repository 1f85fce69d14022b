"""Who one is: the name that others see, and this sign-in."""

from app.core.errors import BadValue
from app.core.permissions import Actor
from app.services import Services
from ui.components.button import button
from ui.components.card import card
from ui.components.facts import facts
from ui.components.field import form, submit_button, text_field
from ui.components.times import date
from ui.feedback import toast
from ui.session import acting


def identity(services: Services, actor: Actor) -> None:
    """The card; a client changes its display name here, the administrator's is in the environment."""
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
        if actor.user_id is not None:
            _name(services, actor)
        button("Sign out", icon="log-out", kind="danger-plain", classes="t-below").props("data-sign-out")


def _name(services: Services, actor: Actor) -> None:
    shown = "" if actor.display_name == actor.username else actor.display_name
    with form() as made:
        name = text_field("Display name", shown, hint="What others see; empty for the user name.")
        submit_button("Save name")

    async def save(actor: Actor) -> None:
        name.say("")
        try:
            await services.users.change_own_display_name(actor, name.value)
        except BadValue as error:
            name.say(str(error))
        else:
            toast("Name saved. It shows everywhere from the next page on.")

    made.on_submit(acting(services, save))
