"""What commands of `toru` may ask of the running core over its control socket."""

from collections.abc import Mapping
from typing import Any

from app.control import Handler
from app.operations.audit import audit_handlers
from app.operations.fleet import fleet_handlers
from app.operations.plugins import plugin_handlers
from app.operations.users import user_handlers
from app.services import Services
from app.version import VERSION


def control_handlers(services: Services) -> dict[str, Handler]:
    """Every command by name; whoever may open the socket owns the machine, so they act as the system."""

    async def version(_: Mapping[str, Any]) -> str:
        return VERSION

    return {
        "version": version,
        **user_handlers(services),
        **audit_handlers(services.audit),
        **plugin_handlers(services),
        **fleet_handlers(services.fleet, services.tokens),
    }
