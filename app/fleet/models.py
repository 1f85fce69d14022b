"""The table of the other machines that this one knows of."""

from sqlmodel import Field, SQLModel


class MachineRow(SQLModel, table=True):
    """One machine with a Toru of its own."""

    __tablename__ = "machines"

    name: str = Field(primary_key=True)
    url: str
    labels: str = Field(description="JSON object")
    added_at: str
