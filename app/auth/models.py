"""Sessions, sign-in attempts, and what is remembered between two starts."""

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
    last_seen_at: str | None = None
    proved_at: str | None = Field(default=None, description="when the second factor was proved last")


class SignInRow(SQLModel, table=True):
    """One attempt to sign in (or to prove one's own password)."""

    __tablename__ = "sign_ins"
    __table_args__ = (
        Index("sign_ins_by_name", "name_bucket", "attempted_at"),
        Index("sign_ins_by_address", "address_bucket", "attempted_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    username: str
    ip_address: str
    name_bucket: str = Field(description="what failures are counted under: the name, or a browser that it knows")
    address_bucket: str | None = Field(description="the address, or the /64 of an IPv6 one; None for a known browser")
    success: bool
    counted: bool = Field(description="whether the password was checked; tries during a lock are not")
    failure_reason: str | None
    attempted_at: str


class AuthStateRow(SQLModel, table=True):
    """The one row of what the next start needs to know."""

    __tablename__ = "auth_state"

    id: int = Field(primary_key=True)
    admin_username: str
    admin_password_hash: str = Field(description="of the last start, to notice that the password changed")
    device_key: str = Field(description="signs the cookies of known browsers, in hexadecimal")
