"""Rows of client accounts: how they are found, and what of them leaves the table."""

from sqlalchemy import ColumnElement
from sqlmodel import Session, select

from app.core.errors import NotFound
from app.core.permissions import Role
from app.users.models import UserRow
from app.users.schemas import Account, UserView


def row_of(session: Session, user_id: str) -> UserRow:
    """The row of a client. Raises NotFound."""
    row = session.get(UserRow, user_id)
    if row is None:
        raise NotFound("There is no such user.")
    return row


def account_where(session: Session, which: ColumnElement[bool]) -> Account | None:
    """The client with that, None for nobody."""
    row = session.exec(select(UserRow).where(which)).first()
    return None if row is None else Account(view_of(row), row.password_hash)


def view_of(row: UserRow) -> UserView:
    """What others see of a client."""
    return UserView(row.id, row.username, row.display_name, Role.CLIENT, row.is_active, row.created_at)
