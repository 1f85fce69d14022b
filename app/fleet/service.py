"""The machines of one maintainer: this one, and those that an administrator registered, as Prometheus wants them."""

import json
import re
import socket
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from sqlmodel import Session, col, func, select

from app.audit.trail import AuditTrail
from app.core.clock import Clock
from app.core.config import Config
from app.core.database import Database
from app.core.errors import BadValue, Conflict, Forbidden, NotFound
from app.core.origin import DEFAULT_PORTS, origin_of
from app.core.permissions import Actor, Role
from app.fleet.models import MachineRow
from app.fleet.schemas import MachineView, TargetGroup

MOST_MACHINES = 2000
MOST_LABELS = 20
MOST_TEXT = 200
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]{0,99}")
RESERVED = frozenset(
    {
        *("instance", "job", "le"),
        *("route", "method", "status", "kind", "outcome", "mount", "filesystem", "interface", "plugin"),
        *("version", "instance_id"),
    }
)
"""Labels of Prometheus itself, and those that figures have of their own."""


class FleetService:
    """Keeps the list. Only administrators, and tokens of theirs, see it: clients need not know of each other.

    Args:
        config: tells where this machine is served.
    """

    def __init__(self, database: Database, config: Config, clock: Clock, trail: AuditTrail) -> None:
        self._database = database
        self._config = config
        self._clock = clock
        self._trail = trail

    async def list(self, actor: Actor) -> list[MachineView]:
        """The machines that were registered, by name. Raises Forbidden for all but administrators who may read."""
        _require_sight(actor)
        query = select(MachineRow).order_by(col(MachineRow.name))
        return await self._database.read(lambda session: [_view(row) for row in session.exec(query)])

    async def targets(self, actor: Actor, asked_at: str) -> Sequence[TargetGroup]:
        """Every machine as Prometheus' service discovery has it, this one first.

        Args:
            asked_at: the host and port that the request was sent to: where Prometheus reached this machine, it will
                again. TORU_PUBLIC_URL wins.

        Raises:
            Forbidden: all but administrators who may read.
        """
        machines = await self.list(actor)
        own = MachineView(socket.gethostname(), self._config.public_url or f"http://{asked_at}", {}, "")
        known = {machine.url for machine in machines} | {machine.name for machine in machines}
        here = [] if own.url in known else [own]
        if here and own.name in known:  # somebody gave another machine our name
            here = [MachineView(urlsplit(own.url).netloc, own.url, {}, "")]
        return [_target(machine) for machine in (*here, *machines)]

    async def put(self, actor: Actor, name: str, url: str, labels: Mapping[str, str] | None = None) -> MachineView:
        """Registers a machine, or replaces what is known of it. Admin only.

        Args:
            name: letters, digits, dots, hyphens and underscores, at most 100.
            url: http or https, a host and perhaps a port.
            labels: what Prometheus is to attach to all figures of the machine.

        Raises:
            StepUpNeeded: Prometheus sends its token there, and the second factor was proved too long ago.
            BadValue: the name, address or a label is not acceptable.
            Conflict: there are too many machines, or another one has this address.
        """
        actor.require_admin()
        actor.require_fresh_factor(self._clock.now())
        row = MachineRow(
            name=_checked_name(name),
            url=_checked_url(url),
            labels=json.dumps(_checked_labels(labels or {}), sort_keys=True),
            added_at=self._clock.now_iso(),
        )

        def write(session: Session) -> MachineView:
            known = session.get(MachineRow, row.name)
            if known is None and session.exec(select(func.count()).select_from(MachineRow)).one() >= MOST_MACHINES:
                raise Conflict(f"There are {MOST_MACHINES} machines already.")
            twins = select(MachineRow.name).where(MachineRow.url == row.url, MachineRow.name != row.name)
            if (twin := session.exec(twins).first()) is not None:
                raise Conflict(f"{row.url} is {twin} already.")
            facts: dict[str, object] = {"url": row.url, "labels": row.labels}
            if known is None:
                session.add(row)
                self._trail.append(session, actor, "machine.added", row.name, detail=facts)
                return _view(row)
            if (known.url, known.labels) != (row.url, row.labels):
                facts |= {"old_url": known.url, "old_labels": known.labels}
                known.url, known.labels = row.url, row.labels
                session.add(known)
                self._trail.append(session, actor, "machine.changed", row.name, detail=facts)
            return _view(known)

        return await self._database.write(write)

    async def remove(self, actor: Actor, name: str) -> None:
        """Forgets a machine, on which nothing changes. Admin only. Raises NotFound."""
        actor.require_admin()

        def write(session: Session) -> None:
            row = session.get(MachineRow, name)
            if row is None:
                raise NotFound("There is no such machine.")
            session.delete(row)
            facts = {"url": row.url, "labels": row.labels}
            self._trail.append(session, actor, "machine.removed", row.name, detail=facts)

        await self._database.write(write)


def _require_sight(actor: Actor) -> None:
    actor.require_read()
    if actor.role is not Role.ADMIN:
        raise Forbidden("Only an administrator may see the other machines.")


def _target(machine: MachineView) -> TargetGroup:
    parts = urlsplit(machine.url)
    has_port = parts.port is not None
    target = parts.netloc if has_port else f"{parts.netloc}:{DEFAULT_PORTS[parts.scheme]}"
    return TargetGroup((target,), {**machine.labels, "instance": machine.name, "__scheme__": parts.scheme})


def _view(row: MachineRow) -> MachineView:
    return MachineView(row.name, row.url, json.loads(row.labels), row.added_at)


def _checked_name(name: str) -> str:
    if NAME.fullmatch(name) is None:
        raise BadValue("A machine's name has 1 to 100 letters, digits, dots, hyphens and underscores.")
    return name


def _checked_url(url: str) -> str:
    try:
        return origin_of(url.strip())
    except ValueError:
        raise BadValue("A machine's address looks like https://toru.example.com, without a path.") from None


def _checked_labels(labels: Mapping[str, str]) -> dict[str, str]:
    if len(labels) > MOST_LABELS:
        raise BadValue(f"A machine has at most {MOST_LABELS} labels.")
    for key, value in labels.items():
        if LABEL.fullmatch(key) is None or key in RESERVED:
            raise BadValue(f"{key[:40]!r} is no label: letters, digits, underscores, and no name that figures have.")
        if not value or len(value) > MOST_TEXT or not value.isprintable():
            raise BadValue(f"The label {key} needs a value of 1 to {MOST_TEXT} printable characters.")
    return dict(labels)
