"""Quick actions: scripts that an admin prepared, and the only ones that a client may run."""

import logging
from collections.abc import Callable, Sequence

from sqlmodel import Session, col, func, select

from app.actions.models import ActionRow
from app.actions.schemas import ActionView
from app.audit.trail import AuditTrail
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import BadValue, Forbidden, NotFound
from app.core.ids import new_id
from app.core.permissions import Actor

log = logging.getLogger(__name__)

MAX_NAME = 100
MAX_ICON = 64
MAX_FILE_NAME = 255
ENDINGS = (".sh", ".bash")
MAX_ORDER = 1_000_000_000


class ActionsService:
    """Keeps the quick actions. Everybody who is signed in sees them, admins make, change, order and delete them."""

    def __init__(self, database: Database, clock: Clock, trail: AuditTrail) -> None:
        self._database = database
        self._clock = clock
        self._trail = trail
        self._watchers: dict[object, Callable[[], None]] = {}

    async def list(self, actor: Actor) -> list[ActionView]:
        """All quick actions in their order. Raises Forbidden for a token without the scope read."""
        actor.require_read()
        return await self._database.read(lambda session: [_view(row) for row in _ordered(session)])

    async def get(self, actor: Actor, action_id: str) -> ActionView:
        """One quick action. Raises NotFound, and Forbidden for a token that may neither read nor run it."""
        if not (actor.may_read or actor.may_run_action(action_id)):
            raise Forbidden("This token may neither see nor run this quick action.")
        return await self._database.read(lambda session: _view(_row(session, action_id)))

    async def create(
        self,
        actor: Actor,
        name: str,
        script_path: str,
        icon: str | None = None,
        display_order: int | None = None,
        *,
        dangerous: bool = False,
    ) -> ActionView:
        """Makes a quick action, the last one unless an order is given. Admin only.

        Raises:
            BadValue: the name, icon or order is not acceptable, or the script is no file name of a script.
            StepUpNeeded: a dangerous one needs the second factor.
        """
        actor.require_admin()
        if dangerous:
            actor.require_fresh_factor(self._clock.now())
        row = ActionRow(
            id=new_id(),
            name=_checked_name(name),
            script_path=_checked_script(script_path),
            icon=_checked_icon(icon),
            display_order=0 if display_order is None else _checked_order(display_order),
            dangerous=dangerous,
            created_at=self._clock.now_iso(),
        )

        def insert(session: Session) -> ActionView:
            if display_order is None:
                row.display_order = session.exec(select(func.coalesce(func.max(ActionRow.display_order), -1))).one() + 1
            session.add(row)
            self._trail.append(session, actor, "action.created", row.name, detail=_facts(row))
            return _view(row)

        action = await self._database.write(insert)
        self._changed("quick action made", actor, action)
        return action

    async def update(
        self,
        actor: Actor,
        action_id: str,
        *,
        name: str | None = None,
        script_path: str | None = None,
        icon: str | None = None,
        display_order: int | None = None,
        dangerous: bool | None = None,
    ) -> ActionView:
        """Changes what is given; an empty icon clears it. Admin only.

        Raises:
            NotFound: there is no such action.
            BadValue: as `create`.
            StepUpNeeded: one that is or becomes dangerous needs the second factor.
        """
        actor.require_admin()
        changes: dict[str, object] = {}
        if name is not None:
            changes["name"] = _checked_name(name)
        if script_path is not None:
            changes["script_path"] = _checked_script(script_path)
        if icon is not None:
            changes["icon"] = _checked_icon(icon)
        if display_order is not None:
            changes["display_order"] = _checked_order(display_order)
        if dangerous is not None:
            changes["dangerous"] = dangerous

        def change(session: Session) -> ActionView:
            row = _row(session, action_id)
            if row.dangerous or dangerous:
                actor.require_fresh_factor(self._clock.now())
            old = _facts(row)
            row.sqlmodel_update(changes)
            session.add(row)
            new = _facts(row)
            if changed := {name: value for name, value in new.items() if value != old[name]}:
                facts = {"id": action_id, **changed, **{f"old_{name}": old[name] for name in changed}}
                self._trail.append(session, actor, "action.changed", str(old["name"]), detail=facts)
            return _view(row)

        action = await self._database.write(change)
        self._changed("quick action changed", actor, action)
        return action

    async def order(self, actor: Actor, action_ids: Sequence[str]) -> Sequence[ActionView]:
        """Puts the actions into this order; those that are not named come after, as they were. Admin only.

        Raises:
            BadValue: an id is named twice.
            NotFound: an id is unknown.
        """
        actor.require_admin()
        if len(set(action_ids)) < len(action_ids):
            raise BadValue("An action is named twice.")

        def change(session: Session) -> Sequence[ActionView]:
            named = [_row(session, action_id) for action_id in action_ids]
            others = [row for row in _ordered(session) if row.id not in set(action_ids)]
            for place, row in enumerate([*named, *others]):
                row.display_order = place
                session.add(row)
            order = {"order": [row.name for row in [*named, *others]]}
            self._trail.append(session, actor, "action.ordered", "quick actions", detail=order)
            return [_view(row) for row in [*named, *others]]

        actions = await self._database.write(change)
        self._tell()
        return actions

    async def delete(self, actor: Actor, action_id: str) -> None:
        """Removes a quick action; its runs stay. Admin only. Raises NotFound, and StepUpNeeded for a dangerous one."""
        actor.require_admin()

        def remove(session: Session) -> ActionView:
            row = _row(session, action_id)
            if row.dangerous:
                actor.require_fresh_factor(self._clock.now())
            self._trail.append(session, actor, "action.deleted", row.name, detail=_facts(row))
            session.delete(row)
            return _view(row)

        self._changed("quick action deleted", actor, await self._database.write(remove))

    async def is_dangerous(self, script: str) -> bool:
        """Whether a dangerous quick action runs this script now."""
        query = select(ActionRow.id).where(ActionRow.script_path == script, col(ActionRow.dangerous))
        return await self._database.read(lambda session: session.exec(query).first() is not None)

    async def allows(self, actor: Actor, script: str) -> bool:
        """Whether a quick action that the actor may run runs this script now."""
        query = select(ActionRow.id).where(ActionRow.script_path == script)
        return await self._database.read(
            lambda session: any(actor.may_run_action(action_id) for action_id in session.exec(query))
        )

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Has `callback()` called in the loop after each change; returns the function that ends it."""
        key = object()
        self._watchers[key] = callback
        return lambda: self._watchers.pop(key, None) and None

    def _changed(self, what: str, actor: Actor, action: ActionView) -> None:
        log.info("%s: %s", what, action.name, extra={"event": "action_changed", "by": actor.username})
        self._tell()

    def _tell(self) -> None:
        for watcher in list(self._watchers.values()):
            try:
                watcher()
            except Exception:
                log.exception("a follower of the quick actions failed")


def _ordered(session: Session) -> Sequence[ActionRow]:
    return session.exec(select(ActionRow).order_by(col(ActionRow.display_order), col(ActionRow.created_at))).all()


def _row(session: Session, action_id: str) -> ActionRow:
    row = session.get(ActionRow, action_id)
    if row is None:
        raise NotFound("There is no such quick action.")
    return row


def _facts(row: ActionRow) -> dict[str, object]:
    """What the audit tells of a quick action."""
    return row.model_dump(exclude={"created_at"})


def _view(row: ActionRow) -> ActionView:
    return ActionView(row.id, row.name, row.script_path, row.icon, row.display_order, row.dangerous)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise BadValue(f"A quick action needs a name of 1 to {MAX_NAME} printable characters.")
    return name


def _checked_script(script: str) -> str:
    plain = script.endswith(ENDINGS) and "/" not in script and "\0" not in script
    if not plain or len(script.encode("utf-8", "replace")) > MAX_FILE_NAME or script in ENDINGS:
        raise BadValue("A quick action needs the file name of a script in the scripts folder (*.sh or *.bash).")
    return script


def _checked_icon(icon: str | None) -> str | None:
    icon = (icon or "").strip()
    if len(icon) > MAX_ICON:
        raise BadValue(f"An icon is at most {MAX_ICON} characters.")
    return icon or None


def _checked_order(order: int) -> int:
    if not -MAX_ORDER <= order <= MAX_ORDER:
        raise BadValue("This place in the order is out of range.")
    return order
