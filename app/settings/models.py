"""The settings table: only what differs from the default has a row."""

from sqlmodel import Field, SQLModel


class SettingRow(SQLModel, table=True):
    """One changed setting."""

    __tablename__ = "settings"

    key: str = Field(primary_key=True)
    value: str
