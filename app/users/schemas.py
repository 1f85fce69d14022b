"""What leaves the users concept."""

from dataclasses import dataclass, field

from app.core.permissions import Role


@dataclass(frozen=True, slots=True)
class UserView:
    """A user as others see it: never a hash.

    `id` is None for the environment's administrator.
    """

    id: str | None
    username: str
    display_name: str
    role: Role
    is_active: bool
    created_at: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """A user and the hash to check its password against."""

    user: UserView
    password_hash: str = field(repr=False)
