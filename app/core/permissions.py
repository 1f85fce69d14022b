"""Who is acting: the one value that every service method takes to decide what is allowed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from app.core.errors import Forbidden


class Role(StrEnum):
    """What a user may do: an admin everything, a client what an admin prepared."""

    ADMIN = "admin"
    CLIENT = "client"


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
    """

    user_id: str | None
    username: str
    display_name: str
    role: Role
    session_id: str | None = None
    address: str = ""

    @classmethod
    def system(cls) -> Self:
        """The core acting by itself."""
        return cls(user_id=None, username="system", display_name="System", role=Role.ADMIN)

    @property
    def is_admin(self) -> bool:
        """Whether every right is given."""
        return self.role is Role.ADMIN

    def require_admin(self) -> None:
        """Raises Forbidden unless an admin acts."""
        if not self.is_admin:
            raise Forbidden("Only an administrator may do this.")
