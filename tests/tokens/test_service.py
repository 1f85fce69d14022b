"""Tokens: who may make which, what they give, and that they end with whatever they were made under."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.auth import last_use
from app.core.clock import parse_iso
from app.core.database import Database
from app.core.errors import BadValue, Forbidden, NotFound, NotSignedIn, Unavailable
from app.core.ids import new_id
from app.core.permissions import Actor, Role
from app.tokens import tokens as module
from app.tokens.form import new_token
from tests.auth.support import ADMIN_PASSWORD, CLARA, HOME, Door, open_door
from tests.support.database import MovedClock, locked_by_another, recorded, rows
from tests.support.waiting import eventually
from tests.tokens.support import admin_of, clara_of

SYSTEM = Actor.system()


async def make(door: Door, actor: Actor, *scopes: str, days: int | None = None) -> str:
    """A token of the actor."""
    return (await door.tokens.create(actor, "ci", scopes or ("read",), days)).token


# -- making


async def test_a_token_acts_for_its_user_as_far_as_its_scopes_go(door: Door) -> None:
    clara = await clara_of(door)
    action = await door.actions.create(SYSTEM, "Deploy", "deploy.sh")
    made = await door.tokens.create(clara, "  nightly ", [f"run:{action.id}", "read", "read"], 30)
    credential = door.tokens.credential(made.token)
    assert credential is not None
    assert made.view.name == "nightly"
    assert made.view.scopes == ("read", f"run:{action.id}")
    assert made.token not in repr(made)
    actor = credential.actor(HOME)
    assert (actor.user_id, actor.username, actor.role) == (clara.user_id, CLARA, Role.CLIENT)
    assert (actor.display_name, actor.address, actor.session_id) == ("Clara C.", HOME, None)
    assert actor.may_read
    assert actor.may_run_action(action.id)
    assert not actor.may_run_action(new_id())
    assert actor.requester == f"token:{made.view.id}"
    assert actor.credential_id == made.view.id


async def test_an_admins_token_has_the_admins_rights_only_with_the_scope(door: Door) -> None:
    admin = await admin_of(door)
    for scopes, is_admin in (("read",), False), (("admin",), True):
        credential = door.tokens.credential(await make(door, admin, *scopes))
        assert credential is not None
        assert credential.actor(HOME).is_admin is is_admin
        assert credential.actor(HOME).may_read


async def test_nothing_of_a_token_is_kept_but_its_hash(door: Door) -> None:
    admin = await admin_of(door)
    token = await make(door, admin, "read")
    kept = await rows(door.database, "SELECT * FROM tokens") + await rows(door.database, "SELECT * FROM audit")
    assert token[4:] not in repr(kept)
    assert token[4:20] not in repr(kept)


@pytest.mark.parametrize(
    ("name", "scopes", "days", "sentence"),
    [
        ("", ["read"], None, "needs a name"),
        (" \t", ["read"], None, "needs a name"),
        ("x" * 101, ["read"], None, "needs a name"),
        ("a\nb", ["read"], None, "needs a name"),
        ("a\u202eb", ["read"], None, "needs a name"),
        ("ci", [], None, "at least one scope"),
        ("ci", ["write"], None, "Scopes are"),
        ("ci", ["READ"], None, "Scopes are"),
        ("ci", ["run:"], None, "Scopes are"),
        ("ci", ["run:*"], None, "Scopes are"),
        ("ci", ["run:" + "a" * 32], None, "There is no quick action aaaa"),
        ("ci", ["run:" + "a" * 31 + "\ud800"], None, "Scopes are"),
        ("ci", ["read"] * 101, None, "at most 100 scopes"),
        ("ci", ["read"], 0, "1 to 3650 days"),
        ("ci", ["read"], 3651, "1 to 3650 days"),
    ],
)
async def test_what_makes_no_token(name: str, scopes: list[str], days: int | None, sentence: str, door: Door) -> None:
    admin = await admin_of(door)
    with pytest.raises(BadValue, match=sentence):
        await door.tokens.create(admin, name, scopes, days)
    assert await door.tokens.list(admin) == []


async def test_only_an_admin_makes_a_token_with_the_scope_admin(door: Door) -> None:
    with pytest.raises(Forbidden, match="Only an administrator"):
        await make(door, await clara_of(door), "read", "admin")


async def test_a_token_touches_no_tokens(door: Door) -> None:
    admin = await admin_of(door)
    made = await door.tokens.create(admin, "ci", ["admin"])
    credential = door.tokens.credential(made.token)
    assert credential is not None
    token = credential.actor(HOME)
    for forbidden in (
        door.tokens.list(token),
        door.tokens.create(token, "child", ["read"]),
        door.tokens.revoke(token, made.view.id),
    ):
        with pytest.raises(Forbidden, match="A token may not do this"):
            await forbidden


async def test_a_user_has_at_most_fifty(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PER_USER", 2)
    admin, clara = await admin_of(door), await clara_of(door)
    first = (await door.tokens.create(admin, "one", ["read"])).view
    made = await asyncio.gather(*(make(door, admin) for _ in range(3)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in made) == ["Conflict", "Conflict", "str"]
    assert len(await door.tokens.list(admin)) == 2
    await make(door, clara)
    await door.tokens.revoke(admin, first.id)
    await make(door, admin)


# -- finding


@pytest.mark.fault("A07")
@pytest.mark.parametrize(("seconds", "good"), [(-1, True), (0, False), (1, False)])
async def test_a_token_expires_to_the_second(seconds: int, good: bool, door: Door) -> None:
    admin = await admin_of(door)
    made = await door.tokens.create(admin, "ci", ["read"], 3)
    assert made.view.expires_at is not None
    expires = parse_iso(made.view.expires_at)
    assert expires == parse_iso(made.view.created_at) + timedelta(days=3)
    door.clock.stands_at = expires + timedelta(seconds=seconds)
    assert (door.tokens.credential(made.token) is not None) is good
    assert (door.tokens.credential_by_id(made.view.id) is not None) is good
    assert [view.id for view in await door.tokens.list(admin)] == [made.view.id], "an expired one stays listed"


async def test_what_is_open_is_closed_when_its_token_expires_though_nobody_asks(door: Door) -> None:
    made = await door.tokens.create(await admin_of(door), "ci", ["read"], 1)
    closed = asyncio.Event()
    door.registry.watch(made.view.id, closed.set)
    assert not closed.is_set()
    door.clock.move(days=1, seconds=1)
    assert await asyncio.wait_for(closed.wait(), 1)


@pytest.mark.fault("A06")
async def test_a_malformed_token_is_not_even_looked_up(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await make(door, await admin_of(door))
    looked_up: list[str] = []

    def watched(text: str) -> str:
        looked_up.append(text)
        return ""

    monkeypatch.setattr(module, "hash_of", watched)
    for wrong in (token[:-1], token + "x", token.swapcase(), "", "x" * 10_000, "\ud800\0é"):
        assert door.tokens.credential(wrong) is None
    assert looked_up == []
    other = new_token()
    assert door.tokens.credential(other) is None
    assert looked_up == [other]


async def test_no_request_costs_a_look_into_the_database(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await make(door, await admin_of(door))
    monkeypatch.setattr(door.database, "_submit", None)
    for shown in (token, new_token()):
        assert (door.tokens.credential(shown) is not None) is (shown == token)


async def test_its_last_use_is_stored_once_a_minute_and_at_the_end(
    database: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_use, "FLUSH_SECONDS", 0.01)
    stored = "SELECT last_used_at FROM tokens"
    async with open_door(database, clock) as door:
        admin = await admin_of(door)
        token = await make(door, admin)
        assert [view.last_used_at for view in await door.tokens.list(admin)] == [None]
        clock.move(minutes=1)
        door.tokens.credential(token)
        [used] = [view.last_used_at for view in await door.tokens.list(admin)]
        assert used is not None

        async def is_stored() -> bool:
            return await rows(database, stored) == [(used,)]

        await eventually(is_stored)
        monkeypatch.setattr(last_use, "FLUSH_SECONDS", 60)
        clock.move(minutes=1)
        door.tokens.credential(token)
        [later] = [view.last_used_at for view in await door.tokens.list(admin)]
    assert await rows(database, stored) == [(later,)]
    async with open_door(database, clock) as door:
        assert [view.last_used_at for view in await door.tokens.list(await admin_of(door))] == [later]


# -- seeing and ending


async def test_everybody_sees_their_own_and_an_admin_all_who_asks(door: Door) -> None:
    admin, clara = await admin_of(door), await clara_of(door)
    await door.tokens.create(admin, "mine", ["read"])
    door.clock.move(seconds=1)
    await door.tokens.create(clara, "hers", ["read"])
    assert [view.name for view in await door.tokens.list(admin)] == ["mine"]
    assert [view.name for view in await door.tokens.list(clara)] == ["hers"]
    everyones = await door.tokens.list(admin, everyone=True)
    assert [(view.name, view.username) for view in everyones] == [("hers", CLARA), ("mine", "Admin")]
    with pytest.raises(Forbidden):
        await door.tokens.list(clara, everyone=True)


async def test_a_token_is_revoked_at_once_by_its_user_or_an_admin(door: Door) -> None:
    admin, clara = await admin_of(door), await clara_of(door)
    for who in (clara, admin):
        made = await door.tokens.create(clara, "ci", ["read"])
        closed = asyncio.Event()
        door.registry.watch(made.view.id, closed.set)
        await door.tokens.revoke(who, made.view.id)
        assert closed.is_set()
        assert door.tokens.credential(made.token) is None
        assert await rows(door.database, "SELECT * FROM tokens") == []
        with pytest.raises(NotFound):
            await door.tokens.revoke(who, made.view.id)


async def test_nobody_elses_token_can_be_revoked(door: Door) -> None:
    admin, clara = await admin_of(door), await clara_of(door)
    made = await door.tokens.create(admin, "ci", ["read"])
    for unknown in (made.view.id, new_id(), "", "\ud800"):
        with pytest.raises(NotFound, match="There is no such token"):
            await door.tokens.revoke(clara, unknown)
    assert door.tokens.credential(made.token) is not None


async def test_making_and_ending_are_recorded(door: Door) -> None:
    admin, clara = await admin_of(door), await clara_of(door)
    made = await door.tokens.create(clara, "ci", ["read"], 7)
    await door.tokens.revoke(admin, made.view.id)
    facts = {"id": made.view.id, "scopes": ["read"], "expires_at": made.view.expires_at}
    assert await recorded(door.database, "token.created") == [(CLARA, "ci", facts)]
    assert await recorded(door.database, "token.revoked") == [("Admin", "ci", {"id": made.view.id, "of": CLARA})]


LOSSES: dict[str, Callable[[Door, str], Any]] = {
    "deleted": lambda door, user_id: door.users.delete(SYSTEM, user_id),
    "deactivated": lambda door, user_id: door.users.update(SYSTEM, user_id, is_active=False),
    "another password": lambda door, user_id: door.users.set_password(SYSTEM, user_id, "Other-Staple-9"),
}


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_users_tokens_end_with_its_rights(loss: str, door: Door) -> None:
    admin, clara = await admin_of(door), await clara_of(door)
    kept = await make(door, admin)
    made = await door.tokens.create(clara, "ci", ["read"])
    closed = asyncio.Event()
    door.registry.watch(made.view.id, closed.set)
    await LOSSES[loss](door, str(clara.user_id))
    assert closed.is_set()
    assert door.tokens.credential(made.token) is None
    assert door.tokens.credential(kept) is not None
    assert await rows(door.database, "SELECT name, username FROM tokens") == [("ci", "Admin")]
    assert await recorded(door.database, "token.revoked") == [("system", "ci", {"id": made.view.id, "of": CLARA})]


@pytest.mark.parametrize("loss", LOSSES)
async def test_no_token_is_made_while_a_user_loses_its_rights(
    loss: str, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    clara = await clara_of(door)
    look = door.users.account_of

    async def look_slowly(user_id: str) -> Any:
        found = await look(user_id)
        await LOSSES[loss](door, str(clara.user_id))
        return found

    monkeypatch.setattr(door.users, "account_of", look_slowly)
    with pytest.raises(NotSignedIn, match="has just been changed"):
        await make(door, clara)
    assert await door.tokens.list(clara) == []
    assert await rows(door.database, "SELECT * FROM tokens") == []


async def test_an_own_new_password_keeps_ones_tokens(door: Door) -> None:
    clara = await clara_of(door)
    token = await make(door, clara)
    await door.auth.change_own_password(clara, "Battery-Staple-8", "Other-Staple-9")
    assert door.tokens.credential(token) is not None


async def test_a_new_display_name_shows(door: Door) -> None:
    clara = await clara_of(door)
    token = await make(door, clara)
    await door.users.change_own_display_name(clara, "Clara D.")
    credential = door.tokens.credential(token)
    assert credential is not None
    assert credential.actor(HOME).display_name == "Clara D."


# -- starts


async def test_tokens_outlive_a_restart(database: Database, clock: MovedClock) -> None:
    async with open_door(database, clock) as door:
        token = await make(door, await clara_of(door))
    async with open_door(database, clock) as door:
        credential = door.tokens.credential(token)
        assert credential is not None
        assert credential.actor(HOME).display_name == "Clara C."
    await database.write(lambda session: session.execute(text("UPDATE users SET is_active = 0")))
    async with open_door(database, clock) as door:
        assert door.tokens.credential(token) is None
        assert await rows(database, "SELECT * FROM tokens") == []


@pytest.mark.parametrize(
    ("admin", "password", "good"),
    [("Admin", ADMIN_PASSWORD, True), ("Admin", "Another-Horse-8", False), ("Boss", ADMIN_PASSWORD, False)],
)
async def test_the_administrators_tokens_end_with_its_name_and_password(
    admin: str, password: str, good: bool, database: Database, clock: MovedClock
) -> None:
    async with open_door(database, clock) as door:
        token = await make(door, await admin_of(door), "admin")
        claras = await make(door, await clara_of(door))
    async with open_door(database, clock, admin=admin, password=password) as door:
        assert (door.tokens.credential(token) is not None) is good
        assert door.tokens.credential(claras) is not None
    async with open_door(database, clock) as door:  # the old ones again do not bring it back
        assert (door.tokens.credential(token) is not None) is good


# -- a database that does not answer


async def test_a_token_ends_at_once_though_the_database_is_locked(door: Door) -> None:
    admin, clara = await admin_of(door), await clara_of(door)
    made = await door.tokens.create(admin, "ci", ["read"])
    claras = await make(door, clara)
    async with locked_by_another(door.database):
        with pytest.raises(Unavailable):
            await door.tokens.revoke(admin, made.view.id)
        with pytest.raises(Unavailable):  # told again, not that there is no such token
            await door.tokens.revoke(admin, made.view.id)
        assert door.tokens.credential(made.token) is None
        assert [view.name for view in await door.tokens.list(admin)] == []

    async def is_gone() -> bool:
        return await rows(door.database, "SELECT * FROM tokens WHERE user_id IS NULL") == []

    await eventually(is_gone)
    assert await recorded(door.database, "token.revoked") == [("Admin", "ci", {"id": made.view.id, "of": "Admin"})]
    assert door.tokens.credential(claras) is not None


async def test_no_token_is_told_that_could_not_be_stored(door: Door) -> None:
    admin = await admin_of(door)
    async with locked_by_another(door.database):
        with pytest.raises(Unavailable):
            await make(door, admin)
    assert await door.tokens.list(admin) == []
