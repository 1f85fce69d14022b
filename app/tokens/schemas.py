"""What leaves the tokens concept."""

from dataclasses import dataclass, field

from app.core.permissions import Actor, TokenRights
from app.users.schemas import UserView


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as lists show it: never the token itself, nor its hash.

    Attributes:
        scopes: `read`, `admin`, and `run:<id of a quick action>`.
        user_id: whose it is, None for the environment's administrator.
        expires_at: None for never.
        last_used_at: None for not yet.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    user_id: str | None
    username: str
    created_at: str
    expires_at: str | None
    last_used_at: str | None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made; `token` is told once, to its user."""

    token: str = field(repr=False)
    view: TokenView


@dataclass(frozen=True, slots=True)
class TokenCredential:
    """A live token that a request brought, and the user it acts for."""

    token: TokenView
    user: UserView
    has_second_factor: bool = False

    @property
    def id(self) -> str:
        """The token's id."""
        return self.token.id

    @property
    def user_id(self) -> str | None:
        """Whose it is, None for the environment's administrator."""
        return self.token.user_id

    def actor(self, address: str) -> Actor:
        """Who acts when a request with this token comes from `address`."""
        return Actor(
            self.user.id,
            self.user.username,
            self.user.display_name or self.user.username,
            self.user.role,
            address=address,
            token=TokenRights(self.id, frozenset(self.token.scopes)),
            has_second_factor=self.has_second_factor,
        )
