"""What the tests of tokens have in common."""

from app.auth.schemas import SignedIn
from app.core.permissions import Actor
from tests.auth.support import CLARA, CLARA_PASSWORD, HOME, Door


def actor_of(signed_in: SignedIn) -> Actor:
    """The person who has just signed in."""
    return signed_in.session.actor(HOME)


async def admin_of(door: Door) -> Actor:
    """The administrator, signed in."""
    return actor_of(await door.enter())


async def clara_of(door: Door) -> Actor:
    """A client, made and signed in."""
    await door.add_clara()
    return actor_of(await door.enter(CLARA, CLARA_PASSWORD))
