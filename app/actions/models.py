"""The table of quick actions: the scripts that an admin prepared for everybody."""

from sqlalchemy import false
from sqlmodel import Field, SQLModel


class ActionRow(SQLModel, table=True):
    """One quick action."""

    __tablename__ = "actions"

    id: str = Field(primary_key=True)
    name: str
    script_path: str = Field(index=True, description="the file name in the scripts folder")
    icon: str | None = None
    display_order: int
    dangerous: bool = Field(
        default=False,
        sa_column_kwargs={"server_default": false()},
        description="whether it asks for the second factor again",
    )
    created_at: str
