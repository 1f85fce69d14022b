"""REST of quick actions: contract §1, /quick-actions."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.access import ActorDep, AdminDep, ServicesDep
from app.actions.schemas import ActionView

router = APIRouter(prefix="/api/quick-actions", tags=["actions"])


class NewAction(BaseModel):
    """A quick action to make."""

    name: str = Field(max_length=400)
    script_path: str = Field(max_length=1024, description="the script's file name in the scripts folder")
    icon: str | None = Field(default=None, max_length=400)
    display_order: int | None = None
    dangerous: bool = Field(default=False, description="whether it asks for the second factor again")


class ActionChange(BaseModel):
    """What to change of a quick action; an empty icon clears it."""

    name: str | None = Field(default=None, max_length=400)
    script_path: str | None = Field(default=None, max_length=1024)
    icon: str | None = Field(default=None, max_length=400)
    display_order: int | None = None
    dangerous: bool | None = None


class ActionOrder(BaseModel):
    """The wanted order."""

    ids: list[str] = Field(max_length=10_000)


class Deleted(BaseModel):
    """It is gone."""

    success: bool = True


class Executed(BaseModel):
    """The run that was started."""

    task_id: str


@router.get("")
async def list_actions(actor: ActorDep, services: ServicesDep) -> list[ActionView]:
    """All quick actions in their order."""
    return await services.actions.list(actor)


@router.post("")
async def create_action(body: NewAction, actor: AdminDep, services: ServicesDep) -> ActionView:
    """Makes a quick action."""
    return await services.actions.create(
        actor, body.name, body.script_path, body.icon, body.display_order, dangerous=body.dangerous
    )


@router.put("/order")
async def order_actions(body: ActionOrder, actor: AdminDep, services: ServicesDep) -> list[ActionView]:
    """Puts the quick actions into this order."""
    return list(await services.actions.order(actor, body.ids))


@router.put("/{action_id}")
async def update_action(action_id: str, body: ActionChange, actor: AdminDep, services: ServicesDep) -> ActionView:
    """Changes a quick action."""
    return await services.actions.update(actor, action_id, **body.model_dump(exclude_unset=True))


@router.delete("/{action_id}")
async def delete_action(action_id: str, actor: AdminDep, services: ServicesDep) -> Deleted:
    """Removes a quick action; its runs stay in the history."""
    await services.actions.delete(actor, action_id)
    return Deleted()


@router.post("/{action_id}/execute")
async def execute_action(action_id: str, actor: ActorDep, services: ServicesDep) -> Executed:
    """Runs a quick action, with pipes and without arguments."""
    action = await services.actions.get(actor, action_id)
    run = await services.runs.start(actor, action.script_path)
    return Executed(task_id=run.id)
