"""Signing in: the same answer for every refusal, one check for everybody, and sessions that end when they must."""

import pytest
from passlib.hash import argon2
from sqlalchemy import text

from app.core.database import Database
from app.core.errors import BadValue, Forbidden, Limited, NotSignedIn, Unavailable
from app.core.permissions import Actor, Role
from tests.auth.support import ADMIN, ADMIN_PASSWORD, CLARA, CLARA_PASSWORD, HOME, Door, open_door
from tests.support.database import MovedClock, locked_by_another, rows
from tests.support.waiting import eventually

NEW_PASSWORD = "New-Password-9"


async def refusal(door: Door, username: str, password: str) -> str:
    with pytest.raises(NotSignedIn) as told:
        await door.enter(username, password, address=f"198.51.100.{door.hasher.checks}")
    return str(told.value)


async def test_the_administrator_of_the_environment_signs_in(door: Door) -> None:
    signed_in = await door.enter("aDMIN")
    assert signed_in.user.id is None
    assert signed_in.session.role is Role.ADMIN
    assert door.auth.session(signed_in.token) == signed_in.session
    assert signed_in.session.actor(HOME) == Actor(None, ADMIN, "Administrator", Role.ADMIN, signed_in.session.id, HOME)


async def test_a_client_signs_in(door: Door) -> None:
    clara = await door.add_clara()
    signed_in = await door.enter("CLARA", CLARA_PASSWORD)
    assert signed_in.user == clara
    assert signed_in.session.role is Role.CLIENT


@pytest.mark.fault("A09")
async def test_every_refusal_is_the_same_sentence_after_one_check(door: Door) -> None:
    clara = await door.add_clara()
    await door.users.update(Actor.system(), clara.id or "", is_active=False)
    told = [
        await refusal(door, ADMIN, "wrong"),
        await refusal(door, "nobody", "wrong"),
        await refusal(door, CLARA, "wrong"),
        await refusal(door, CLARA, CLARA_PASSWORD),  # deactivated
        await refusal(door, ADMIN, "x" * 5000),
        await refusal(door, ADMIN, ""),
        await refusal(door, ADMIN + "\0", ADMIN_PASSWORD),
        await refusal(door, "", ADMIN_PASSWORD),
        await refusal(door, "'; DROP TABLE users; --", "x"),
        await refusal(door, "x" * 1_000_000, "x"),
    ]
    assert set(told) == {"Wrong user name or password."}
    assert door.hasher.checks == len(told)


async def test_tokens_are_random_and_only_their_hash_is_kept(door: Door) -> None:
    tokens = [(await door.enter()).token for _ in range(3)]
    assert len(set(tokens)) == 3
    assert all(len(token) == 43 for token in tokens)  # 32 bytes
    dump = await door.database.read(lambda session: str(session.execute(text("SELECT * FROM sessions")).fetchall()))
    assert not any(token in dump for token in tokens)
    assert (await door.enter()).session.id in await door.database.read(
        lambda session: str(session.execute(text("SELECT * FROM sessions")).fetchall())
    )


@pytest.mark.fault("A10")
async def test_a_hash_with_old_parameters_is_renewed_once(door: Door) -> None:
    clara = await door.add_clara()
    old = argon2.using(type="ID", memory_cost=8192, rounds=1, parallelism=1).hash(CLARA_PASSWORD)

    async def stored() -> str:
        return str(
            await door.database.read(lambda session: session.execute(text("SELECT password_hash FROM users")).scalar())
        )

    await door.database.write(lambda session: session.execute(text("UPDATE users SET password_hash = :h"), {"h": old}))
    assert (await door.enter(CLARA, CLARA_PASSWORD)).user.id == clara.id
    renewed = await stored()
    assert "m=19456,t=2,p=1" in renewed
    await door.enter(CLARA, CLARA_PASSWORD)
    assert await stored() == renewed


@pytest.mark.fault("A02")
async def test_a_browser_that_signs_in_again_leaves_its_old_session(door: Door) -> None:
    first = await door.enter()
    second = await door.auth.sign_in(ADMIN, ADMIN_PASSWORD, address=HOME, replacing=first.session.id)
    assert door.auth.session(first.token) is None
    assert door.auth.session(second.token) is not None


