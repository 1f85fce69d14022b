"""API tokens, for `toru token`."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.control import Handler
from app.core.permissions import Actor
from app.operations.fields import optional_number, optional_text, text, texts
from app.tokens.service import TokensService


def token_handlers(tokens: TokensService) -> dict[str, Handler]:
    """What `toru token` asks."""
    system = Actor.system()

    async def create(fields: Mapping[str, Any]) -> dict[str, Any]:
        username, days = optional_text(fields, "username"), optional_number(fields, "days")
        made = await tokens.create_for(system, username, text(fields, "name"), texts(fields, "scopes"), days)
        return {"token": made.token, **asdict(made.view)}

    async def list_all(_: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [asdict(view) for view in await tokens.list(system, everyone=True)]

    async def revoke(fields: Mapping[str, Any]) -> None:
        await tokens.revoke(system, text(fields, "token"))

    return {"token-create": create, "token-list": list_all, "token-revoke": revoke}
