"""Stored licence keys: who may store which, what is kept of them, and a clock that was set back."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import Session, select, text

from app.audit.models import AuditRow
from app.audit.trail import AuditTrail
from app.core.database import Database
from app.core.errors import Forbidden, NotFound, StepUpNeeded
from app.core.permissions import Actor, Role
from app.plugins import licence_store as module
from app.plugins.licence_store import NOTE_SECONDS, LicenceStore
from app.plugins.licences import (
    AlteredKey,
    ClockSetBack,
    ExpiredKey,
    ForeignKey,
    MalformedKey,
    OtherPluginKey,
    make_hmac_key,
    make_signed_key,
)
from tests.support.database import MovedClock
from tests.support.waiting import eventually

INSTANCE = "3f2b8c1e-5d47-4a90-9c1b-7e6f0a1d2c3b"
OTHER_INSTANCE = "00000000-0000-4000-8000-000000000000"
SECRET = b"a secret of the maker"
PRIVATE = Ed25519PrivateKey.generate()
PUBLIC = PRIVATE.public_key().public_bytes_raw()
EXPIRES = date(2027, 1, 31)
GOOD = make_hmac_key(SECRET, INSTANCE, EXPIRES)
SIGNED = make_signed_key(PRIVATE, "disk-watch", INSTANCE, None)

ADMIN = Actor(None, "admin", "Administrator", Role.ADMIN)
CLIENT = Actor("c" * 32, "carla", "Carla", Role.CLIENT)
STALE = Actor(None, "admin", "Administrator", Role.ADMIN, session_id="s", has_second_factor=True)


class SteppedClock(MovedClock):
    """A clock of which time passes only when a test says so; `set_to` is what somebody does with `date -s`."""

    def __init__(self) -> None:
        super().__init__()
        self.stands_at = datetime(2027, 1, 20, 12, tzinfo=UTC)
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def passes(self, **time: float) -> None:
        assert self.stands_at is not None
        self.stands_at += timedelta(**time)
        self.seconds += timedelta(**time).total_seconds()

    def set_to(self, *moment: int) -> None:
        self.stands_at = datetime(*moment, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
async def store(database: Database, clock: SteppedClock) -> AsyncIterator[LicenceStore]:
    async with opened(database, clock) as store:
        yield store


class opened:  # noqa: N801 - reads as a word
    """A store on a database, as after a start."""

    def __init__(self, database: Database, clock: SteppedClock, instance_id: str = INSTANCE) -> None:
        self.store = LicenceStore(database, lambda: instance_id, clock, AuditTrail(database, clock))

    async def __aenter__(self) -> LicenceStore:
        await self.store.open()
        return self.store

    async def __aexit__(self, *_: object) -> None:
        await self.store.close()


async def audit(database: Database) -> list[tuple[str, str, str]]:
    def read(session: Session) -> list[tuple[str, str, str]]:
        return [(row.what, row.target, row.detail) for row in session.exec(select(AuditRow))]

    return await database.read(read)


async def everything(database: Database) -> str:
    """All that the database holds, but for the keys' own table."""
    names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'licence_keys'"

    def read(session: Session) -> str:
        tables = session.connection().execute(text(names)).scalars().all()
        return str([session.connection().execute(text(f"SELECT * FROM {name}")).all() for name in tables])

    return await database.read(read)


async def test_a_stored_key_is_there_after_a_restart(
    store: LicenceStore, database: Database, clock: SteppedClock
) -> None:
    assert store.key_of("disk-watch") is None
    await store.store(ADMIN, "disk-watch", f"  {GOOD}\n")
    assert store.key_of("disk-watch") == GOOD
    async with opened(database, clock) as again:
        assert again.key_of("disk-watch") == GOOD
        view = again.view("disk-watch")
    assert view is not None
    assert (view.expires, view.stored_by, view.problem) == (EXPIRES, "admin", None)
    assert view.stored_at == "2027-01-20T12:00:00.000Z"
    assert store.view("another") is None


