"""What one start tells the next: the administrator's name and password then, and the key of known browsers."""

from sqlmodel import Session

from app.audit.trail import AuditTrail
from app.auth.devices import new_device_key
from app.auth.models import AuthStateRow
from app.core.database import Database
from app.core.permissions import Actor
from app.users.schemas import Account

CHANGED = "The name or password in the environment is not that of the last start"


async def read_last_start(database: Database) -> AuthStateRow | None:
    """What the last start left, None at the first one."""
    return await database.read(lambda session: session.get(AuthStateRow, 1))


async def remember_start(
    database: Database, trail: AuditTrail, admin: Account, before: AuthStateRow | None
) -> AuthStateRow:
    """Leaves what the next start needs to know, and returns it; a changed administrator is recorded."""
    row = AuthStateRow(
        id=1,
        admin_username=admin.user.username,
        admin_password_hash=admin.password_hash,
        device_key=before.device_key if before else new_device_key(),
    )

    def write(session: Session) -> None:
        if before is not None:
            trail.append(session, Actor.system(), "admin.changed", admin.user.username, detail={"reason": CHANGED})
        session.merge(row)

    await database.write(write)
    return row
