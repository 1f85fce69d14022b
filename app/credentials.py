"""What a request shows to be let in: the cookie of a session or, where tokens count, an API token; never both."""

import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from app.auth.schemas import SessionView
from app.core.errors import Forbidden
from app.core.permissions import Actor
from app.services import Services
from app.tokens.schemas import TokenCredential

Scope = MutableMapping[str, Any]
Credential = SessionView | TokenCredential

BOTH = "Send the session cookie or a token, not both."
DOUBLED = "Send one Authorization header."
BAD_TOKEN = "This token is malformed, expired or revoked."  # noqa: S105 - a sentence

# What answers everybody also answers those whose token is bad.
NEVER_REFUSED = frozenset({"/api/health", "/api/auth/me"})

# What is open to those who still have to set up the second factor that everybody needs.
OPEN_WITHOUT_FACTOR = re.compile(r"/api/health|/api/auth/(login|logout|me|step-up)|/api/me(/.*)?")

# Here a token that may only run sees what it started itself: RunsService decides.
OPEN_WITHOUT_READ = re.compile(r"/api/auth/me|/api/health|/api/runs/[^/]+(/(output|stream))?|/api/ws(/runs/[^/]+)?")


@dataclass(frozen=True, slots=True)
class Shown:
    """What was shown.

    Attributes:
        session: the live session of the cookie.
        token: the live token of the Authorization header.
        fault: a sentence when what was shown must be refused whatever is asked for.
        has_ended: whether a page was asked for with the cookie of a session that is over.
    """

    session: SessionView | None = None
    token: TokenCredential | None = None
    fault: str | None = None
    has_ended: bool = False

    @property
    def credential(self) -> Credential | None:
        """The one or the other."""
        return self.session or self.token


def is_api(path: str) -> bool:
    """Whether this is an address of REST or of a WebSocket of ours, where tokens count; or that of Prometheus."""
    return path in ("/api", "/metrics") or path.startswith("/api/")


def read_credential(services: Services, path: str, cookies: list[str], authorizations: list[str]) -> Shown:
    """Finds out what was shown.

    Args:
        cookies: the values of the session's cookie; more than one means that somebody planted one.
        authorizations: the values of all Authorization headers. Schemes other than Bearer are not ours: a proxy in
            front, which asks for a password itself, may pass them on.
    """
    session = services.auth.session(cookies[0]) if len(cookies) == 1 else None
    if not is_api(path):
        return Shown(session, has_ended=session is None and any(cookies))
    if not authorizations:
        return Shown(session)
    shown = _with_token(services, session, cookies, authorizations)
    return Shown() if shown.fault and path in NEVER_REFUSED else shown


def _with_token(
    services: Services, session: SessionView | None, cookies: list[str], authorizations: list[str]
) -> Shown:
    if len(authorizations) > 1:
        return Shown(fault=DOUBLED)
    scheme, _, text = authorizations[0].partition(" ")
    if scheme.lower() != "bearer":
        return Shown(session)
    if cookies:
        return Shown(fault=BOTH)
    token = services.tokens.credential(text.strip(" "))
    return Shown(fault=BAD_TOKEN) if token is None else Shown(token=token)


def now_live(services: Services, credential: Credential) -> Credential | None:
    """The credential as it is now, None when it has ended."""
    if isinstance(credential, TokenCredential):
        return services.tokens.credential_by_id(credential.id)
    return services.auth.session_by_id(credential.id)


def require_second_factor(services: Services, path: str, credential: Credential) -> None:
    """Raises Forbidden for one that has to set up a second factor first, unless that is what it is about.

    Pages are let through: they lead to the account's page by themselves.
    """
    closed = is_api(path) and OPEN_WITHOUT_FACTOR.fullmatch(path) is None
    if closed and services.second_factor.is_missing(credential):
        raise Forbidden("The administrator demands a second factor of everybody. Set yours up under My account.")


def require_read(scope: Scope, actor: Actor) -> None:
    """Raises Forbidden where a token without the scope read asks to see what is not its own."""
    looks = scope["type"] == "websocket" or scope["method"] in ("GET", "HEAD")
    if looks and OPEN_WITHOUT_READ.fullmatch(scope["path"]) is None:
        actor.require_read()
