"""REST of signing in: contract §1, /auth and /me."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from app.access import ActorDep, AdminDep, ServicesDep, address_of, credential_of, session_of
from app.auth.cookies import DEVICE, clear_session, cookie_values, set_device, set_session
from app.auth.schemas import SessionEntry, SessionView, SignInView
from app.core.errors import Limited, SecondFactorNeeded, ToruError, retry_after
from app.core.passwords import MAX_PASSWORD
from app.second_factor.codes import MAX_CODE
from app.tokens.schemas import TokenCredential
from app.users.schemas import UserView

router = APIRouter(prefix="/api", tags=["auth"])


class Credentials(BaseModel):
    """What a person types to sign in."""

    username: str = Field(max_length=256)
    password: str = Field(max_length=MAX_PASSWORD, repr=False)
    code: str | None = Field(
        None, max_length=MAX_CODE, repr=False, description="of the second factor, or a recovery code"
    )


class SessionUser(BaseModel):
    """The signed-in user; the administrator's id is null."""

    id: str | None
    username: str
    display_name: str
    role: str


class LoginAnswer(BaseModel):
    """The outcome of a sign-in; `locked_until` is seconds left, `second_factor` asks for the same call with `code`."""

    success: bool
    user: SessionUser | None
    error: str | None
    locked_until: int | None = None
    second_factor: bool | None = None


class Me(BaseModel):
    """Whether somebody is signed in, and who."""

    authenticated: bool
    user: SessionUser | None


class Done(BaseModel):
    """It worked."""

    success: bool = True


class DisplayName(BaseModel):
    """A display name of one's own."""

    display_name: str = Field(max_length=256)


class PasswordChange(BaseModel):
    """A new password of one's own."""

    current_password: str = Field(max_length=MAX_PASSWORD, repr=False)
    new_password: str = Field(max_length=MAX_PASSWORD, repr=False)


@router.post(
    "/auth/login",
    response_model=LoginAnswer,
    response_model_exclude_unset=True,
    responses={401: {"model": LoginAnswer}, 429: {"model": LoginAnswer}},
)
async def login(body: Credentials, request: Request, services: ServicesDep) -> Response:
    """Checks a name and password; success sets the session cookie."""
    held, address = session_of(request.scope), address_of(request.scope)
    devices = cookie_values(request.headers.getlist("cookie"), DEVICE, services.config)
    try:
        services.auth.limits.count_sign_in(address)
        signed_in = await services.auth.sign_in(
            body.username,
            body.password,
            body.code,
            address=address,
            user_agent=request.headers.get("user-agent", ""),
            device=devices[0] if len(devices) == 1 else "",
            replacing=held.id if held else None,
        )
    except ToruError as error:
        return _refused(error)
    response = JSONResponse({"success": True, "user": _user(signed_in.user), "error": None})
    set_session(response, signed_in.token, services.config)
    if signed_in.device is not None:
        set_device(response, signed_in.device, services.config)
    return response


def _refused(error: ToruError) -> Response:
    answer: dict[str, Any] = {"success": False, "user": None, "error": str(error)}
    if isinstance(error, Limited):
        answer["locked_until"] = error.retry_after
    if isinstance(error, SecondFactorNeeded):
        answer["second_factor"] = True
    return JSONResponse(answer, error.status, headers=retry_after(error))


@router.post("/auth/logout", response_model=Done)
async def logout(request: Request, services: ServicesDep) -> Response:
    """Ends the session, if there is one."""
    session = session_of(request.scope)
    if session is not None:
        await services.auth.sign_out(session.id, address_of(request.scope))
    response = JSONResponse({"success": True})
    clear_session(response, services.config)
    return response


@router.get("/auth/me", response_model=Me)
async def me(request: Request) -> dict[str, Any]:
    """Who is signed in, or whom the token acts for; never 401."""
    credential = credential_of(request.scope)
    user = credential.user if isinstance(credential, TokenCredential) else credential
    return {"authenticated": user is not None, "user": _user(user) if user else None}


@router.get("/auth/login-history")
async def login_history(actor: AdminDep, services: ServicesDep) -> list[SignInView]:
    """The newest 100 attempts to sign in."""
    return await services.auth.history(actor)


@router.put("/me")
async def change_display_name(body: DisplayName, actor: ActorDep, services: ServicesDep) -> SessionUser:
    """Changes one's own display name; an empty one clears it."""
    user = await services.users.change_own_display_name(actor, body.display_name)
    return SessionUser(**_user(user))


@router.get("/me/sessions")
async def list_sessions(actor: ActorDep, services: ServicesDep) -> list[SessionEntry]:
    """One's own sessions, those that were seen last first."""
    return await services.auth.sessions_of(actor)


@router.delete("/me/sessions", status_code=204)
async def end_other_sessions(actor: ActorDep, services: ServicesDep) -> None:
    """Ends all of one's own sessions but this one."""
    await services.auth.end_other_sessions(actor)


@router.delete("/me/sessions/{session_id}", status_code=204)
async def end_session(session_id: str, actor: ActorDep, services: ServicesDep) -> None:
    """Ends one of one's own sessions; what is open under it closes within a second."""
    await services.auth.end_session(actor, session_id)


@router.put("/me/password", status_code=204)
async def change_password(body: PasswordChange, actor: ActorDep, services: ServicesDep) -> None:
    """Changes one's own password; every other session of the user ends."""
    await services.auth.change_own_password(actor, body.current_password, body.new_password)


def _user(user: UserView | SessionView) -> dict[str, Any]:
    user_id = user.user_id if isinstance(user, SessionView) else user.id
    shown = user.display_name or user.username
    return {"id": user_id, "username": user.username, "display_name": shown, "role": user.role}
