"""Who is acting: the one value that every service method takes to decide what is allowed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from app.core.errors import Forbidden, StepUpNeeded

STEP_UP_AFTER = timedelta(minutes=10)
"""How long a proof of the second factor is good for what is dangerous."""

READ, ADMIN, RUN = "read", "admin", "run:"
"""The scopes of a token; RUN is followed by the id of a quick action."""


class Role(StrEnum):
    """What a user may do: an admin everything, a client what an admin prepared."""

    ADMIN = "admin"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class TokenRights:
    """What an API token was made for; it never gives more than its user has.

    Attributes:
        id: of the token.
        scopes: `read`, `admin`, and `run:<id of a quick action>`.
    """

    id: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Actor:
    """The user behind one call.

    Attributes:
        user_id: id of the users table, None for the administrator of the environment and for the core itself.
        username: the name that records keep.
        display_name: the name that pages show.
        role: admin or client.
        session_id: hash of the session's token, None where no session is behind the call.
        address: the client's network address, empty where there is none.
        token: the API token behind the call, None for a person and for the core itself.
        has_second_factor: whether the user has one.
        proved_at: when this session proved it last.
    """

    user_id: str | None
    username: str
    display_name: str
    role: Role
    session_id: str | None = None
    address: str = ""
    token: TokenRights | None = None
    has_second_factor: bool = False
    proved_at: datetime | None = None

    @classmethod
    def system(cls) -> Self:
        """The core acting by itself."""
        return cls(user_id=None, username="system", display_name="System", role=Role.ADMIN)

    @property
    def is_admin(self) -> bool:
        """Whether every right is given."""
        return self.role is Role.ADMIN and (self.token is None or ADMIN in self.token.scopes)

    @property
    def requester(self) -> str:
        """Who asked, for what must be asked for once and steered by the asker: the user, or one of its tokens."""
        return f"token:{self.token.id}" if self.token else self.user_id or ""

    @property
    def credential_id(self) -> str | None:
        """What lets the actor in: the id of its token or session, None for the core itself."""
        return self.token.id if self.token else self.session_id

    @property
    def may_read(self) -> bool:
        """Whether everything that the role shows may be seen; a token without the scope sees its own runs only."""
        return self.token is None or bool({READ, ADMIN} & self.token.scopes)

    def may_run_action(self, action_id: str) -> bool:
        """Whether this quick action may be run."""
        return self.token is None or bool({ADMIN, RUN + action_id} & self.token.scopes)

    def require_admin(self) -> None:
        """Raises Forbidden unless an admin acts."""
        if self.is_admin:
            return
        if self.role is Role.ADMIN:
            raise Forbidden("This token lacks the scope admin.")
        raise Forbidden("Only an administrator may do this.")

    def require_read(self) -> None:
        """Raises Forbidden for a token that may only run."""
        if not self.may_read:
            raise Forbidden("This token lacks the scope read.")

    def require_person(self) -> None:
        """Raises Forbidden for a token: one's own account is changed by oneself only."""
        if self.token is not None:
            raise Forbidden("A token may not do this. Sign in.")

    def require_fresh_factor(self, now: datetime) -> None:
        """Asks a user who has a second factor for it again when the last time was over 10 minutes ago.

        Raises:
            StepUpNeeded: a session has to prove it first.
            Forbidden: a token acts for such a user; it cannot prove anything.
        """
        if not self.has_second_factor:
            return
        if self.token is not None:
            raise Forbidden("This needs your second factor, which a token does not have. Sign in.")
        if self.proved_at is None or not timedelta(0) <= now - self.proved_at <= STEP_UP_AFTER:
            raise StepUpNeeded("Confirm with your second factor first.")
