"""The lock-out: tiers by name and by address, exact under any number of guesses at once, unmoved by restarts."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.auth.attempts import KEPT_ROWS
from app.auth.lockout import locked_until
from app.core.database import Database
from app.core.errors import Limited, NotSignedIn
from app.core.permissions import Actor
from tests.auth.support import ADMIN, ADMIN_PASSWORD, CLARA, CLARA_PASSWORD, HOME, Door, open_door
from tests.support.database import MovedClock

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def after(*seconds: int) -> datetime | None:
    return locked_until([START + timedelta(seconds=second) for second in seconds])


@pytest.mark.fault("A11")
def test_the_third_sixth_ninth_and_twelfth_failure_brings_a_lock_that_begins_with_it() -> None:
    assert after() is None
    assert after(0, 10) is None
    assert after(0, 10, 20) == START + timedelta(seconds=20 + 60)
    assert after(0, 10, 20, 100, 200) == START + timedelta(seconds=20 + 60)
    assert after(0, 10, 20, 100, 200, 300) == START + timedelta(seconds=300 + 180)
    assert after(*range(9)) == START + timedelta(seconds=8 + 600)
    assert after(*range(12)) == START + timedelta(seconds=11 + 1800)
    assert after(*range(13)) == START + timedelta(seconds=12 + 1800)


def test_failures_count_for_an_hour() -> None:
    assert after(0, 10, 3599) == START + timedelta(seconds=3599 + 60)
    assert after(0, 10, 3600) is None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 7200), max_size=20).map(sorted), st.integers(0, 20))
def test_the_end_of_a_lock_never_moves_as_time_passes_or_more_is_forgotten(seconds: list[int], extra: int) -> None:
    """What was promised holds: leaving out what is older than the look-back does not change a lock in force."""
    failures = [START + timedelta(seconds=second) for second in seconds]
    until = locked_until(failures)
    now = failures[-1] + timedelta(minutes=extra) if failures else START
    remembered = [moment for moment in failures if moment > now - timedelta(minutes=90)]
    if until is not None and until > now:
        assert locked_until(remembered) == until


@pytest.mark.fault("A11")
@pytest.mark.parametrize(("failures", "lock"), [(3, 60), (6, 180), (9, 600), (12, 1800), (13, 1800)])
async def test_the_tiers(failures: int, lock: int, door: Door) -> None:
    for count in range(1, failures + 1):
        await door.fail()
        if count < failures and count % 3 == 0:
            door.clock.move(seconds=await door.locked())
    assert lock - 1 <= await door.locked() <= lock
    door.clock.move(seconds=lock - 2)
    assert await door.locked()
    door.clock.move(seconds=3)
    assert (await door.enter()).user.username == ADMIN


@pytest.mark.fault("A15")
async def test_the_right_password_during_a_lock_gets_the_same_answer_unchecked(door: Door) -> None:
    await door.fail(3)
    answers = []
    for password in ("wrong", ADMIN_PASSWORD):
        with pytest.raises(Limited) as told:
            await door.enter(password=password)
        answers.append(str(told.value))
    assert answers[0] == answers[1] == "Too many failed attempts. Try again in 1 minute."
    assert door.hasher.checks == 3


@pytest.mark.fault("A14")
async def test_tries_during_a_lock_neither_count_nor_move_its_end(door: Door) -> None:
    await door.fail(3)
    left = [await door.locked()]
    for _ in range(11):
        door.clock.move(seconds=5)
        left.append(await door.locked())
    assert left == sorted(left, reverse=True)
    assert left[-1] <= 60 - 55 + 1
    door.clock.move(seconds=left[-1])
    await door.fail()  # the fourth, not the sixteenth: checked, and no new lock
    await door.enter()


async def test_a_success_forgives_the_name(door: Door) -> None:
    await door.fail(2)
    await door.enter()
    await door.fail(2)
    assert await door.locked(password=ADMIN_PASSWORD) == 0, "these two do not make four with the first"


@pytest.mark.fault("A13")
async def test_a_restart_keeps_the_lock(database: Database, clock: MovedClock) -> None:
    async with open_door(database, clock) as door:
        await door.fail(3)
    clock.move(seconds=20)
    async with open_door(database, clock) as door:
        assert 38 <= await door.locked() <= 40


@pytest.mark.fault("A11")
async def test_sixty_guesses_at_once_get_three_checks(door: Door) -> None:
    async def guess(number: int) -> type[Exception]:
        try:
            await door.enter(password=f"guess {number}", address=f"198.51.100.{number}")
        except (Limited, NotSignedIn) as error:
            return type(error)
        raise AssertionError("a guess was right")

    told = await asyncio.gather(*(guess(number) for number in range(60)))
    assert door.hasher.checks == 3
    assert (told.count(NotSignedIn), told.count(Limited)) == (3, 57)


async def test_a_guess_whose_client_goes_away_counts(door: Door) -> None:
    for number in range(3):
        guess = asyncio.create_task(door.enter(password="wrong", address=f"198.51.100.{number}"))
        while door.hasher.checks <= number:
            await asyncio.sleep(0)
        guess.cancel()
    assert await door.locked(address="198.51.100.9")


@pytest.mark.fault("A18")
async def test_one_address_with_many_names_is_locked(door: Door) -> None:
    for name in ("ann", "bob", "cem"):
        await door.fail(username=name)
    assert await door.locked(username="dora")
    assert not await door.locked(username="dora", address="198.51.100.7")


@pytest.mark.fault("A18")
async def test_many_addresses_with_one_name_are_locked(door: Door) -> None:
    for number in range(3):
        await door.fail(address=f"198.51.100.{number}")
    assert await door.locked(address="198.51.100.99")
    assert not await door.locked(username="somebody else", address="198.51.100.99")


@pytest.mark.parametrize("name", ["ADMIN", "admin ", "\uff21dmin"])  # a full-width A
async def test_other_spellings_of_a_name_are_the_same_name(name: str, door: Door) -> None:
    for number, spelling in enumerate((ADMIN, name.strip(), ADMIN.lower())):
        await door.fail(username=spelling, address=f"198.51.100.{number}")
    assert await door.locked(address="198.51.100.99")


@pytest.mark.fault("A23")
async def test_an_ipv6_network_is_one_address_and_a_mapped_address_is_the_plain_one(door: Door) -> None:
    for number in range(3):
        await door.fail(username=f"user{number}", address=f"2001:db8:1:2:{number}::1")
    assert await door.locked(username="x", address="2001:db8:1:2:ffff::")
    assert not await door.locked(username="x", address="2001:db8:1:3::1")
    for number in range(3):
        await door.fail(username=f"user{number}", address="198.51.100.5" if number else "::ffff:198.51.100.5")
    assert await door.locked(username="y", address="198.51.100.5")


async def test_an_account_of_ones_own_does_not_buy_guesses_at_others(door: Door) -> None:
    await door.add_clara()
    for name in ("ann", "bob"):
        await door.fail(username=name)
    await door.enter(CLARA, CLARA_PASSWORD)
    await door.fail(username="cem")
    assert await door.locked(username="dora")


@pytest.mark.fault("A18")
async def test_a_known_browser_goes_on_while_others_have_locked_the_name(door: Door) -> None:
    known = (await door.enter()).device or ""
    for number in range(3):
        await door.fail(address=f"198.51.100.{number}")
    assert await door.locked()
    assert (await door.enter(device=known)).device is None, "it keeps the cookie that it has"
    assert await door.locked(), "that success does not open the door for the others"


async def test_a_known_browser_that_guesses_locks_itself_only(door: Door) -> None:
    known = (await door.enter()).device or ""
    await door.fail(3, device=known)
    assert 59 <= await door.locked(device=known) <= 60
    await door.enter()  # another browser at the same address


@pytest.mark.parametrize(
    "forge", [lambda c: "", lambda c: c[:-1], lambda c: c.swapcase(), lambda c: "x" + c, "é.ü".join]
)
async def test_a_forged_or_foreign_cookie_makes_no_known_browser(forge: Callable[[str], str], door: Door) -> None:
    await door.add_clara()
    claras = (await door.enter(CLARA, CLARA_PASSWORD)).device or ""
    await door.fail(3)
    assert await door.locked(device=forge(claras))
    assert await door.locked(device=claras), "it was made for another name"


async def test_a_new_password_makes_strangers_of_known_browsers(door: Door) -> None:
    clara = (await door.add_clara()).id or ""
    known = (await door.enter(CLARA, CLARA_PASSWORD)).device or ""
    await door.fail(3, CLARA)
    assert not await door.locked(CLARA, device=known), "until then"
    await door.users.set_password(Actor.system(), clara, CLARA_PASSWORD)
    assert await door.locked(CLARA, device=known)
    door.clock.move(hours=2)
    entered = await door.enter(CLARA, CLARA_PASSWORD, device=known)
    await door.auth.change_own_password(entered.session.actor(HOME), CLARA_PASSWORD, "Other-Staple-9")
    await door.fail(3, CLARA)
    assert await door.locked(CLARA, device=entered.device or "no new one")


async def test_a_browser_of_a_deactivated_account_is_a_stranger(door: Door) -> None:
    clara = (await door.add_clara()).id or ""
    known = (await door.enter(CLARA, CLARA_PASSWORD)).device or ""
    await door.users.update(Actor.system(), clara, is_active=False)
    await door.fail(3, CLARA)
    assert await door.locked(CLARA, device=known)


async def test_all_known_browsers_of_a_name_have_twelve_guesses_an_hour_together(door: Door) -> None:
    await door.add_clara()
    known = [(await door.enter()).device or "" for _ in range(7)]
    claras = (await door.enter(CLARA, CLARA_PASSWORD)).device or ""
    for device in known[:4]:
        await door.fail(3, device=device)
    for device in known:
        assert await door.locked(device=device)
    assert 1798 <= await door.locked(device=known[6]) <= 1800
    await door.enter(CLARA, CLARA_PASSWORD, device=claras)
    await door.enter()  # a browser that is not known yet
    door.clock.move(seconds=1801)
    await door.fail(device=known[6])
    assert await door.locked(device=known[5]), "it is the thirteenth within an hour"


async def test_a_success_in_one_known_browser_forgives_no_other(door: Door) -> None:
    known = [(await door.enter()).device or "" for _ in range(6)]
    for device in known[:3]:
        await door.fail(3, device=device)
    await door.fail(2, device=known[3])
    await door.enter(device=known[4])
    await door.fail(device=known[5])
    assert await door.locked(device=known[4])


async def test_strangers_keep_nobody_from_changing_the_own_password(door: Door) -> None:
    await door.add_clara()
    actor = (await door.enter(CLARA, CLARA_PASSWORD)).session.actor(HOME)
    await door.fail(3, CLARA)
    await door.auth.change_own_password(actor, CLARA_PASSWORD, "Other-Staple-9")
    door.clock.move(minutes=2)
    assert (await door.enter(CLARA, "Other-Staple-9")).session.username == CLARA


async def test_wrong_passwords_in_a_session_lock_that_session_only(door: Door) -> None:
    await door.add_clara()
    here, there = [(await door.enter(CLARA, CLARA_PASSWORD)).session.actor(HOME) for _ in range(2)]
    for _ in range(3):
        with pytest.raises(NotSignedIn, match="The current password is wrong"):
            await door.auth.change_own_password(here, "wrong", "Other-Staple-9")
    with pytest.raises(Limited):
        await door.auth.change_own_password(here, CLARA_PASSWORD, "Other-Staple-9")
    await door.enter(CLARA, CLARA_PASSWORD)
    await door.auth.change_own_password(there, CLARA_PASSWORD, "Other-Staple-9")
    assert (await door.enter(CLARA, "Other-Staple-9")).session.username == CLARA


async def test_a_known_browser_is_known_after_a_restart(database: Database, clock: MovedClock) -> None:
    async with open_door(database, clock) as door:
        known = (await door.enter()).device or ""
        await door.fail(3)
    async with open_door(database, clock) as door:
        assert await door.locked()
        await door.enter(device=known)


@pytest.mark.fault("S18")
async def test_a_clock_that_is_set_back_locks_nobody_out_for_hours(door: Door) -> None:
    door.clock.move(hours=2)
    await door.fail(3)
    door.clock.move(hours=-2)
    assert await door.locked() == 0


async def test_tries_during_a_lock_cannot_fill_the_disk(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.auth.attempts.KEPT_ROWS", 5)
    assert KEPT_ROWS > 1000
    await door.fail(3)
    for _ in range(4):
        await door.locked()
    door.clock.move(hours=3)
    await door.fail()
    kept = await door.database.read(lambda session: session.execute(text("SELECT count(*) FROM sign_ins")).scalar())
    assert kept == 5


async def test_the_history_tells_every_attempt_newest_first(door: Door) -> None:
    await door.enter()
    await door.fail(3)
    await door.locked(username="x" * 500)
    told = await door.auth.history(Actor.system())
    assert [(view.success, view.failure_reason) for view in told] == [
        (False, "Locked"),
        *[(False, "Wrong user name or password")] * 3,
        (True, None),
    ]
    assert told[0].username == "x" * 100
    assert {view.ip_address for view in told} == {HOME}
    assert len({view.id for view in told}) == 5
