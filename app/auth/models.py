"""Sessions, sign-in attempts, and what is remembered of the administrator's password."""

from sqlmodel import Field, Index, SQLModel


class SessionRow(SQLModel, table=True):
    """One signed-in browser; only a hash of its token is kept."""

    __tablename__ = "sessions"

    id: str = Field(primary_key=True, description="SHA-256 of the token, in hexadecimal")
    user_id: str | None = Field(default=None, index=True)
    username: str
    created_at: str
    expires_at: str
    address: str
    user_agent: str


class SignInRow(SQLModel, table=True):
    """One attempt to sign in (or to prove one's own password)."""

    __tablename__ = "sign_ins"
    __table_args__ = (
        Index("sign_ins_by_username", "username_key", "attempted_at"),
        Index("sign_ins_by_address", "address_bucket", "attempted_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    username: str
    username_key: str
    ip_address: str
    address_bucket: str = Field(description="the address, or the /64 of an IPv6 one")
    success: bool
    counted: bool = Field(description="whether the password was checked; tries during a lock are not")
    failure_reason: str | None
    attempted_at: str


class AdminRow(SQLModel, table=True):
    """The hash of the administrator's password at the last start, to notice that it changed."""

    __tablename__ = "administrator"

    id: int = Field(primary_key=True)
    username: str
    password_hash: str
