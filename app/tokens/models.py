"""The table of API tokens."""

from sqlmodel import Field, SQLModel


class TokenRow(SQLModel, table=True):
    """One token; only its hash is kept."""

    __tablename__ = "tokens"

    id: str = Field(primary_key=True)
    hash: str = Field(unique=True, description="SHA-256 of the token, in hexadecimal")
    user_id: str | None = Field(default=None, description="None for the environment's administrator")
    username: str
    name: str
    scopes: str = Field(description="JSON list")
    created_at: str
    expires_at: str | None = None
    last_used_at: str | None = None
