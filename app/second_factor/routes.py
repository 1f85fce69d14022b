"""REST of second factors: one's own below /api/me, the proof below /api/auth, and what an admin may remove."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.access import ActorDep, AdminDep, ServicesDep
from app.core.passwords import MAX_PASSWORD
from app.second_factor.codes import MAX_CODE
from app.second_factor.schemas import Enrolment, FactorState

router = APIRouter(prefix="/api", tags=["second factor"])


class Code(BaseModel):
    """A code of the authenticator, or a recovery code."""

    code: str = Field(max_length=MAX_CODE, repr=False)


class Password(BaseModel):
    """One's own password, once more."""

    password: str = Field(max_length=MAX_PASSWORD, repr=False)


class RecoveryCodes(BaseModel):
    """Each is good once; they are told once."""

    recovery: list[str] = Field(repr=False)


@router.get("/me/second-factor")
async def get_second_factor(actor: ActorDep, services: ServicesDep) -> FactorState:
    """How it stands with one's own second factor."""
    return await services.second_factor.state(actor)


@router.post("/me/second-factor")
async def begin_second_factor(body: Password, actor: ActorDep, services: ServicesDep) -> Enrolment:
    """A new secret for an authenticator; it counts once a code of it was sent back by PUT."""
    return await services.second_factor.begin(actor, body.password)


@router.put("/me/second-factor")
async def confirm_second_factor(body: Code, actor: ActorDep, services: ServicesDep) -> RecoveryCodes:
    """Switches the second factor on; the answer holds ten recovery codes."""
    return RecoveryCodes(recovery=await services.second_factor.confirm(actor, body.code))


@router.post("/me/second-factor/recovery")
async def renew_recovery_codes(actor: ActorDep, services: ServicesDep) -> RecoveryCodes:
    """Ten new recovery codes instead of the old ones."""
    return RecoveryCodes(recovery=await services.second_factor.renew_recovery(actor))


@router.delete("/me/second-factor", status_code=204)
async def remove_second_factor(actor: ActorDep, services: ServicesDep) -> None:
    """Switches one's own second factor off."""
    await services.second_factor.remove(actor)


@router.post("/auth/step-up", status_code=204)
async def step_up(body: Code, actor: ActorDep, services: ServicesDep) -> None:
    """Proves the second factor anew: what answered 403 with `step_up` is allowed for ten minutes."""
    await services.second_factor.step_up(actor, body.code)


@router.delete("/users/{user_id}/second-factor", status_code=204)
async def remove_users_second_factor(user_id: str, actor: AdminDep, services: ServicesDep) -> None:
    """Switches off the second factor of a user who has lost it."""
    await services.second_factor.remove_of(actor, user_id)