async def test_a_failed_attempt_ends_nothing(door: Door) -> None:
    first = await door.enter()
    with pytest.raises(NotSignedIn):
        await door.auth.sign_in(ADMIN, "wrong", address=HOME, replacing=first.session.id)
    assert door.auth.session(first.token) is not None


async def test_a_session_that_ended_stays_ended_after_a_restart(database: Database, clock: MovedClock) -> None:
    async with open_door(database, clock) as door:
        gone, kept = await door.enter(), await door.enter()
        await door.auth.sign_out(gone.session.id)
        assert door.auth.session(gone.token) is None
    async with open_door(database, clock) as door:
        assert door.auth.session(gone.token) is None
        assert door.auth.session(kept.token) == kept.session


@pytest.mark.parametrize(
    ("admin", "password"), [(ADMIN, NEW_PASSWORD), ("Root", ADMIN_PASSWORD)], ids=["password", "name"]
)
async def test_another_password_or_name_in_the_environment_ends_the_administrators_sessions(
    admin: str, password: str, database: Database, clock: MovedClock
) -> None:
    async with open_door(database, clock) as door:
        await door.add_clara()
        admins, claras = await door.enter(), await door.enter(CLARA, CLARA_PASSWORD)
    async with open_door(database, clock, admin=admin, password=password) as door:
        assert door.auth.session(admins.token) is None
        assert door.auth.session(claras.token) is not None
        await door.enter(admin, password)
    async with open_door(database, clock, admin=admin, password=password) as door:
        assert door.auth.session(admins.token) is None