async def test_a_later_key_replaces_an_earlier_one(store: LicenceStore) -> None:
    await store.store(ADMIN, "disk-watch", GOOD)
    await store.store(ADMIN, "disk-watch", SIGNED, PUBLIC)
    assert store.key_of("disk-watch") == SIGNED


async def test_keys_are_stored_and_removed_with_an_audit_row_that_holds_no_key(
    store: LicenceStore, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await store.store(ADMIN, "disk-watch", GOOD)
    await store.store(ADMIN, "other", make_hmac_key(SECRET, INSTANCE, None))
    await store.remove(ADMIN, "disk-watch")
    assert await audit(database) == [
        ("licence.stored", "disk-watch", '{"expires": "2027-01-31"}'),
        ("licence.stored", "other", '{"expires": "never"}'),
        ("licence.removed", "disk-watch", "{}"),
    ]
    assert store.key_of("disk-watch") is None
    assert store.key_of("other") is not None
    for told in (caplog.text, await everything(database), repr(store.view("other"))):
        assert GOOD not in told
        assert GOOD[-20:] not in told


async def test_removing_what_is_not_there(store: LicenceStore, database: Database) -> None:
    with pytest.raises(NotFound):
        await store.remove(ADMIN, "disk-watch")
    assert await audit(database) == []


@pytest.mark.parametrize(("actor", "error"), [(CLIENT, Forbidden), (STALE, StepUpNeeded)])
async def test_only_an_admin_with_a_fresh_factor_may(
    actor: Actor, error: type[Exception], store: LicenceStore, database: Database
) -> None:
    with pytest.raises(error):
        await store.store(actor, "disk-watch", GOOD)
    await store.store(ADMIN, "disk-watch", GOOD)
    with pytest.raises(error):
        await store.remove(actor, "disk-watch")
    assert store.key_of("disk-watch") == GOOD


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("no key", MalformedKey),
        (GOOD[:50] + " " + GOOD[50:], MalformedKey),
        (make_hmac_key(SECRET, OTHER_INSTANCE, None), ForeignKey),
        (make_hmac_key(SECRET, INSTANCE, date(2027, 1, 19)), ExpiredKey),
        (make_signed_key(PRIVATE, "another", INSTANCE, None), OtherPluginKey),
        (make_signed_key(Ed25519PrivateKey.generate(), "disk-watch", INSTANCE, None), AlteredKey),
    ],
)
async def test_a_bad_key_is_refused_and_the_earlier_one_stays(
    key: str, error: type[Exception], store: LicenceStore, database: Database
) -> None:
    await store.store(ADMIN, "disk-watch", GOOD)
    with pytest.raises(error) as refusal:
        await store.store(ADMIN, "disk-watch", key, PUBLIC)
    assert key not in str(refusal.value)
    assert store.key_of("disk-watch") == GOOD
    assert len(await audit(database)) == 1


async def test_without_the_plugins_public_key_the_signature_is_its_own_affair(store: LicenceStore) -> None:
    unknown = make_signed_key(Ed25519PrivateKey.generate(), "disk-watch", INSTANCE, None)
    await store.store(ADMIN, "disk-watch", unknown)
    assert store.problem_of("disk-watch") is None


# -- what becomes of a key


async def test_a_key_that_runs_out_is_told_and_stays_stored(
    store: LicenceStore, database: Database, clock: SteppedClock
) -> None:
    await store.store(ADMIN, "disk-watch", GOOD)
    clock.set_to(2027, 1, 31, 23, 59, 59)
    assert store.problem_of("disk-watch") is None
    clock.set_to(2027, 2, 1)
    assert store.problem_of("disk-watch") == "This licence key was valid through 2027-01-31 (UTC) and has run out."
    view = store.view("disk-watch")
    assert view is not None
    assert view.problem == store.problem_of("disk-watch")
    assert store.key_of("disk-watch") == GOOD
    async with opened(database, clock) as again:
        assert again.key_of("disk-watch") == GOOD


