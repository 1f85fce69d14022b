"""The table of second factors."""

from sqlmodel import Field, SQLModel


class SecondFactorRow(SQLModel, table=True):
    """One user's second factor."""

    __tablename__ = "second_factors"

    owner: str = Field(primary_key=True, description="the user's id, empty for the environment's administrator")
    secret: str = Field(description="the TOTP secret, encrypted with the key in the data folder")
    recovery: str = Field(description="JSON list of the hashes of the recovery codes that are left")
    last_counter: int = Field(description="of the newest code that was accepted; it and older ones are refused")
    created_at: str
    confirmed_at: str | None = Field(default=None, description="None until the first code proved that it works")
