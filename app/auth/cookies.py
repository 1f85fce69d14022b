"""The session cookie: its name, how it is set, and how it is read."""

from starlette.responses import Response

from app.auth.sessions import LIFETIME
from app.core.config import Config


def cookie_name(config: Config) -> str:
    """With secure cookies browsers hold us to `__Host-`: Secure, Path=/, no Domain."""
    return "__Host-session_id" if config.secure_cookies else "session_id"


def session_tokens(headers: list[str], config: Config) -> list[str]:
    """Every value that the Cookie headers give for our name; more than one means that somebody planted one."""
    name = cookie_name(config)
    pairs = (part.strip().partition("=") for header in headers for part in header.split(";"))
    return [value for key, _, value in pairs if key == name]


def set_session(response: Response, token: str, config: Config) -> None:
    """Gives the browser its session."""
    response.set_cookie(
        cookie_name(config),
        token,
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        httponly=True,
        samesite="strict",
        secure=config.secure_cookies,
    )


def clear_session(response: Response, config: Config) -> None:
    """Takes the session away from the browser."""
    response.delete_cookie(
        cookie_name(config), path="/", httponly=True, samesite="strict", secure=config.secure_cookies
    )