@pytest.mark.fault("L09")
async def test_a_database_that_came_to_another_installation_brings_no_licence(
    store: LicenceStore, database: Database, clock: SteppedClock
) -> None:
    await store.store(ADMIN, "disk-watch", GOOD)
    async with opened(database, clock, OTHER_INSTANCE) as elsewhere:
        assert f"for the installation {INSTANCE}" in str(elsewhere.problem_of("disk-watch"))


@pytest.mark.parametrize("key", ["", "no key", "v2.x.y", GOOD + "\n"])
async def test_a_key_that_somebody_spoilt_in_the_database_is_told(
    key: str, store: LicenceStore, database: Database, clock: SteppedClock
) -> None:
    await store.store(ADMIN, "disk-watch", GOOD)

    def spoil(session: Session) -> Any:
        return session.connection().exec_driver_sql("UPDATE licence_keys SET key = ?", (key,))

    await database.write(spoil)
    async with opened(database, clock) as again:
        view = again.view("disk-watch")
    assert view is not None
    assert (view.expires, view.problem) == (None, str(MalformedKey()))


# -- a clock that was set back


async def noted(store: LicenceStore, clock: SteppedClock) -> None:
    """Time passes, as it does, and is noted."""
    clock.passes(seconds=NOTE_SECONDS)
    await store.note_time()


@pytest.mark.fault("S18", "L07")
async def test_setting_the_clock_back_brings_no_licence_back(
    store: LicenceStore, database: Database, clock: SteppedClock
) -> None:
    await store.store(ADMIN, "disk-watch", GOOD)
    clock.passes(days=13)  # to the 2nd of February
    await store.note_time()
    clock.set_to(2027, 1, 25)
    sentence = (
        "This licence key was valid through 2027-01-31 (UTC) and has run out: "
        "the clock of this machine had come to 2027-02-02 before it was set back."
    )
    assert store.problem_of("disk-watch") == sentence
    for _ in range(3):  # the clock keeps that time now, which makes it no better
        await noted(store, clock)
    assert store.problem_of("disk-watch") == sentence
    async with opened(database, clock) as again:
        assert again.problem_of("disk-watch") == sentence
        await again.remove(ADMIN, "disk-watch")
        with pytest.raises(ClockSetBack):
            await again.store(ADMIN, "disk-watch", GOOD)
        await again.store(ADMIN, "disk-watch", make_hmac_key(SECRET, INSTANCE, date(2027, 12, 31)))
        assert again.problem_of("disk-watch") is None


@pytest.mark.fault("S18")
async def test_a_clock_that_was_wrong_for_a_moment_ends_no_licence(
    store: LicenceStore, database: Database, clock: SteppedClock
) -> None:
    await store.store(ADMIN, "disk-watch", GOOD)
    clock.set_to(2099, 1, 1)
    await noted(store, clock)  # it was set since the last look
    assert store.problem_of("disk-watch") is not None
    clock.set_to(2027, 1, 20)
    await noted(store, clock)
    assert store.problem_of("disk-watch") is None
    async with opened(database, clock) as again:
        assert again.problem_of("disk-watch") is None


async def test_a_clock_that_is_wrong_when_the_core_starts_is_not_believed_at_once(
    database: Database, clock: SteppedClock
) -> None:
    clock.set_to(2099, 1, 1)
    async with opened(database, clock) as store:
        clock.set_to(2027, 1, 20)
        await noted(store, clock)
        await store.store(ADMIN, "disk-watch", GOOD)
        assert store.problem_of("disk-watch") is None


async def test_time_is_noted_while_the_core_runs(
    database: Database, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_noted() -> bool:
        return "2027-02-02T12:00:00" in await everything(database)

    monkeypatch.setattr(module, "NOTE_SECONDS", 0.01)
    async with opened(database, clock) as store:
        await store.store(ADMIN, "disk-watch", GOOD)
        assert not await is_noted()
        clock.passes(days=13)
        await eventually(is_noted)


async def test_without_a_key_nothing_is_written(store: LicenceStore, database: Database, clock: SteppedClock) -> None:
    before = await everything(database)
    await noted(store, clock)
    assert await everything(database) == before
