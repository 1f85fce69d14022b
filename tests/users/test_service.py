"""Client accounts: who may keep them, what a name may be, and when two names are the same."""

import asyncio

import pytest

from app.core.errors import BadValue, Conflict, Forbidden, NotFound
from app.core.permissions import Actor, Role
from app.users.names import name_key
from tests.auth.support import ADMIN, CLARA, CLARA_PASSWORD, Door
from tests.support.database import recorded

SYSTEM = Actor.system()
CLIENT = Actor("some-id", "carl", "Carl", Role.CLIENT)


async def test_an_account_is_made_and_listed_oldest_first(door: Door) -> None:
    clara = await door.users.create(SYSTEM, "  clara ", CLARA_PASSWORD, " Clara C. ")
    ada = await door.users.create(SYSTEM, "Ada", CLARA_PASSWORD)
    assert (clara.username, clara.display_name, clara.role, clara.is_active) == ("clara", "Clara C.", Role.CLIENT, True)
    assert ada.display_name == ""
    assert await door.users.list(SYSTEM) == [clara, ada]
    assert await door.users.get(SYSTEM, ada.id or "") == ada


async def test_nothing_that_leaves_holds_a_hash(door: Door) -> None:
    await door.add_clara()
    assert "argon2" not in repr(await door.users.list(SYSTEM))


@pytest.mark.fault("A38")
@pytest.mark.parametrize("name", ["clara", "CLARA", " Clara ", "ｃｌａｒａ", ADMIN, "admin", "ADMIN"])
async def test_a_name_is_taken_in_every_spelling_and_the_administrators_is_too(name: str, door: Door) -> None:
    await door.add_clara()
    with pytest.raises(Conflict):
        await door.users.create(SYSTEM, name, CLARA_PASSWORD)
    assert len(await door.users.list(SYSTEM)) == 1


async def test_two_who_want_one_name_at_once_do_not_both_get_it(door: Door) -> None:
    wanted = (door.users.create(SYSTEM, name, CLARA_PASSWORD) for name in ("Dora", "dora", "DORA"))
    results = await asyncio.gather(*wanted, return_exceptions=True)
    assert sum(isinstance(result, Conflict) for result in results) == 2
    assert len(await door.users.list(SYSTEM)) == 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\nb", "a\0b", "\x1b[31m", "\ud800", "a\u2028b", "\u200e"])
async def test_names_that_are_none(name: str, door: Door) -> None:
    with pytest.raises(BadValue):
        await door.users.create(SYSTEM, name, CLARA_PASSWORD)


@pytest.mark.parametrize("name", ["ada", "Ada Lovelace", "a.l@example.com", "Ærøskøbing", "艾達", "🚀", "x" * 64])
async def test_names_that_are_fine(name: str, door: Door) -> None:
    assert (await door.users.create(SYSTEM, name, CLARA_PASSWORD)).username == name
    assert (await door.enter(name.upper(), CLARA_PASSWORD)).user.username == name


@pytest.mark.parametrize("shown", ["x" * 101, "a\nb", "\ud800"])
async def test_display_names_that_are_none(shown: str, door: Door) -> None:
    with pytest.raises(BadValue):
        await door.users.create(SYSTEM, "ada", CLARA_PASSWORD, shown)


async def test_a_weak_password_is_refused_with_the_rule(door: Door) -> None:
    with pytest.raises(BadValue, match="8 characters or more"):
        await door.users.create(SYSTEM, "ada", "weak")
    assert await door.users.list(SYSTEM) == []


async def test_a_change_leaves_alone_what_it_does_not_name(door: Door) -> None:
    clara = await door.add_clara()
    user_id = clara.id or ""
    assert (await door.users.update(SYSTEM, user_id)) == clara
    off = await door.users.update(SYSTEM, user_id, is_active=False)
    assert (off.is_active, off.display_name) == (False, "Clara C.")
    cleared = await door.users.update(SYSTEM, user_id, display_name="")
    assert (cleared.is_active, cleared.display_name) == (False, "")
    assert (await door.users.update(SYSTEM, user_id, is_active=True)).is_active


async def test_an_unknown_account_is_not_found(door: Door) -> None:
    for call in (
        door.users.get(SYSTEM, "x"),
        door.users.update(SYSTEM, "x", is_active=False),
        door.users.delete(SYSTEM, "x"),
        door.users.set_password(SYSTEM, "x", CLARA_PASSWORD),
    ):
        with pytest.raises(NotFound):
            await call


async def test_a_deleted_name_is_free_again(door: Door) -> None:
    clara = await door.add_clara()
    await door.users.delete(SYSTEM, clara.id or "")
    assert await door.users.list(SYSTEM) == []
    assert (await door.add_clara()).id != clara.id


async def test_a_client_may_do_none_of_this(door: Door) -> None:
    clara = await door.add_clara()
    user_id = clara.id or ""
    for call in (
        door.users.list(CLIENT),
        door.users.get(CLIENT, user_id),
        door.users.create(CLIENT, "x", CLARA_PASSWORD),
        door.users.update(CLIENT, user_id, is_active=False),
        door.users.delete(CLIENT, user_id),
        door.users.set_password(CLIENT, user_id, CLARA_PASSWORD),
    ):
        with pytest.raises(Forbidden):
            await call
    assert await door.users.list(SYSTEM) == [clara]


def test_names_are_compared_in_their_compatibility_form_without_case() -> None:
    assert name_key("Straße") == name_key("STRASSE") == name_key("strasse")
    assert name_key("ﬁn") == name_key("FIN")
    assert name_key("e\u0301") == name_key("É")
    assert name_key("ada") != name_key("аda")  # a Cyrillic letter is another letter


# -- one's own display name


async def test_a_client_changes_its_own_display_name(door: Door) -> None:
    await door.add_clara()
    here = await door.enter(CLARA, CLARA_PASSWORD)
    actor = here.session.actor("192.0.2.1")
    assert (await door.users.change_own_display_name(actor, "  Clara D. ")).display_name == "Clara D."
    renamed = door.auth.session(here.token)
    assert renamed is not None
    assert renamed.display_name == "Clara D."
    await door.users.change_own_display_name(actor, "Clara D.")  # as it is: nothing to record
    assert (await door.users.change_own_display_name(actor, "")).display_name == ""
    changes = [(detail["old"], detail["new"]) for _, _, detail in await recorded(door.database, "user.changed")]
    assert changes == [("Clara C.", "Clara D."), ("Clara D.", "")]


@pytest.mark.parametrize("name", ["x" * 101, "a\nb", "a\u202eb", "\0"])
async def test_what_is_no_display_name(name: str, door: Door) -> None:
    await door.add_clara()
    actor = (await door.enter(CLARA, CLARA_PASSWORD)).session.actor("192.0.2.1")
    with pytest.raises(BadValue, match="A display name has"):
        await door.users.change_own_display_name(actor, name)


async def test_the_administrators_display_name_is_in_the_environment(door: Door) -> None:
    actor = (await door.enter()).session.actor("192.0.2.1")
    with pytest.raises(BadValue, match="ADMIN_DISPLAY_NAME"):
        await door.users.change_own_display_name(actor, "Boss")
