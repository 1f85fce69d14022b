"""For who has lost everything that proves it, the phone and the recovery codes: whoever owns the machine may help."""

from app.core.errors import Conflict, NotFound
from app.core.permissions import Actor
from app.second_factor.factors import Factors
from app.users.schemas import UserView
from app.users.service import UsersService


async def remove_named(factors: Factors, users: UsersService, username: str) -> UserView:
    """Removes the second factor of whoever signs in under this name, the administrator included.

    Raises:
        NotFound: nobody does.
        Conflict: there is none.
    """
    account = await users.account(username)
    if account is None:
        raise NotFound(f"Nobody signs in as {username}.")
    user = account.user
    if not factors.has(user.id):
        raise Conflict(f"{user.username} has no second factor.")
    await factors.remove(Actor.system(), user.id, user.username)
    return user
