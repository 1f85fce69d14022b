"""Who is acting, for REST routes and WebSockets: the guard found the session, these hand it on."""

from collections.abc import MutableMapping
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from app.auth.schemas import SessionView
from app.core.errors import NotSignedIn
from app.core.permissions import Actor
from app.services import Services

Scope = MutableMapping[str, Any]


def services_of(scope: Scope) -> Services:
    """The services of the application that this scope belongs to."""
    return cast("Services", scope["app"].state.services)


def session_of(scope: Scope) -> SessionView | None:
    """The live session behind this scope."""
    return cast("SessionView | None", scope["state"].get("session"))


def address_of(scope: Scope) -> str:
    """The client's address, as the guard worked it out."""
    return cast("str", scope["state"].get("address", ""))


def actor_of(scope: Scope) -> Actor:
    """Who acts; raises NotSignedIn for nobody."""
    session = session_of(scope)
    if session is None:
        raise NotSignedIn("Not signed in.")
    return session.actor(address_of(scope))


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
