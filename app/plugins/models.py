"""The tables of plugins: what they and their pages keep, what an admin chose for them, their licence keys."""

from sqlmodel import Field, SQLModel


class PluginValueRow(SQLModel, table=True):
    """One value; it outlives the plugin's file."""

    __tablename__ = "plugin_values"

    plugin_id: str = Field(primary_key=True)
    namespace: str = Field(primary_key=True, description="`plugin` or `page`")
    key: str = Field(primary_key=True)
    value: str


class PluginOptionsRow(SQLModel, table=True):
    """What an admin chose for a plugin; no row means the defaults."""

    __tablename__ = "plugin_options"

    plugin_id: str = Field(primary_key=True)
    pages_read_only: bool = Field(description="whether clients may only read what its pages keep")


class LicenceKeyRow(SQLModel, table=True):
    """The licence key of a plugin."""

    __tablename__ = "licence_keys"

    plugin_id: str = Field(primary_key=True)
    key: str
    stored_at: str
    stored_by: str


class LicenceClockRow(SQLModel, table=True):
    """The latest time that this machine's clock has kept; one row."""

    __tablename__ = "licence_clock"

    id: int = Field(primary_key=True, description="always 1")
    seen_at: str
