"""What leaves the auth concept."""

from dataclasses import dataclass

from app.core.permissions import Actor, Role
from app.users.schemas import UserView


@dataclass(frozen=True, slots=True)
class SessionView:
    """A live session; `id` is the hash of its token."""

    id: str
    user_id: str | None
    username: str
    display_name: str
    role: Role
    created_at: str
    expires_at: str
    address: str
    user_agent: str

    def actor(self, address: str) -> Actor:
        """Who acts when a request of this session comes from `address`."""
        shown = self.display_name or self.username
        return Actor(self.user_id, self.username, shown, self.role, self.id, address)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A successful sign-in; `token` and `device` (None for a browser that is known) are told once, to the browser."""

    token: str
    session: SessionView
    user: UserView
    device: str | None


@dataclass(frozen=True, slots=True)
class SignInView:
    """One attempt, as the history shows it."""

    id: str
    username: str
    ip_address: str
    success: bool
    failure_reason: str | None
    attempted_at: str
