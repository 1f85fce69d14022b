"""What plugins and their pages keep: texts by key, in two namespaces a plugin, within a quota."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import LargeBinary, cast, func
from sqlmodel import Session, col, select

from app.audit.trail import AuditTrail
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import BadValue, Conflict, Forbidden, TooLarge
from app.core.permissions import Actor
from app.plugins.models import PluginOptionsRow, PluginValueRow

MAX_KEY = 1024
MAX_VALUE = 1024 * 1024
QUOTA = 10 * 1024 * 1024
"""Bytes of UTF-8: of a key, of a value, of everything that a plugin and its pages keep."""

ENTRY = 64
"""Bytes that an entry counts beside its key and value, for a million empty ones would not be nothing."""

ANYTHING: Final = object()


class Action(StrEnum):
    """What is done with a key."""

    GET = "get"
    SET = "set"
    DELETE = "delete"


class Namespace(StrEnum):
    """Who keeps it: the plugin for itself, or its pages for their viewers. Neither sees the other's keys."""

    PLUGIN = "plugin"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class ValueCall:
    """One call, as it came.

    Attributes:
        action: an Action.
        key: a text of 1 to 1,024 bytes.
        value: what `set` stores, a text of at most 1 MiB.
        expected: `set` and `delete` do nothing unless this is the value now (None: there is none).
    """

    action: object
    key: object
    value: object = None
    expected: object = ANYTHING


class PluginValues:
    """Keeps the values of all plugins, also of those whose file is gone for now.

    Args:
        trail: where it is recorded that an admin made pages read-only.
    """

    def __init__(self, database: Database, trail: AuditTrail, clock: Clock) -> None:
        self._database = database
        self._trail = trail
        self._clock = clock
        self._read_only: set[str] = set()
        self._used: dict[str, int] = {}  # bytes by plugin; the database's writer thread counts, the loop drops

    async def open(self) -> None:
        """Loads which pages are read-only; raises Unavailable."""
        rows = select(PluginOptionsRow.plugin_id).where(PluginOptionsRow.pages_read_only)
        self._read_only = set(await self._database.read(lambda session: session.exec(rows).all()))

    async def handle(self, plugin_id: str, action: object, key: object, value: object = None) -> str | None:
        """A call of the plugin itself, in the namespace that only its process reaches.

        Args:
            plugin_id: whose connection the call came on; never taken from the message.

        Raises:
            BadValue, TooLarge: as handle_page.
        """
        return await self._handle(plugin_id, Namespace.PLUGIN, ValueCall(action, key, value))

    async def handle_page(self, actor: Actor, plugin_id: str, call: ValueCall) -> str | None:
        """A call of one of the plugin's pages, by whoever looks at it: the value, None where there is none.

        Raises:
            Forbidden: the actor may only read.
            BadValue: the action, the key or the value is none.
            TooLarge: the value is, or there is no room for it.
            Conflict: the value is not the expected one.
            Unavailable: the database does not answer.
        """
        actor.require_read()
        if call.action != Action.GET:
            self._require_write(actor, plugin_id)
        return await self._handle(plugin_id, Namespace.PAGE, call)

    def pages_read_only(self, plugin_id: str) -> bool:
        """Whether clients may only read what the plugin's pages keep."""
        return plugin_id in self._read_only

    async def set_pages_read_only(self, actor: Actor, plugin_id: str, read_only: bool) -> None:
        """Decides whether clients may only read what the plugin's pages keep. Admin only.

        Raises:
            StepUpNeeded: the second factor has to be proved once more.
            Unavailable: it cannot be stored.
        """
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())

        def change(session: Session) -> None:
            session.merge(PluginOptionsRow(plugin_id=plugin_id, pages_read_only=read_only))
            self._trail.append(session, actor, "plugin.changed", plugin_id, detail={"pages_read_only": read_only})

        await self._database.write(change)
        if read_only:
            self._read_only.add(plugin_id)
        else:
            self._read_only.discard(plugin_id)

    def _require_write(self, actor: Actor, plugin_id: str) -> None:
        if actor.is_admin:
            return
        if actor.token is not None:
            raise Forbidden("This token may only read what the pages of plugins keep.")
        if self.pages_read_only(plugin_id):
            raise Forbidden("An administrator made this plugin's pages read-only.")

    async def _handle(self, plugin_id: str, namespace: Namespace, call: ValueCall) -> str | None:
        action, key = _action(call.action), _text(call.key, "A key", MAX_KEY, BadValue)
        if not key:
            raise BadValue("A key has at least one letter.")
        place = (plugin_id, namespace.value, key)
        if action is Action.GET:
            row = await self._database.read(lambda session: session.get(PluginValueRow, place))
            return row.value if row else None
        value = _text(call.value, "A value", MAX_VALUE, TooLarge) if action is Action.SET else None
        try:
            await self._database.write(lambda session: self._change(session, place, value, call.expected))
        except (BadValue, Conflict, TooLarge):
            raise  # nothing was changed; to count a full store anew for each refusal would hold up every other write
        except BaseException:
            self._used.pop(plugin_id, None)  # it may have counted what was not kept
            raise
        return value

    def _change(self, session: Session, place: tuple[str, str, str], value: str | None, expected: object) -> None:
        plugin_id, namespace, key = place
        row = session.get(PluginValueRow, place)
        if expected is not ANYTHING and expected != (row.value if row else None):
            raise Conflict("Meanwhile the value is another one.")
        used = self._use(session, plugin_id) - (_size(key, row.value) if row else 0)
        if value is None:
            if row is not None:
                session.delete(row)
        else:
            used += _size(key, value)
            if used > QUOTA:
                raise TooLarge(f"There is no room for it: a plugin and its pages keep at most {QUOTA >> 20} MiB.")
            if row is None:
                row = PluginValueRow(plugin_id=plugin_id, namespace=namespace, key=key, value=value)
            row.value = value
            session.add(row)
        session.flush()
        self._used[plugin_id] = used

    def _use(self, session: Session, plugin_id: str) -> int:
        used = self._used.get(plugin_id)  # once: the loop may drop it at any moment
        if used is None:
            key = func.length(cast(col(PluginValueRow.key), LargeBinary))
            value = func.length(cast(col(PluginValueRow.value), LargeBinary))
            total = select(func.sum(key + value + ENTRY)).where(PluginValueRow.plugin_id == plugin_id)
            used = self._used[plugin_id] = session.exec(total).one() or 0
        return used


def _action(action: object) -> Action:
    try:
        return Action(str(action))
    except ValueError:
        raise BadValue("The action is get, set or delete.") from None


def _text(text: object, what: str, most: int, too_large: type[BadValue] | type[TooLarge]) -> str:
    if not isinstance(text, str):
        raise BadValue(f"{what} is a text.")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # half of a surrogate pair
        raise BadValue(f"{what} is a text that UTF-8 can write.") from None
    if size > most:
        raise too_large(f"{what} has at most {most} bytes.")
    return text


def _size(key: str, value: str) -> int:
    return len(key.encode()) + len(value.encode()) + ENTRY
