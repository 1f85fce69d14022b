"""Our two cookies, the session's and the one that names a known browser: how they are called, set and read."""

from starlette.responses import Response

from app.auth.sessions import LIFETIME
from app.core.config import Config

SESSION = "session_id"
DEVICE = "device_id"
DEVICE_SECONDS = 365 * 24 * 3600


def cookie_name(name: str, config: Config) -> str:
    """With secure cookies browsers hold us to `__Host-`: Secure, Path=/, no Domain."""
    return f"__Host-{name}" if config.secure_cookies else name


def cookie_values(headers: list[str], name: str, config: Config) -> list[str]:
    """Every value that the Cookie headers give for our name; more than one means that somebody planted one."""
    wanted = cookie_name(name, config)
    pairs = (part.strip().partition("=") for header in headers for part in header.split(";"))
    return [value for key, _, value in pairs if key == wanted]


def set_session(response: Response, token: str, config: Config) -> None:
    """Gives the browser its session."""
    _set(response, SESSION, token, int(LIFETIME.total_seconds()), config)


def set_device(response: Response, cookie: str, config: Config) -> None:
    """Makes the browser a known one."""
    _set(response, DEVICE, cookie, DEVICE_SECONDS, config)


def clear_session(response: Response, config: Config) -> None:
    """Takes the session away from the browser."""
    _set(response, SESSION, "", 0, config)


def _set(response: Response, name: str, value: str, seconds: int, config: Config) -> None:
    response.set_cookie(
        cookie_name(name, config),
        value,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="strict",
        secure=config.secure_cookies,
    )
