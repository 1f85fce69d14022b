"""Sessions: seven days to the second, closed when they expire, and not more of them than anybody needs."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.auth import sessions as module
from app.auth.sessions import TOKEN_BYTES, token_id
from app.core.clock import parse_iso
from app.core.database import Database
from app.core.errors import Forbidden, NotFound, Unavailable
from tests.auth.support import ADMIN_PASSWORD, CLARA, CLARA_PASSWORD, HOME, Door, open_door
from tests.support.database import MovedClock, locked_by_another, recorded
from tests.support.waiting import eventually


async def kept(database: Database) -> int:
    count = await database.read(lambda session: session.execute(text("SELECT count(*) FROM sessions")).scalar())
    return int(count or 0)


@pytest.mark.fault("A07")
@pytest.mark.parametrize(("seconds", "good"), [(-1, True), (0, False), (1, False)])
async def test_a_session_is_good_for_seven_days(seconds: int, good: bool, door: Door) -> None:
    signed_in = await door.enter()
    expires = parse_iso(signed_in.session.expires_at)
    assert abs(door.clock.now() + timedelta(days=7) - expires) < timedelta(seconds=5)
    door.clock.stands_at = expires + timedelta(seconds=seconds)
    assert (door.auth.session(signed_in.token) is not None) is good
    assert (door.auth.session_by_id(signed_in.session.id) is not None) is good


@pytest.mark.fault("A07")
async def test_what_is_open_is_closed_when_its_session_expires_though_nobody_asks(door: Door) -> None:
    session = (await door.enter()).session
    closed = asyncio.Event()
    door.registry.watch(session.id, closed.set)
    assert not closed.is_set()
    door.clock.move(days=7, seconds=1)
    assert await asyncio.wait_for(closed.wait(), 1)


@pytest.mark.fault("A07")
async def test_expired_sessions_are_forgotten_at_a_start_and_at_each_sign_in(
    database: Database, clock: MovedClock
) -> None:
    async with open_door(database, clock) as door:
        await door.enter()
        clock.move(days=8)
        await door.enter()
        assert await kept(database) == 1
    clock.move(days=8)
    async with open_door(database, clock):
        assert await kept(database) == 0


async def test_a_start_drops_the_sessions_of_users_that_are_gone(database: Database, clock: MovedClock) -> None:
    async with open_door(database, clock) as door:
        await door.add_clara()
        token = (await door.enter(CLARA, CLARA_PASSWORD)).token
    await database.write(lambda session: session.execute(text("UPDATE users SET is_active = 0")))
    async with open_door(database, clock) as door:
        assert door.auth.session(token) is None
        assert await kept(database) == 0


async def test_automation_that_never_signs_out_keeps_its_newest_sessions(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PER_USER", 3)
    await door.add_clara()
    claras = (await door.enter(CLARA, CLARA_PASSWORD)).token
    tokens = [(await door.enter()).token for _ in range(5)]
    assert [door.auth.session(token) is not None for token in tokens] == [False, False, True, True, True]
    assert door.auth.session(claras) is not None
    assert await kept(door.database) == 4


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t + "=", lambda t: t.swapcase(), token_id, lambda t: ""])
async def test_nothing_but_the_token_itself_is_a_token(spoil: Callable[[str], str], door: Door) -> None:
    token = (await door.enter()).token
    assert door.auth.session(spoil(token)) is None
    assert door.auth.session("\ud800\0é" * 5000) is None
    assert door.auth.session(token) is not None


@pytest.mark.fault("A05")
def test_a_hundred_thousand_tokens_are_unique_and_even() -> None:
    tokens = [secrets.token_urlsafe(TOKEN_BYTES) for _ in range(100_000)]
    assert TOKEN_BYTES * 8 == 256
    assert len(set(tokens)) == len(tokens)
    # The first 42 characters carry six bits each. Chi² over 64 symbols: 63 degrees of freedom, 1 in 10^9 exceeds 150.
    counts = Counter(character for token in tokens for character in token[:42])
    expected = 42 * len(tokens) / 64
    assert sum((counts[c] - expected) ** 2 / expected for c in counts) < 150
    assert len(counts) == 64


# -- a user's list

PLACES = (
    ("192.0.2.7", "Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0"),
    ("2001:db8::1", "curl/8.7.1"),
)


async def test_a_user_sees_its_own_sessions_the_newest_seen_first(door: Door) -> None:
    await door.add_clara()
    await door.enter()
    entered = [await door.enter(CLARA, CLARA_PASSWORD, address, user_agent=agent) for address, agent in PLACES]
    door.clock.move(minutes=5)
    door.auth.session(entered[0].token)
    actor = entered[1].session.actor(HOME)
    listed = await door.auth.sessions_of(actor)
    assert [(entry.address, entry.browser, entry.current) for entry in listed] == [
        ("192.0.2.7", "Firefox on Android", False),
        ("2001:db8::1", "curl", True),
    ]
    assert listed[0].id == entered[0].session.id
    assert listed[0].last_seen_at > listed[0].created_at
    door.clock.stands_at = parse_iso(entered[1].session.expires_at)
    assert [entry.address for entry in await door.auth.sessions_of(actor)] == []


async def test_when_it_was_seen_last_outlives_a_restart(database: Database, clock: MovedClock) -> None:
    async with open_door(database, clock) as door:
        session = await door.enter()
        clock.move(hours=1)
        door.auth.session(session.token)
        [seen] = await door.auth.sessions_of(session.session.actor(HOME))
        assert seen.last_seen_at > seen.created_at
    async with open_door(database, clock) as door:
        [again] = await door.auth.sessions_of(session.session.actor(HOME))
        assert again == seen


async def test_one_session_is_ended(door: Door) -> None:
    await door.add_clara()
    here, there = await door.enter(CLARA, CLARA_PASSWORD), await door.enter(CLARA, CLARA_PASSWORD, user_agent="curl/8")
    closed = asyncio.Event()
    door.registry.watch(there.session.id, closed.set)
    await door.auth.end_session(here.session.actor(HOME), there.session.id)
    assert closed.is_set()
    assert door.auth.session(there.token) is None
    assert door.auth.session(here.token) is not None
    facts = {"sessions": 1, "browser": "curl", "address": HOME}
    assert await recorded(door.database, "session.ended") == [(CLARA, CLARA, facts)]
    await door.auth.end_session(here.session.actor(HOME), here.session.id)
    assert door.auth.session(here.token) is None


async def test_nobody_elses_session_can_be_ended(door: Door) -> None:
    await door.add_clara()
    clara, admin = await door.enter(CLARA, CLARA_PASSWORD), await door.enter()
    for unknown in (admin.session.id, "0" * 64, "", "\ud800"):
        with pytest.raises(NotFound):
            await door.auth.end_session(clara.session.actor(HOME), unknown)
    assert door.auth.session(admin.token) is not None


async def test_all_others_are_ended(door: Door) -> None:
    await door.add_clara()
    admin, here, *there = [await door.enter(*who) for who in ((), *((CLARA, CLARA_PASSWORD),) * 3)]
    actor = here.session.actor(HOME)
    await door.auth.end_other_sessions(actor)
    assert [door.auth.session(one.token) for one in there] == [None, None]
    assert [entry.id for entry in await door.auth.sessions_of(actor)] == [here.session.id]
    assert door.auth.session(admin.token) is not None
    await door.auth.end_other_sessions(actor)  # there is none: nothing to record
    assert await recorded(door.database, "session.ended") == [(CLARA, CLARA, {"sessions": 2})]


async def test_an_admin_ends_all_sessions_of_a_user(door: Door) -> None:
    clara = (await door.add_clara()).id or ""
    admin, theirs = await door.enter(), await door.enter(CLARA, CLARA_PASSWORD)
    with pytest.raises(Forbidden):
        await door.auth.end_sessions_of(theirs.session.actor(HOME), clara)
    await door.auth.end_sessions_of(admin.session.actor(HOME), clara)
    assert door.auth.session(theirs.token) is None
    assert door.auth.session(admin.token) is not None
    assert await recorded(door.database, "session.ended") == [("Admin", CLARA, {"sessions": 1})]
    with pytest.raises(NotFound):
        await door.auth.end_sessions_of(admin.session.actor(HOME), "nobody")


async def test_what_the_same_browser_held_before_is_recorded_as_replaced(door: Door) -> None:
    await door.add_clara()
    before = (await door.enter(CLARA, CLARA_PASSWORD, user_agent="curl/8")).session
    await door.auth.sign_in("Admin", ADMIN_PASSWORD, address=HOME, replacing=before.id)
    assert door.auth.session_by_id(before.id) is None
    facts = {"sessions": 1, "replaced": True, "browser": "curl", "address": HOME}
    assert await recorded(door.database, "session.ended") == [("Admin", CLARA, facts)]
    await door.auth.sign_in("Admin", ADMIN_PASSWORD, address=HOME, replacing=before.id)  # ended already
    assert len(await recorded(door.database, "session.ended")) == 1


async def test_an_end_that_could_not_be_stored_is_recorded_with_it_later(door: Door) -> None:
    here, there = await door.enter(), await door.enter()
    async with locked_by_another(door.database):
        await door.auth.end_session(here.session.actor(HOME), there.session.id)
        assert door.auth.session(there.token) is None

    async def is_forgotten() -> bool:
        return await kept(door.database) == 1

    await eventually(is_forgotten)
    assert len(await recorded(door.database, "session.ended")) == 1


async def test_an_end_is_not_deleted_by_another_try_while_its_record_waits(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep looked while the first try was failing: the session went, and its record came never."""
    here, there = await door.enter(), await door.enter()
    writes: list[asyncio.Future[None]] = []
    write = door.database.write

    async def first_fails(work: Callable[..., object]) -> object:
        if not writes:
            writes.append(asyncio.get_running_loop().create_future())
            await writes[0]
            raise Unavailable("database is locked")
        return await write(work)

    monkeypatch.setattr(door.database, "write", first_fails)
    ending = asyncio.create_task(door.auth.end_session(here.session.actor(HOME), there.session.id))
    await eventually(lambda: writes)
    again = asyncio.create_task(door.sessions._ended.try_again())
    for _ in range(100):
        await asyncio.sleep(0)  # it gets as far as it can
    writes[0].set_result(None)
    await asyncio.gather(ending, again)
    assert await kept(door.database) == 1
    assert len(await recorded(door.database, "session.ended")) == 1


async def test_a_token_touches_no_sessions(door: Door) -> None:
    session = (await door.enter()).session
    made = await door.tokens.create(session.actor(HOME), "ci", ["admin"])
    credential = door.tokens.credential(made.token)
    assert credential is not None
    token = credential.actor(HOME)
    for forbidden in (
        door.auth.sessions_of(token),
        door.auth.end_session(token, session.id),
        door.auth.end_other_sessions(token),
        door.auth.change_own_password(token, ADMIN_PASSWORD, "Other-Horse-8"),
        door.users.change_own_display_name(token, "Somebody"),
    ):
        with pytest.raises(Forbidden, match="A token may not do this"):
            await forbidden
