"""REST of the fleet: the list of machines, and what Prometheus' HTTP service discovery reads."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from app.access import ActorDep, AdminDep, ServicesDep
from app.fleet.schemas import MachineView, TargetGroup
from app.fleet.service import MOST_LABELS

router = APIRouter(tags=["fleet"])


class Machine(BaseModel):
    """What is to be known of a machine."""

    url: str = Field(max_length=300, description="where its Toru is, such as https://toru.example.com")
    labels: dict[str, Annotated[str, Field(max_length=400)]] = Field(
        default={}, max_length=MOST_LABELS, description="what Prometheus attaches to its figures"
    )


@router.get("/api/v1/fleet/sd")
async def discover(request: Request, actor: ActorDep, services: ServicesDep) -> list[TargetGroup]:
    """This machine and those that were registered, for Prometheus (`http_sd_configs`); an administrator's token."""
    return list(await services.fleet.targets(actor, request.headers["host"]))


@router.get("/api/fleet")
async def list_machines(actor: ActorDep, services: ServicesDep) -> list[MachineView]:
    """The machines that were registered, by name; for administrators."""
    return await services.fleet.list(actor)


@router.put("/api/fleet/{name}")
async def put_machine(name: str, body: Machine, actor: AdminDep, services: ServicesDep) -> MachineView:
    """Registers a machine, or replaces what is known of it."""
    return await services.fleet.put(actor, name, body.url, body.labels)


@router.delete("/api/fleet/{name}", status_code=204)
async def remove_machine(name: str, actor: AdminDep, services: ServicesDep) -> None:
    """Forgets a machine."""
    await services.fleet.remove(actor, name)