@pytest.mark.fault("A38")
async def test_the_administrator_wins_over_a_client_of_its_name_and_that_is_logged(
    database: Database, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_door(database, clock) as door:
        await door.add_clara()
        session = await door.enter(CLARA, CLARA_PASSWORD)
    async with open_door(database, clock, admin="CLARA") as door:
        assert [record.event for record in caplog.records if hasattr(record, "event")].count("name_clash") == 1
        assert (await door.enter("clara")).user.role is Role.ADMIN
        with pytest.raises(NotSignedIn):
            await door.enter("clara", CLARA_PASSWORD)
        assert door.auth.session(session.token) is not None, "who is in stays in"


class Opened:
    """Something that is open under a session."""

    def __init__(self, door: Door, session_id: str) -> None:
        self.closed = 0
        door.registry.watch(session_id, self.close)

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("how", ["sign out", "deactivate", "delete", "new password"])
async def test_what_is_open_under_a_session_is_closed_when_it_ends(how: str, door: Door) -> None:
    clara = await door.add_clara()
    hers, admins = await door.enter(CLARA, CLARA_PASSWORD), await door.enter()
    opened, other = Opened(door, hers.session.id), Opened(door, admins.session.id)
    if how == "sign out":
        await door.auth.sign_out(hers.session.id)
    elif how == "deactivate":
        await door.users.update(Actor.system(), clara.id or "", is_active=False)
    elif how == "delete":
        await door.users.delete(Actor.system(), clara.id or "")
    else:
        await door.users.set_password(Actor.system(), clara.id or "", NEW_PASSWORD)
    assert (opened.closed, other.closed) == (1, 0)
    assert door.auth.session(hers.token) is None
    assert door.auth.session_by_id(hers.session.id) is None
    assert door.auth.session(admins.token) is not None


async def test_a_new_display_name_shows_at_once_and_ends_nothing(door: Door) -> None:
    clara = await door.add_clara()
    session = (await door.enter(CLARA, CLARA_PASSWORD)).session
    await door.users.update(Actor.system(), clara.id or "", display_name="Clara D.")
    renamed = door.auth.session_by_id(session.id)
    assert renamed is not None
    assert renamed.display_name == "Clara D."


@pytest.mark.fault("A49")
async def test_changing_ones_password_ends_the_other_sessions(door: Door) -> None:
    await door.add_clara()
    here, there = await door.enter(CLARA, CLARA_PASSWORD), await door.enter(CLARA, CLARA_PASSWORD)
    await door.auth.change_own_password(here.session.actor(HOME), CLARA_PASSWORD, NEW_PASSWORD)
    assert door.auth.session(here.token) is not None
    assert door.auth.session(there.token) is None
    await door.enter(CLARA, NEW_PASSWORD)
    with pytest.raises(NotSignedIn):
        await door.enter(CLARA, CLARA_PASSWORD)


@pytest.mark.fault("A49")
async def test_guessing_ones_own_password_is_locked_like_any_guess(door: Door) -> None:
    await door.add_clara()
    actor = (await door.enter(CLARA, CLARA_PASSWORD)).session.actor(HOME)
    for _ in range(3):
        with pytest.raises(NotSignedIn, match="current password is wrong"):
            await door.auth.change_own_password(actor, "wrong", NEW_PASSWORD)
    with pytest.raises(Limited):
        await door.auth.change_own_password(actor, CLARA_PASSWORD, NEW_PASSWORD)
    assert door.hasher.checks == 4


async def test_a_weak_new_password_is_refused_before_anything_is_checked(door: Door) -> None:
    await door.add_clara()
    actor = (await door.enter(CLARA, CLARA_PASSWORD)).session.actor(HOME)
    with pytest.raises(BadValue, match="8 characters"):
        await door.auth.change_own_password(actor, CLARA_PASSWORD, "weak")
    assert door.hasher.checks == 1


async def test_the_administrators_password_is_changed_in_the_environment(door: Door) -> None:
    with pytest.raises(BadValue, match="ADMIN_PASSWORD"):
        await door.auth.change_own_password((await door.enter()).session.actor(HOME), ADMIN_PASSWORD, NEW_PASSWORD)


@pytest.mark.fault("A50")
async def test_only_admins_see_who_tried_to_sign_in(door: Door) -> None:
    await door.add_clara()
    actor = (await door.enter(CLARA, CLARA_PASSWORD)).session.actor(HOME)
    with pytest.raises(Forbidden):
        await door.auth.history(actor)


async def test_the_failures_of_a_day_are_counted_for_administrators(door: Door) -> None:
    await door.add_clara()
    clara = (await door.enter(CLARA, CLARA_PASSWORD)).session.actor(HOME)
    admin = (await door.enter()).session.actor(HOME)
    assert await door.auth.failures_24h(admin) == 0
    await door.fail(2)
    door.clock.move(hours=1)
    await door.fail(3, CLARA)
    assert await door.locked(CLARA, password=CLARA_PASSWORD), "that counts, too"
    assert await door.auth.failures_24h(admin) == 6
    door.clock.move(hours=23, minutes=-1)
    assert await door.auth.failures_24h(admin) == 6
    door.clock.move(minutes=2)
    assert await door.auth.failures_24h(admin) == 4
    door.clock.move(hours=1)
    assert await door.auth.failures_24h(admin) == 0
    with pytest.raises(Forbidden):
        await door.auth.failures_24h(clara)


@pytest.mark.parametrize("change", ["is_active = 0", "password_hash = 'new'", None])
async def test_an_account_that_changes_while_its_password_is_checked_does_not_get_in(
    change: str | None, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    await door.add_clara()
    verify = door.hasher.verify

    async def verify_slowly(password: str, stored: str | None) -> bool:
        fits = await verify(password, stored)
        statement = f"UPDATE users SET {change}" if change else "DELETE FROM users"
        await door.database.write(lambda session: session.execute(text(statement)))
        return fits

    monkeypatch.setattr(door.hasher, "verify", verify_slowly)
    with pytest.raises(NotSignedIn, match="has just been changed"):
        await door.enter(CLARA, CLARA_PASSWORD)


@pytest.mark.fault("A17", "S03")
async def test_while_the_database_is_locked_nobody_gets_in_and_whoever_leaves_is_out(door: Door) -> None:
    session = await door.enter()

    async def kept() -> list[tuple[int, ...]]:
        return await rows(door.database, "SELECT count(*) FROM sessions")

    async def is_forgotten() -> bool:
        return await kept() == [(0,)]

    async with locked_by_another(door.database):
        checks = door.hasher.checks
        with pytest.raises(Unavailable):
            await door.enter()
        assert door.hasher.checks == checks
        await door.auth.sign_out(session.session.id)
        assert door.auth.session(session.token) is None
        assert await kept() == [(1,)]
    await eventually(is_forgotten)
