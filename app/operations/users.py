"""Accounts, for `toru user`."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.control import Handler
from app.core.permissions import Actor
from app.operations.fields import text
from app.services import Services


def user_handlers(services: Services) -> dict[str, Handler]:
    """What `toru user` asks."""

    async def add(fields: Mapping[str, Any]) -> dict[str, Any]:
        shown = text(fields, "display_name") if fields.get("display_name") is not None else None
        user = await services.users.create(Actor.system(), text(fields, "username"), text(fields, "password"), shown)
        return asdict(user)

    async def remove_second_factor(fields: Mapping[str, Any]) -> str:
        user = await services.second_factor.remove_named(Actor.system(), text(fields, "username"))
        return user.username

    return {"user-add": add, "user-remove-second-factor": remove_second_factor}
