"""Quick actions: what admins prepare and everybody may run."""

import pytest

from app.actions.service import ActionsService
from app.audit.trail import AuditTrail
from app.core.clock import Clock
from app.core.database import Database
from app.core.errors import BadValue, Forbidden, NotFound
from app.core.permissions import Actor, Role

ADMIN = Actor(None, "admin", "Administrator", Role.ADMIN)
CARLA = Actor("c", "carla", "Carla", Role.CLIENT)


@pytest.fixture
async def actions(database: Database) -> ActionsService:
    """The service, without any action yet."""
    return ActionsService(database, Clock(), AuditTrail(database, Clock()))


async def names(actions: ActionsService) -> list[str]:
    return [action.name for action in await actions.list(CARLA)]


async def test_new_actions_come_last_unless_they_say_where(actions: ActionsService) -> None:
    await actions.create(ADMIN, "One", "one.sh")
    await actions.create(ADMIN, "Two", "two.bash", "🚀")
    first = await actions.create(ADMIN, " First ", "first.sh", display_order=-5)
    assert await names(actions) == ["First", "One", "Two"]
    assert await actions.get(CARLA, first.id) == first
    assert [action.icon for action in await actions.list(CARLA)] == [None, None, "🚀"]


async def test_what_is_given_is_changed(actions: ActionsService) -> None:
    action = await actions.create(ADMIN, "One", "one.sh", "x")
    changed = await actions.update(ADMIN, action.id, name="Uno", icon="")
    assert (changed.name, changed.script_path, changed.icon) == ("Uno", "one.sh", None)
    assert await actions.allows(CARLA, "one.sh")
    await actions.update(ADMIN, action.id, script_path="other.sh")
    assert not await actions.allows(CARLA, "one.sh")
    assert await actions.allows(CARLA, "other.sh")


async def test_admins_order_them(actions: ActionsService) -> None:
    ids = {name: (await actions.create(ADMIN, name, "x.sh")).id for name in "abcd"}
    await actions.order(ADMIN, [ids["d"], ids["b"]])
    assert await names(actions) == ["d", "b", "a", "c"]
    with pytest.raises(BadValue):
        await actions.order(ADMIN, [ids["a"], ids["a"]])
    with pytest.raises(NotFound):
        await actions.order(ADMIN, ["nope"])


async def test_a_deleted_action_allows_nothing(actions: ActionsService) -> None:
    action = await actions.create(ADMIN, "One", "one.sh")
    await actions.delete(ADMIN, action.id)
    assert not await actions.allows(CARLA, "one.sh")
    for gone in (actions.delete(ADMIN, action.id), actions.get(ADMIN, action.id), actions.update(ADMIN, action.id)):
        with pytest.raises(NotFound):
            await gone


@pytest.mark.parametrize(
    ("name", "script", "icon"),
    [
        ("", "a.sh", None),
        ("  ", "a.sh", None),
        ("x" * 101, "a.sh", None),
        ("a\nb", "a.sh", None),
        ("a\x1b[1m", "a.sh", None),
        ("One", "", None),
        ("One", "../a.sh", None),
        ("One", "/bin/a.sh", None),
        ("One", "a.txt", None),
        ("One", ".sh", None),
        ("One", "a\0.sh", None),
        ("One", "é" * 130 + ".sh", None),
        ("One", "a.sh", "x" * 65),
    ],
)
async def test_refuses_what_is_no_action(actions: ActionsService, name: str, script: str, icon: str | None) -> None:
    with pytest.raises(BadValue):
        await actions.create(ADMIN, name, script, icon)
    assert await names(actions) == []


async def test_clients_only_look(actions: ActionsService) -> None:
    action = await actions.create(ADMIN, "One", "one.sh")
    for forbidden in (
        actions.create(CARLA, "Two", "two.sh"),
        actions.update(CARLA, action.id, name="x"),
        actions.order(CARLA, []),
        actions.delete(CARLA, action.id),
    ):
        with pytest.raises(Forbidden):
            await forbidden
    assert await names(actions) == ["One"]


async def test_followers_hear_of_changes(actions: ActionsService) -> None:
    heard: list[int] = []
    unsubscribe = actions.subscribe(lambda: heard.append(1))
    action = await actions.create(ADMIN, "One", "one.sh")
    await actions.update(ADMIN, action.id, name="Two")
    await actions.delete(ADMIN, action.id)
    unsubscribe()
    await actions.create(ADMIN, "One", "one.sh")
    assert len(heard) == 3
