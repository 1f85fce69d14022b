"""Who is acting, for REST routes and WebSockets: the guard found the session, these hand it on."""

from collections.abc import MutableMapping
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from app.auth.schemas import SessionView
from app.core.errors import NotSignedIn
from app.core.permissions import Actor
from app.credentials import Credential, now_live
from app.services import Services

Scope = MutableMapping[str, Any]


def services_of(scope: Scope) -> Services:
    """The services of the application that this scope belongs to."""
    return cast("Services", scope["app"].state.services)


def session_of(scope: Scope) -> SessionView | None:
    """The live session behind this scope; None for a token."""
    return cast("SessionView | None", scope["state"].get("session"))


def address_of(scope: Scope) -> str:
    """The client's address, as the guard worked it out."""
    return cast("str", scope["state"].get("address", ""))


def credential_of(scope: Scope) -> Credential | None:
    """The session or token that this scope came with, as it was then."""
    return cast("Credential | None", scope["state"].get("credential"))


def actor_of(scope: Scope) -> Actor:
    """Who acts now; raises NotSignedIn for nobody, and when what the request came with has ended since."""
    came_with = credential_of(scope)
    credential = now_live(services_of(scope), came_with) if came_with is not None else None
    if credential is None:
        raise NotSignedIn("Not signed in.")
    return credential.actor(address_of(scope))


def socket_actor(scope: Scope) -> tuple[Services, Actor]:
    """The services and the actor of a WebSocket's scope."""
    return services_of(scope), actor_of(scope)


# Coroutines, because FastAPI runs plain functions in a thread: 200 µs a request.
async def _services(request: Request) -> Services:
    return services_of(request.scope)


async def _actor(request: Request) -> Actor:
    return actor_of(request.scope)


async def _admin(request: Request) -> Actor:
    actor = actor_of(request.scope)
    actor.require_admin()
    return actor


ServicesDep = Annotated[Services, Depends(_services)]
ActorDep = Annotated[Actor, Depends(_actor)]
AdminDep = Annotated[Actor, Depends(_admin)]
