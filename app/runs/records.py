"""What the audit tells of runs: that one was asked for, began, and ended, each in the transaction of its row."""

import json

from sqlmodel import Session

from app.audit.trail import AuditTrail, Outcome
from app.core.permissions import Actor, Role
from app.runs.models import RunRow
from app.runs.schemas import RunState

AS_WANTED = (RunState.SUCCEEDED, RunState.CANCELLED)


def record_state(trail: AuditTrail, session: Session, row: RunRow, actor: Actor | None = None) -> None:
    """Tells that a run waits, runs or has ended now.

    Args:
        actor: who asked for it just now; None for what follows from that later, without anybody's doing.
    """
    actor = actor or _owner(row)
    state, args = RunState(row.state), json.loads(row.args)
    facts: dict[str, object] = {"run": row.id, **({"args": args} if args else {})}
    if not state.ended:
        what = "run.queued" if state is RunState.QUEUED else "run.started"
        trail.append(session, actor, what, row.script, detail=facts)
        return
    facts |= {"state": row.state, "code": row.exit_code, "seconds": row.duration}
    if row.signal is not None:
        facts["signal"] = row.signal
    if row.reason is not None:
        facts["reason"] = row.reason
    trail.append(
        session, actor, "run.ended", row.script, Outcome.OK if state in AS_WANTED else Outcome.FAILED, detail=facts
    )


def _owner(row: RunRow) -> Actor:
    role = Role.ADMIN if row.user_id is None else Role.CLIENT
    return Actor(row.user_id, row.username, row.username, role)
