"""Machines, for `toru fleet`."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from app.control import Handler
from app.core.errors import Malformed
from app.core.permissions import Actor
from app.fleet.service import FleetService
from app.operations.fields import text
from app.tokens.service import TokensService

MOST_AT_ONCE = 1 << 19
"""Bytes of machines in one answer: a frame holds no more than twice as many."""


def fleet_handlers(fleet: FleetService, tokens: TokensService) -> dict[str, Handler]:
    """What `toru fleet` asks."""
    system = Actor.system()

    async def list_after(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
        after, told, size = text(fields, "after"), list[dict[str, Any]](), 0
        for machine in await fleet.list(system):
            if machine.name > after and size < MOST_AT_ONCE:
                told.append(asdict(machine))
                size += len(json.dumps(told[-1]))
        return told

    async def add(fields: Mapping[str, Any]) -> dict[str, Any]:
        labels = fields.get("labels")
        if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
            raise Malformed("labels must be texts by name.")
        return asdict(await fleet.put(system, text(fields, "name"), text(fields, "url"), labels))

    async def remove(fields: Mapping[str, Any]) -> None:
        await fleet.remove(system, text(fields, "name"))

    async def accept(fields: Mapping[str, Any]) -> dict[str, Any]:
        return asdict(await tokens.accept(system, text(fields, "name"), text(fields, "sha256")))

    return {"fleet-list": list_after, "fleet-add": add, "fleet-remove": remove, "fleet-accept": accept}
