"""REST of client accounts: contract §1, /users."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.access import AdminDep, ServicesDep
from app.core.passwords import MAX_PASSWORD
from app.users.schemas import UserView

router = APIRouter(prefix="/api/users", tags=["users"])


class NewUser(BaseModel):
    """A client account to make."""

    username: str = Field(max_length=256)
    password: str = Field(max_length=MAX_PASSWORD, repr=False)
    display_name: str | None = Field(None, max_length=256)


class UserChange(BaseModel):
    """What to change of an account; an empty display name clears it."""

    display_name: str | None = Field(None, max_length=256)
    is_active: bool | None = None


class NewPassword(BaseModel):
    """A password that an admin gives."""

    password: str = Field(max_length=MAX_PASSWORD, repr=False)


@router.get("")
async def list_users(actor: AdminDep, services: ServicesDep) -> list[UserView]:
    """All client accounts."""
    return await services.users.list(actor)


@router.post("")
async def create_user(body: NewUser, actor: AdminDep, services: ServicesDep) -> UserView:
    """Makes a client account."""
    return await services.users.create(actor, body.username, body.password, body.display_name)


@router.get("/{user_id}")
async def get_user(user_id: str, actor: AdminDep, services: ServicesDep) -> UserView:
    """One client account."""
    return await services.users.get(actor, user_id)


@router.put("/{user_id}")
async def update_user(user_id: str, body: UserChange, actor: AdminDep, services: ServicesDep) -> UserView:
    """Changes the display name or (de)activates."""
    return await services.users.update(actor, user_id, display_name=body.display_name, is_active=body.is_active)


@router.delete("/{user_id}", status_code=204)
async def delete_user(user_id: str, actor: AdminDep, services: ServicesDep) -> None:
    """Removes an account; its sessions end, its history stays."""
    await services.users.delete(actor, user_id)


@router.delete("/{user_id}/sessions", status_code=204)
async def end_sessions(user_id: str, actor: AdminDep, services: ServicesDep) -> None:
    """Ends all of a user's sessions; what is open under them closes within a second."""
    await services.auth.end_sessions_of(actor, user_id)


@router.put("/{user_id}/password", status_code=204)
async def set_password(user_id: str, body: NewPassword, actor: AdminDep, services: ServicesDep) -> None:
    """Gives a new password; the user's sessions end."""
    await services.users.set_password(actor, user_id, body.password)
