"""What commands of `toru` may ask of the running core over its control socket."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.control import Handler
from app.core.errors import Malformed
from app.core.permissions import Actor
from app.services import Services


def control_handlers(services: Services) -> dict[str, Handler]:
    """Every command by name; whoever may open the socket owns the machine, so they act as the system."""

    async def user_add(fields: Mapping[str, Any]) -> dict[str, Any]:
        shown = _text(fields, "display_name") if fields.get("display_name") is not None else None
        user = await services.users.create(Actor.system(), _text(fields, "username"), _text(fields, "password"), shown)
        return asdict(user)

    return {"user-add": user_add}


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise Malformed(f"{name} must be text.")
    return value
