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
from tests.auth.support import CLARA, CLARA_PASSWORD, Door, open_door
from tests.support.database import MovedClock


async def kept(database: Database) -> int:
    count = await database.read(lambda session: session.execute(text("SELECT count(*) FROM sessions")).scalar())
    return int(count or 0)


@pytest.mark.parametrize(("seconds", "good"), [(-1, True), (0, False), (1, False)])
async def test_a_session_is_good_for_seven_days(seconds: int, good: bool, door: Door) -> None:
    signed_in = await door.enter()
    expires = parse_iso(signed_in.session.expires_at)
    assert abs(door.clock.now() + timedelta(days=7) - expires) < timedelta(seconds=5)
    door.clock.stands_at = expires + timedelta(seconds=seconds)
    assert (door.auth.session(signed_in.token) is not None) is good
    assert (door.auth.session_by_id(signed_in.session.id) is not None) is good


async def test_what_is_open_is_closed_when_its_session_expires_though_nobody_asks(door: Door) -> None:
    session = (await door.enter()).session
    closed = asyncio.Event()
    door.registry.watch(session.id, closed.set)
    door.clock.move(days=7, seconds=1)
    async with asyncio.timeout(1):
        await closed.wait()


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


def test_a_hundred_thousand_tokens_are_unique_and_even() -> None:
    tokens = [secrets.token_urlsafe(TOKEN_BYTES) for _ in range(100_000)]
    assert TOKEN_BYTES * 8 == 256
    assert len(set(tokens)) == len(tokens)
    # The first 42 characters carry six bits each. Chi² over 64 symbols: 63 degrees of freedom, 1 in 10^9 exceeds 150.
    counts = Counter(character for token in tokens for character in token[:42])
    expected = 42 * len(tokens) / 64
    assert sum((counts[c] - expected) ** 2 / expected for c in counts) < 150
    assert len(counts) == 64
