"""One's own password."""

from app.core.errors import BadValue, NotSignedIn
from app.core.passwords import RULE
from app.core.permissions import Actor
from app.services import Services
from ui.components.card import card
from ui.components.field import form, password_field, submit_button
from ui.components.text import paragraph
from ui.feedback import toast
from ui.session import acting


def password(services: Services, actor: Actor) -> None:
    """The card; the administrator is told where its own lives."""
    if actor.user_id is None:
        _of_administrator()
    else:
        _of_client(services)


def _of_administrator() -> None:
    with card("Password", "Kept outside of Toru.", icon="key-round"):
        paragraph(
            "Your password is the value of ADMIN_PASSWORD in the environment of this server (or in its .env file). "
            "Change it there and restart Toru; all of your sessions and tokens end with it."
        )


def _of_client(services: Services) -> None:
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
