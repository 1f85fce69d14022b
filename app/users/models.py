"""The users table; the environment's administrator has no row."""

from sqlmodel import Field, SQLModel


class UserRow(SQLModel, table=True):
    """One client account."""

    __tablename__ = "users"

    id: str = Field(primary_key=True)
    username: str
    username_key: str = Field(unique=True, description="NFKC and casefold of the name: what must be unique")
    display_name: str
    password_hash: str
    is_active: bool
    created_at: str
