"""The table of runs; what a run printed lies in its journal, never in the database."""

from sqlalchemy import text
from sqlmodel import Field, Index, SQLModel


class RunRow(SQLModel, table=True):
    """One run, from the moment somebody asked for it.

    `number` gives the order: clocks go back, it does not. A run whose `finished_at` is null has not ended.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index("runs_by_script", "script", "number"),
        Index("runs_by_user", "username", "number"),
        Index("runs_by_state", "state", "number"),
        Index("runs_with_output", "number", "kept_bytes", sqlite_where=text("kept_bytes > 0")),
        Index("runs_by_key", "requester", "idempotency_key", unique=True),
        {"sqlite_autoincrement": True},
    )

    number: int | None = Field(default=None, primary_key=True)
    id: str = Field(unique=True)
    script: str
    args: str = Field(description="JSON array of strings")
    tty: bool
    cols: int
    rows: int
    time_limit: int = Field(description="seconds, 0 for none")
    state: str
    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = Field(default=None, description="a sentence, where the state alone does not say it")
    truncated: bool = False
    size: int = Field(default=0, description="bytes of output, once it has ended")
    kept_bytes: int = Field(
        default=0,
        sa_column_kwargs={"server_default": text("0")},
        description="what its journal takes on the disk, once it has ended",
    )
    output_removed_at: str | None = Field(default=None, description="when retention removed its journal")
    user_id: str | None = None
    username: str
    requester: str = Field(description="who asked: user_id (empty for the environment's administrator), or token:<id>")
    idempotency_key: str | None = None
    boot_id: str = Field(description="the boot of this machine in which it was handed to a runner, empty before")
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    duration: float | None = Field(default=None, description="seconds it ran, by a clock that never goes back")
