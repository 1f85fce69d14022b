"""What commands of `toru` may ask of the running core over its control socket."""

from collections.abc import Mapping
from typing import Any

from app.control import Handler, Streamer
from app.core.permissions import Actor
from app.operations.audit import audit_handlers
from app.operations.backups import backup_handlers
from app.operations.fleet import fleet_handlers
from app.operations.plugins import plugin_handlers
from app.operations.runs import run_handlers, run_streamers
from app.operations.status import status_handlers
from app.operations.tokens import token_handlers
from app.operations.users import user_handlers
from app.services import Services
from app.users.schemas import UserView
from app.version import VERSION


def control_handlers(services: Services) -> dict[str, Handler]:
    """Every command by name; whoever may open the socket owns the machine, so they act as the system."""

    async def version(_: Mapping[str, Any]) -> str:
        return VERSION

    async def remove_factor(username: str) -> UserView:
        return await services.second_factor.remove_named(Actor.system(), username)

    return {
        "version": version,
        **status_handlers(services),
        **user_handlers(services.users, remove_factor),
        **token_handlers(services.tokens),
        **run_handlers(services.runs),
        **audit_handlers(services.audit),
        **plugin_handlers(services),
        **backup_handlers(services.backups),
        **fleet_handlers(services.fleet, services.tokens),
    }


def control_streamers(services: Services) -> dict[str, Streamer]:
    """The commands whose answer comes bit by bit."""
    return run_streamers(services.runs)
