"""The table of the audit."""

from sqlmodel import Field, Index, SQLModel


class AuditRow(SQLModel, table=True):
    """One thing that somebody did or was refused; each row carries the hash of the one before it."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_by_what", "what", "id"),
        Index("audit_by_actor", "actor", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    at: str
    actor: str = Field(description="the user name as it was then, `system` for the core itself")
    actor_id: str | None = None
    role: str
    address: str
    what: str = Field(description="such as `sign_in`, `run.started`, `user.created`")
    target: str = Field(description="what it was done to, in words that stay true when the target is gone")
    outcome: str = Field(description="`ok`, `refused` or `failed`")
    detail: str = Field(description="JSON object")
    previous_hash: str
    hash: str = Field(description="SHA-256 over every other column, in hexadecimal")
