"""What leaves the auth concept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from app.auth.browsers import browser_of
from app.core.permissions import Actor, Role
from app.users.schemas import UserView


@dataclass(frozen=True, slots=True)
class SessionView:
    """A live session; `id` is the hash of its token.

    Attributes:
        has_second_factor: whether its user has one now.
        proved_at: when this session proved it last.
    """

    id: str
    user_id: str | None
    username: str
    display_name: str
    role: Role
    created_at: str
    expires_at: str
    address: str
    user_agent: str
    last_seen_at: str
    has_second_factor: bool = False
    proved_at: datetime | None = None

    def actor(self, address: str) -> Actor:
        """Who acts when a request of this session comes from `address`."""
        shown = self.display_name or self.username
        return Actor(
            self.user_id,
            self.username,
            shown,
            self.role,
            self.id,
            address,
            has_second_factor=self.has_second_factor,
            proved_at=self.proved_at,
        )


@dataclass(frozen=True, slots=True)
class AuthFigures:
    """Who comes in.

    Attributes:
        sessions: that are live.
        sign_ins: tries since the core was started, by how they ended.
    """

    sessions: int
    sign_ins: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """A session as its user's list shows it.

    Attributes:
        browser: short words such as "Firefox on Android".
        current: whether it is the one that asks.
    """

    id: str
    address: str
    user_agent: str
    browser: str
    created_at: str
    last_seen_at: str
    current: bool

    @classmethod
    def of(cls, view: SessionView, actor: Actor) -> Self:
        """The entry of a session in the list that `actor` sees."""
        return cls(
            id=view.id,
            address=view.address,
            user_agent=view.user_agent,
            browser=browser_of(view.user_agent),
            created_at=view.created_at,
            last_seen_at=view.last_seen_at,
            current=view.id == actor.session_id,
        )


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A successful sign-in; `token` and `device` (None for a browser that is known) are told once, to the browser."""

    token: str = field(repr=False)
    session: SessionView
    user: UserView
    device: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignInView:
    """One attempt, as the history shows it."""

    id: str
    username: str
    ip_address: str
    success: bool
    failure_reason: str | None
    attempted_at: str
