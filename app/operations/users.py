"""Accounts, for `toru user`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from app.control import Handler
from app.core.permissions import Actor
from app.operations.fields import flag, optional_text, text
from app.users.schemas import UserView
from app.users.service import UsersService

RemoveFactor = Callable[[str], Awaitable[UserView]]


def user_handlers(users: UsersService, remove_factor: RemoveFactor) -> dict[str, Handler]:
    """What `toru user` asks.

    Args:
        remove_factor: takes the second factor from whoever signs in under a name.
    """
    system = Actor.system()

    async def named(fields: Mapping[str, Any]) -> tuple[UserView, str]:
        user = await users.client_named(system, text(fields, "username"))
        return user, str(user.id)

    async def add(fields: Mapping[str, Any]) -> dict[str, Any]:
        shown = optional_text(fields, "display_name")
        return asdict(await users.create(system, text(fields, "username"), text(fields, "password"), shown))

    async def list_all(_: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [asdict(user) for user in (users.admin, *await users.list(system))]

    async def set_active(fields: Mapping[str, Any]) -> dict[str, Any]:
        _, user_id = await named(fields)
        return asdict(await users.update(system, user_id, is_active=flag(fields, "active")))

    async def delete(fields: Mapping[str, Any]) -> dict[str, Any]:
        user, user_id = await named(fields)
        await users.delete(system, user_id)
        return asdict(user)

    async def reset_password(fields: Mapping[str, Any]) -> dict[str, Any]:
        user, user_id = await named(fields)
        await users.set_password(system, user_id, text(fields, "password"))
        return asdict(user)

    async def remove_second_factor(fields: Mapping[str, Any]) -> dict[str, Any]:
        return asdict(await remove_factor(text(fields, "username")))

    return {
        "user-add": add,
        "user-list": list_all,
        "user-set-active": set_active,
        "user-delete": delete,
        "user-reset-password": reset_password,
        "user-remove-second-factor": remove_second_factor,
    }
