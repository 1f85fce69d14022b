"""REST of API tokens."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.access import ActorDep, AdminDep, ServicesDep
from app.tokens.schemas import TokenView
from app.tokens.service import MAX_DAYS, MAX_SCOPES

router = APIRouter(prefix="/api/tokens", tags=["tokens"])


class TokenRequest(BaseModel):
    """A token to make."""

    name: str = Field(max_length=400, description="what it is for")
    scopes: list[Annotated[str, Field(max_length=100)]] = Field(
        max_length=MAX_SCOPES, description="`read`, `admin`, `run:<id of a quick action>`"
    )
    expires_in_days: int | None = Field(default=None, ge=1, le=MAX_DAYS, description="never when absent or null")


class AcceptedToken(BaseModel):
    """A token that was made on another machine."""

    name: str = Field(max_length=400, description="what it is for")
    sha256: str = Field(max_length=100, description="of its text, in hexadecimal")


class MadeToken(BaseModel):
    """A token that was just made."""

    token: str = Field(description="told here and never again", repr=False)
    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: str
    expires_at: str | None


@router.get("")
async def list_tokens(
    actor: ActorDep,
    services: ServicesDep,
    everyone: Annotated[bool, Query(description="those of all users; admins only")] = False,
) -> list[TokenView]:
    """One's own tokens, newest first, without their text."""
    return await services.tokens.list(actor, everyone=everyone)


@router.post("", status_code=201)
async def create_token(body: TokenRequest, actor: ActorDep, services: ServicesDep) -> MadeToken:
    """Makes a token of one's own; it acts for its user, as far as its scopes go."""
    made = await services.tokens.create(actor, body.name, body.scopes, body.expires_in_days)
    view = made.view
    return MadeToken(
        token=made.token,
        id=view.id,
        name=view.name,
        scopes=view.scopes,
        created_at=view.created_at,
        expires_at=view.expires_at,
    )


@router.post("/accept", status_code=201)
async def accept_token(body: AcceptedToken, actor: AdminDep, services: ServicesDep) -> TokenView:
    """Has this machine accept a token of another one, by its hash; it may read here, and nothing else."""
    return await services.tokens.accept(actor, body.name, body.sha256)


@router.delete("/{token_id}", status_code=204)
async def revoke_token(token_id: str, actor: ActorDep, services: ServicesDep) -> None:
    """Ends a token, and what is open under it. One's own; an admin ends anybody's."""
    await services.tokens.revoke(actor, token_id)
